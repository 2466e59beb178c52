"""A real HTTP proxy before a vendor: it spoils the answers that a test names, and passes all others on untouched.

The vendor behind it is not asked to play along, so what it says of itself (totals, page counts) stays true.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

# Spoil one answer, by its number in the run.
ONCE = (
    "429", "429 with Retry-After", "500", "cut", "truncated", "repeated page", "empty page", "drip", "expired token",
    "a row moved", "order changed",
)  # fmt: skip
# Change what every record says, from that answer on.
LASTING = ("new field", "field gone", "number as string", "one refused field")
# These say nothing false: a run that ends well in spite of them has loaded everything.
HONEST = frozenset({"429", "429 with Retry-After", "500", "cut", "truncated", "drip", "a row moved", "order changed"})

Records = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Spoil:
    """`kind` for the request number `at` (from 0) since the faults were planned."""

    kind: str
    at: int


@dataclass(slots=True, repr=False)
class Proxy:
    """State: the planned faults, how many requests came, the last page passed on. `url` is what a client talks to."""

    upstream: str
    required: str  # a field without which a record is nothing
    url: str = ""
    planned: tuple[Spoil, ...] = ()
    asked: int = 0
    fired: list[str] = field(default_factory=list)
    last_body: bytes = b""
    delay: float = 0.0  # seconds before every answer
    lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, *spoils: Spoil) -> None:
        with self.lock:
            self.planned, self.asked, self.fired, self.last_body = spoils, 0, [], b""

    def due(self) -> tuple[int, list[str]]:
        """The number of this request and what is wrong with it."""
        with self.lock:
            number = self.asked
            self.asked += 1
            kinds = [spoil.kind for spoil in self.planned if spoil.kind in LASTING and spoil.at <= number]
            kinds += [spoil.kind for spoil in self.planned if spoil.kind in ONCE and spoil.at == number]
            self.fired += kinds
            return number, kinds


def _ask(upstream: str, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=30)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", "application/json"), answer.read()
    finally:
        connection.close()


def _edit(body: bytes, change: Callable[[Records], Records]) -> bytes:
    """The answer with other records, wherever this vendor keeps them."""
    answer = json.loads(body)
    if isinstance(answer, list):
        return json.dumps(change(answer)).encode()
    for name in ("records", "result"):
        if isinstance(answer.get(name), list):
            answer[name] = change(answer[name])
    return json.dumps(answer).encode()


def _shuffled(upstream: str, method: str, path: str, headers: dict[str, str], kind: str) -> bytes | None:
    """This page as it is cut when the vendor's order has changed since the page before; null where nothing is paged."""
    parts = urlsplit(path)
    query = dict(parse_qsl(parts.query))
    if "page" not in query or "limit" not in query:
        return None
    page, limit = int(query["page"]), int(query["limit"])
    whole = f"{parts.path}?{urlencode({**query, 'page': 1, 'limit': 1000})}"
    every = json.loads(_ask(upstream, method, whole, headers, b"")[2])["records"]
    every = every[::-1] if kind == "order changed" else every[1:] + every[:1]
    good = json.loads(_ask(upstream, method, path, headers, b"")[2])
    return json.dumps({**good, "records": every[(page - 1) * limit : page * limit]}).encode()


def _spoiled_records(kinds: list[str], required: str) -> Callable[[Records], Records]:
    def change(records: Records) -> Records:
        changed = []
        for place, record in enumerate(records):
            record = dict(record)
            if "new field" in kinds:
                record["fieldOfTomorrow"] = {"deep": [1]}
            if "number as string" in kinds:
                record = {
                    name: str(value) if type(value) is int else value for name, value in record.items()
                }
            if "field gone" in kinds and place % 2 == 0:
                record.pop(required, None)
            if "one refused field" in kinds and place == 0:
                record[required] = ["no", "such", "value"]
            changed.append(record)
        return changed

    return change


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def _say(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def _serve(self) -> None:
            given = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if proxy.delay:
                time.sleep(proxy.delay)
            _, kinds = proxy.due()
            if "429" in kinds:
                return self._say(429, b"{}")
            if "429 with Retry-After" in kinds:
                return self._say(429, b"{}", Retry_After="0")
            if "500" in kinds:
                return self._say(500, b"oops", "text/plain")
            if "expired token" in kinds:
                return self._say(401, b'{"error": "expired_token"}')
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            status, kind, body = _ask(proxy.upstream, self.command, self.path, headers, given)
            for order in ("order changed", "a row moved"):
                if order in kinds and status == 200 and self.command == "GET":
                    body = _shuffled(proxy.upstream, self.command, self.path, headers, order) or body
            if status == 200 and set(kinds) & set(LASTING):
                body = _edit(body, _spoiled_records(kinds, proxy.required))
            if "empty page" in kinds and status == 200:
                body = _edit(body, lambda records: [])
            if "repeated page" in kinds and proxy.last_body:
                body = proxy.last_body
            proxy.last_body = body
            if "truncated" in kinds:
                body = body[: len(body) // 2]
            if "cut" not in kinds and "drip" not in kinds:
                return self._say(status, body, kind)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            step = max(1, len(body) // 8)
            for first in range(0, len(body) // 2 if "cut" in kinds else len(body), step):
                self.wfile.write(body[first : first + step])
                self.wfile.flush()
                time.sleep(0.01 if "drip" in kinds else 0)
            self.close_connection = "cut" in kinds
            return None

        do_GET = do_POST = _serve

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: addresses hold tokens."""

    return Handler


@contextmanager
def running_proxy(upstream: str, *, required: str) -> Iterator[Proxy]:
    """A proxy on a free port until the block ends."""
    proxy = Proxy(upstream, required)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
