"""A small HTTP server that plays whatever answers a test writes down, for faults that no tidy simulator has."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Reply:
    """An answer. `cut` sends half of the body and closes the connection."""

    body: bytes | str | list[Any] | dict[str, Any] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False

    @property
    def bytes(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False)).encode()


Play = Callable[[Asked], Reply]


@dataclass
class Vendor:
    """The running server: its address, what it was asked, and how it answers (replace `play` at any time)."""

    url: str
    play: Play
    asked: list[Asked] = field(default_factory=list)

    def script(self, *replies: Reply) -> None:
        """Answer with these in turn, then with the last one for ever."""
        waiting = list(replies)
        self.play = lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def vendor_server() -> Iterator[Vendor]:
    """A server on a free port of the loopback."""
    vendor = Vendor("", lambda _: Reply(status=404))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or every answer waits 40 ms for the client's acknowledgement

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            asked = Asked(self.command, parts.path, query, dict(self.headers), body)
            vendor.asked.append(asked)
            reply = vendor.play(asked)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.bytes)))
            self.end_headers()
            self.wfile.write(reply.bytes[: len(reply.bytes) // 2] if reply.cut else reply.bytes)
            self.close_connection = reply.cut

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    vendor.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
