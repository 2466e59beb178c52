"""How Superset looks: colours that can be read on white, and patterns that tell series apart without them."""

from __future__ import annotations

from typing import Any

# 4.5 : 1 and more (WCAG 2.1, 1.4.3) on white and on what the filled buttons have behind them; Superset's own blue has
# 3.6 : 1, its greys for hints and empty filters less.
READABLE = "#17708A"
BEHIND = "#E8F2F5"
GREY = "#5F5F5F"

# Where a theme is given, Superset takes nothing from its own: what its pages need of that is said again.
THEME: dict[str, Any] = {
    "algorithm": "default",
    "token": {
        "brandAppName": "Chairside",
        "brandLogoAlt": "Chairside",
        "brandLogoUrl": "/static/assets/images/superset-logo-horiz.png",
        "brandLogoHref": "/dashboard/list/",
        "brandLogoHeight": "24px",
        "brandLogoMargin": "18px 0",
        "brandIconMaxWidth": 37,
        "fontSizeXS": "8",
        "fontSizeXXL": "28",
        "fontWeightNormal": "400",
        "fontWeightLight": "300",
        "fontWeightStrong": "600",
        "fontWeightBold": "700",
        "colorPrimary": READABLE,
        "colorPrimaryBg": BEHIND,
        "colorPrimaryBgHover": BEHIND,
        "colorLink": READABLE,
        "colorTextTertiary": GREY,
        "colorTextQuaternary": GREY,
        "colorTextDescription": GREY,
        "colorTextPlaceholder": GREY,
    },
    # Of every ECharts picture. A bar's pattern is in the legend too. What moves costs the first second of a page.
    "echartsOptionsOverrides": {"animation": False, "aria": {"enabled": True, "decal": {"show": True}}},
}
