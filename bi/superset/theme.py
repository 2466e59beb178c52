"""How Superset looks: colours that can be read on white, and patterns that tell series apart without them."""

from __future__ import annotations

from typing import Any

# 4.5 : 1 on white and more (WCAG 2.1, 1.4.3); Superset's own blue has 3.6 : 1.
READABLE = "#17708A"

THEME: dict[str, Any] = {
    "algorithm": "default",
    "token": {
        "brandAppName": "Chairside",
        "brandLogoAlt": "Chairside",
        "colorPrimary": READABLE,
        "colorLink": READABLE,
    },
    # Of every ECharts picture. A bar's pattern is in the legend too. What moves costs the first second of a page.
    "echartsOptionsOverrides": {"animation": False, "aria": {"enabled": True, "decal": {"show": True}}},
}
