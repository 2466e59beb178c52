"""A headless Chromium, spoken to by its own protocol: open a page, ask it something, type, take a picture."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
LOADED = (
    "document.querySelectorAll('.dashboard-component-chart-holder').length > 0"
    " && document.querySelectorAll('.loading, [data-test=loading-indicator]').length == 0"
)
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowDown": 40}


def chromium() -> str | None:
    """The browser's program; null where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """One command of the DevTools protocol. Raises RuntimeError with what the browser answered."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])

    def ask(self, expression: str) -> Any:  # noqa: ANN401 - JSON
        """The value of an expression in the page."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return told["result"].get("value")

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def wait(self, condition: str, seconds: float = 60.0) -> float:
        """Wait until the expression is true; the seconds it took. Raises TimeoutError with the page's text."""
        began = time.monotonic()
        while not self.ask(f"Boolean({condition})"):
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"{condition} not within {seconds} s; the page says: {self.text()[:2000]}")
            time.sleep(0.1)
        return time.monotonic() - began

    def text(self) -> str:
        return str(self.ask("document.body ? document.body.innerText : ''"))

    def type(self, selector: str, text: str) -> None:
        """Put the cursor into a field and type."""
        self.ask(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        self.ask(f"document.querySelector({json.dumps(selector)}).click()")

    def press(self, key: str) -> None:
        """A key as a person presses it: what it does is up to the element that has the focus."""
        text = {"Enter": "\r", " ": " "}.get(key)
        down: dict[str, Any] = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": KEYS[key]}
        self.call("Input.dispatchKeyEvent", type="keyDown", **down, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **down)

    def click_at(self, expression: str) -> None:
        """A real click into the middle of an element; it must be there and may be below the screen."""
        x, y = self.ask(
            f"(() => {{ const it = {expression}; it.scrollIntoView({{block: 'center'}});"
            " const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for what in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=what, x=x, y=y, button="left", clickCount=1)

    def picture(self, path: Path, *, width: int, height: int) -> None:
        """The page as a PNG of that size."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        time.sleep(1.0)  # the charts follow the size
        shot = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    def cookies(self) -> dict[str, str]:
        return {each["name"]: each["value"] for each in self.call("Network.getCookies")["cookies"]}


def sign_in(page: Page, url: str, user: str, password: str) -> None:
    # A page that is left may still get an answer with a cookie, which is not that of the form below.
    page.open("about:blank")
    page.wait("location.protocol == 'about:'")
    time.sleep(0.5)
    page.call("Network.clearBrowserCookies")
    page.open(f"{url}/login/")
    page.wait("document.querySelector('input[type=password]')", 300)
    page.type("form input:not([type=password])", user)
    page.type("input[type=password]", password)
    page.click("button[type=submit]")
    page.wait("!location.pathname.startsWith('/login')", 300)


def open_dashboard(page: Page, url: str, slug: str, title: str, query: str = "") -> None:
    """A dashboard, until all of its charts in sight are drawn."""
    page.open(f"{url}/superset/dashboard/{slug}/{query}")
    page.wait(f"location.pathname.includes({slug!r}) && document.body.innerText.includes({title!r})", 300)
    page.wait(LOADED, 300)


MORE = "document.querySelector('[data-test=dropdown-container-btn]')"
DROPPED = "document.querySelector('.ant-select-dropdown:not(.ant-select-dropdown-hidden)')"


def filter_box(title: str) -> str:
    """A filter by its title, in the bar or among those that have no room there."""
    return (
        "[...document.querySelectorAll('[data-test=filter-control-name]')]"
        f".find(each => each.innerText.trim() == {json.dumps(title)} && each.getClientRects().length)"
        "?.closest('.ant-form-item')"
    )


def choose(page: Page, title: str, value: str) -> list[str]:
    """A filter's value chosen and applied by the mouse, as a person does; what there was to choose from."""
    option = f"[...{DROPPED}?.querySelectorAll('.ant-select-item-option') ?? []]"
    one = f"{option}.find(each => each.innerText.trim() == {json.dumps(value)})"
    apply = "document.querySelector('[data-test=filter-bar__apply-button]:not([disabled])')"
    offered: list[str] = []
    for _attempt in range(6):  # what is still being drawn moves away from the mouse
        if not page.ask(f"Boolean({filter_box(title)})"):
            page.click_at(MORE)
            page.wait(filter_box(title), 20)
            time.sleep(1.0)
        # on what is chosen where something is: in the middle of the field may be the cross that takes it away
        chosen = f"{filter_box(title)}.querySelector('.ant-select-selection-item-content')"
        page.click_at(f"({chosen} ?? {filter_box(title)}.querySelector('.ant-select'))")
        with suppress(TimeoutError):
            page.wait(one, 10)
            time.sleep(0.5)
            offered = page.ask(f"{option}.map(each => each.innerText.trim())")
            page.click_at(one)
            page.press("Escape")
            page.wait(apply, 5)
            break
    page.wait(apply, 1)
    page.click_at(apply)
    return offered


@contextmanager
def browser(profile: Path, program: str) -> Iterator[Page]:
    """A browser with a profile of its own, ended at the end of the block."""
    process = subprocess.Popen(
        [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--hide-scrollbars", "--remote-debugging-port=0", "--remote-allow-origins=*", "--no-proxy-server",
            # As a person's: for a page that knows itself remote-controlled Superset draws what is below the screen too.
            "--disable-blink-features=AutomationControlled",
            "--window-size=1400,1000", "--lang=en", f"--user-data-dir={profile}", "about:blank",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port_file = profile / "DevToolsActivePort"
        deadline = time.monotonic() + 60
        while not (port_file.exists() and len(port_file.read_text().splitlines()) == 2):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Chromium did not start")
            time.sleep(0.1)
        port = port_file.read_text().splitlines()[0]
        session = requests.Session()
        session.trust_env = False
        tabs = session.get(f"http://127.0.0.1:{port}/json", timeout=30).json()
        address = next(each["webSocketDebuggerUrl"] for each in tabs if each["type"] == "page")
        # No pings: while nobody reads what the page tells by itself, their answers are behind it.
        with connect(address, max_size=None, proxy=None, ping_interval=None) as socket:
            page = Page(socket)
            page.call("Page.enable")
            page.call("Network.enable")
            yield page
    finally:
        process.terminate()
        process.wait()
