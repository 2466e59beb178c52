"""Superset's scripts, styles and pictures, packed once and given out without Flask.

A browser that comes for the first time asks for some fifty files, 10 MB. Flask took 5 ms of the only processor that
Python has for each, packed them anew each time, and said nothing against asking again. A name holds the digest of what
is in the file, so what a browser has it may keep for ever.
"""

from __future__ import annotations

import gzip
import json
import mimetypes
import re
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

PREFIX = "/static/assets/"
EVENTS = "/superset/log/"  # what pages tell of themselves, a second later; nobody keeps it (lighter.py)
NAMED_BY_DIGEST = re.compile(r"(?:\w+\.)?[0-9a-f]{20}(?:\.(?:entry|chunk))?\.(?:js|css|woff2?)")
PACKED = (".js", ".css")  # the others are packed already
FILES = 300  # kept; what dashboards ask for is some 60 files, 3 MB

# What Superset 6.1.0 loads for a dashboard of ours beside what its pages name themselves. Each page's head names them:
# else the browser learns of the last of them when the others have run. A test compares it with what Chromium asks for.
FOR_DASHBOARDS = (
    "e5741290f2549a376f8e.chunk.js", "ae41f571b493ba30512e.chunk.js", "64278a6b5d79e06d59e7.chunk.js",
    "858a8ed0ab46cfe5187b.chunk.js", "dcf461e9e129c345e980.chunk.js", "3dbc09f150c73665169c.chunk.js",
    "4fb14b890c096e4948ee.chunk.js", "e96f17ea0cf4e393f72f.chunk.js", "67f9b3d6b9840fdc21ac.chunk.js",
    "b948feda196ac28f26ed.chunk.js", "bc912ed2d996d966bf33.chunk.js", "ae9cde3b59cfeaa1a0fa.chunk.js",
    "88.5ff0a59a88e2c9038ade.entry.js", "31de3dd70d56adf8a1ad.chunk.js", "7e6e5031a28b6756a45f.chunk.js",
    "99bc3e1652b09419e20c.chunk.js", "d83ba2b1e18c0367d0bc.chunk.js", "da4cbff56cfb96f066e4.chunk.js",
    "39693f6488f09dcac2f9.chunk.js", "acb30b4be955128a0919.chunk.js", "ddaae12625f5b9aeb7e0.chunk.js",
    "e32b897be9cbfcc3e1eb.chunk.js", "dcc358efa55986fb97bb.chunk.js", "9fdeaa1255418845236f.chunk.js",
    "6ee7d93f9cc5ccaa3009.chunk.js", "d55a6a4d29b4d58b70bf.chunk.js", "3cf9a774e16b7ab9ac3a.chunk.js",
)  # fmt: skip
DASHBOARD_STYLES = "DashboardContainer.99bc3e1652b09419e20c.chunk.css"

Start = Callable[..., Any]


class StaticFiles:
    """WSGI: the files of `folder` that are named by their digest; everything else is the application's.

    But for the events that nobody keeps: their answer would bring a cookie, of who was signed in before.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]], folder: Path) -> None:
        self._application = application
        self._folder = folder
        self._kept = lru_cache(maxsize=FILES)(self._read)
        self._packing = threading.Thread(target=self._pack, name="pack", daemon=True)

    def packed(self) -> int:
        """How many files are at hand."""
        return self._kept.cache_info().currsize

    def _pack(self) -> None:
        """What a dashboard needs, before the first browser asks: a second of work that it would wait for."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads((self._folder / "manifest.json").read_text())["entrypoints"]["spa"]
            for name in (*told["js"], *told["css"], *FOR_DASHBOARDS, DASHBOARD_STYLES):
                with suppress(FileNotFoundError):
                    self._kept(name.removeprefix(PREFIX), True)

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if path == "/health" and self._packing.ident is None:  # asked once it serves, before somebody comes
            with suppress(RuntimeError):  # two asked at once
                self._packing.start()
        if path == EVENTS:
            start("204 No Content", [])
            return []
        name = path.removeprefix(PREFIX)
        if environ["REQUEST_METHOD"] != "GET" or name == path or not NAMED_BY_DIGEST.fullmatch(name):
            return self._application(environ, start)
        packed = name.endswith(PACKED) and "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")
        try:
            body = self._kept(name, packed)
        except FileNotFoundError:
            return self._application(environ, start)
        headers = [
            ("Content-Type", mimetypes.guess_type(name)[0] or "application/octet-stream"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "public, max-age=31536000, immutable"),
            ("Vary", "Accept-Encoding"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        start("200 OK", [*headers, ("Content-Encoding", "gzip")] if packed else headers)
        return [body]

    def _read(self, name: str, packed: bool) -> bytes:
        body = (self._folder / name).read_bytes()
        return gzip.compress(body) if packed else body
