"""Superset's files: packed, kept by the browser for ever, and no other file than Superset's."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bi.spec import LANGUAGES, dashboards
from bi.superset.static_files import DASHBOARD_STYLES, FOR_DASHBOARDS, PREFIX, StaticFiles
from tests.dashboards.browser import Page, open_dashboard, sign_in
from tests.dashboards.people import Served

SCRIPT = "0123456789abcdef0123.chunk.js"
SOURCE = b"window.opened = true;" * 100


def asked(folder: Path, path: str, **more: str) -> tuple[str, dict[str, str], bytes]:
    """Status, headers and body; of another application's answers the status is 404."""
    told: list[Any] = []

    def application(_environ: dict[str, Any], start: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI's
        start("404 Not Found", [])
        return [b""]

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "HTTP_ACCEPT_ENCODING": "gzip, deflate, br", **more}
    body = b"".join(StaticFiles(application, folder)(environ, lambda *answer: told.extend(answer)))
    return told[0], dict(told[1]), body


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    (tmp_path / "secret.js").write_bytes(b"no")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / SCRIPT).write_bytes(SOURCE)
    (tmp_path / "assets" / "manifest.json").write_bytes(b"{}")
    return tmp_path / "assets"


def test_a_script_comes_packed_and_is_never_asked_for_again(assets: Path) -> None:
    status, headers, body = asked(assets, PREFIX + SCRIPT)
    assert (status, headers["Content-Encoding"], headers["Content-Type"]) == ("200 OK", "gzip", "text/javascript")
    assert "immutable" in headers["Cache-Control"]
    assert int(headers["Content-Length"]) == len(body) < len(SOURCE)
    assert gzip.decompress(body) == SOURCE


def test_what_a_dashboard_needs_is_packed_before_the_first_browser_asks(assets: Path) -> None:
    for name in (FOR_DASHBOARDS[0], SCRIPT):
        (assets / name).write_bytes(SOURCE)
    (assets / "manifest.json").write_text(json.dumps({"entrypoints": {"spa": {"js": [PREFIX + SCRIPT], "css": []}}}))
    files = StaticFiles(lambda _environ, _start: [], assets)
    list(files({"REQUEST_METHOD": "GET", "PATH_INFO": "/health"}, lambda *_answer: None))
    deadline = time.monotonic() + 10
    while files.packed() < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert files.packed() == 2


def test_who_cannot_unpack_it_gets_it_whole(assets: Path) -> None:
    _status, headers, body = asked(assets, PREFIX + SCRIPT, HTTP_ACCEPT_ENCODING="")
    assert "Content-Encoding" not in headers
    assert body == SOURCE


def test_what_a_page_tells_of_itself_is_answered_without_a_cookie(assets: Path) -> None:
    assert asked(assets, "/superset/log/", REQUEST_METHOD="POST") == ("204 No Content", {}, b"")


@pytest.mark.parametrize(
    ("path", "method"),
    [
        (PREFIX + "manifest.json", "GET"),  # its name has no digest: it may change
        (PREFIX + "../secret.js", "GET"),
        (PREFIX + "0123456789abcdef9999.chunk.js", "GET"),  # there is no such file
        ("/api/v1/" + SCRIPT, "GET"),
        (PREFIX + SCRIPT, "POST"),
    ],
)
def test_everything_else_is_superset_s(assets: Path, path: str, method: str) -> None:
    assert asked(assets, path, REQUEST_METHOD=method)[0] == "404 Not Found"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_dashboard_loads_no_script_that_its_page_s_head_does_not_name(page: Page, served: Served) -> None:
    sign_in(page, served.url, served.roles["director"], served.password("director"))
    # All rows are in sight: a person's browser draws what is far below only when it is scrolled to.
    page.call("Emulation.setDeviceMetricsOverride", width=1400, height=3000, deviceScaleFactor=1, mobile=False)
    every = "performance.getEntriesByType('resource').map(each => new URL(each.name).pathname)"
    loaded: set[str] = set()
    for language in LANGUAGES:
        page.open(f"{served.url}/lang/{language}")
        page.wait("document.readyState == 'complete'", 300)
        for dashboard in dashboards():
            open_dashboard(page, served.url, f"{dashboard.report}-{language}", dashboard.titles[language])
            loaded |= set(page.ask(every))
    later = {each.removeprefix(PREFIX) for each in loaded if each.endswith(".chunk.js")}
    assert later <= set(FOR_DASHBOARDS)
    assert {each for each in loaded if each.endswith(".chunk.css")} == {PREFIX + DASHBOARD_STYLES}
    for name in FOR_DASHBOARDS:
        answer = served.signed_in("director").session.get(served.url + PREFIX + name, timeout=60)
        assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, "gzip"), name


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_reader_s_browser_asks_nobody_but_this_server(served: Served) -> None:
    answer = served.signed_in("director").session.get(f"{served.url}/login/", timeout=60)
    allowed = answer.headers["Content-Security-Policy"]
    assert "script-src 'self' 'strict-dynamic' 'nonce-" in allowed
    assert "http" not in allowed
    assert 'lang="en"' in answer.text
