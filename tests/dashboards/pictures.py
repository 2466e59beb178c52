"""Pictures of all dashboards in both languages, for docs/pictures: what a director of the demo sees.

    CHAIRSIDE_HOME=… make up
    python -m tests.dashboards.pictures $(make -s sign-in ROLE=demo_director | awk '{print $NF}')
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bi.spec import LANGUAGES, dashboards
from runtime.home import REPOSITORY
from runtime.superset import PYTHON
from tests.dashboards.browser import browser, chromium, open_dashboard, sign_in

PICTURES = REPOSITORY / "docs" / "pictures"
WIDTH = 1400
BOTTOM = (
    "Math.ceil(Math.max(...[...document.querySelectorAll('.dashboard-component-chart-holder')]"
    ".map(each => each.getBoundingClientRect().bottom)))"
)
# Fewer colours: a tenth of the size, and the same to the eye. Superset's environment has Pillow.
SMALLER = (
    "import sys; from PIL import Image; i = Image.open(sys.argv[1]).convert('RGB');"
    " i.resize((i.width * 3 // 4, i.height * 3 // 4), Image.LANCZOS)"
    # by nearest means, or bars of a rare colour take that of others
    ".quantize(128, kmeans=4, dither=Image.Dither.NONE).save(sys.argv[2], optimize=True)"
)


def main(url: str, user: str, password: str, *only: str) -> int:
    program = chromium()
    if program is None:
        print("no Chromium here", file=sys.stderr)
        return 1
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, browser(Path(folder), program) as page:
        sign_in(page, url, user, password)
        for language in LANGUAGES:
            page.open(f"{url}/lang/{language}")
            page.wait("document.readyState == 'complete'", 300)
            for dashboard in dashboards():
                name = f"{dashboard.report}-{language}"
                if only and name not in only:
                    continue
                page.call(
                    "Emulation.setDeviceMetricsOverride", width=WIDTH, height=3600, deviceScaleFactor=1, mobile=False
                )
                began = time.monotonic()
                open_dashboard(page, url, name, dashboard.titles[language])
                print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)
                time.sleep(2.0)  # animations
                raw = Path(folder) / f"{name}.png"
                page.picture(raw, width=WIDTH, height=int(page.ask(BOTTOM)) + 16)
                subprocess.run([PYTHON, "-c", SMALLER, raw, PICTURES / f"{name}.png"], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
