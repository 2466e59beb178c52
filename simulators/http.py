"""One vendor behind one loopback port: reading requests, injecting faults, writing answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from simulators.faults import Fault, Faults

DRIPS = 8  # pieces of a dripping answer
HTML_PAGE = "<!DOCTYPE html><html><head><title>Service</title></head><body><h1>Maintenance</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def get(self, name: str) -> str | None:
        """The first query parameter of that name; null if absent or empty."""
        return next((value for key, value in self.query if key == name and value != ""), None)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Vendor(Protocol):
    """What a simulator must say: its answers, and its own words for the common faults."""

    name: str

    def handle(self, request: Request) -> Response: ...

    def unauthorized(self) -> Response: ...

    def too_many_requests(self) -> Response: ...

    def server_error(self) -> Response: ...

    def without_rows(self, request: Request, good: Response) -> Response:
        """The same answer with no rows in it."""
        ...


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, json.dumps(value, ensure_ascii=False).encode(), headers=headers or {})


def text_response(text: str, status: int, content_type: str = "text/plain; charset=utf-8") -> Response:
    return Response(status, text.encode(), content_type)


class VendorServer:
    """A vendor on a free port, from `start` to `stop`. `journal` holds (method, path, status).

    It listens on one address of this machine, the loopback unless told; others know the machine as `known_as`.
    """

    def __init__(
        self, vendor: Vendor, faults: Faults, listen: str = "127.0.0.1", known_as: str = "127.0.0.1"
    ) -> None:
        self.vendor = vendor
        self.faults = faults
        self.journal: list[tuple[str, str, int]] = []
        self._last_good: dict[str, Response] = {}
        self._server = ThreadingHTTPServer((listen, 0), _handler(self))
        self._known_as = known_as
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://{self._known_as}:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(self, request: Request) -> tuple[Response, Fault | None]:
        """The response, and the fault behind it: it may die half-way through its body, or drip."""
        address = f"{request.path}?{'&'.join(f'{key}={value}' for key, value in request.query)}"
        said = " ".join((address, request.body.decode("utf-8", "replace"), *request.headers.values()))
        fault = self.faults.take(self.vendor.name, said)
        if fault is None:
            response = self.vendor.handle(request)
            if response.status == 200:
                self._last_good[request.path] = response
            return response, None
        return self._faulty(fault, request), fault

    def _faulty(self, fault: Fault, request: Request) -> Response:
        kind = fault.kind
        if kind == "slow":
            time.sleep(fault.seconds)
        if kind == "answer" and fault.response is not None:
            return fault.response
        if kind == "unauthorized":
            return self.vendor.unauthorized()
        if kind == "too_many_requests":
            refused = self.vendor.too_many_requests()
            extra = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return Response(refused.status, refused.body, refused.content_type, {**refused.headers, **extra})
        if kind == "server_error":
            return self.vendor.server_error()
        if kind == "html":
            return text_response(HTML_PAGE, 200, "text/html; charset=utf-8")
        if kind == "repeated_page" and request.path in self._last_good:
            return self._last_good[request.path]
        good = self.vendor.handle(request)
        if kind == "changed" and fault.change is not None and good.status == 200:
            return fault.change(good)
        if kind == "empty_page" and good.status == 200:
            return self.vendor.without_rows(request, good)
        if kind == "truncated_json":
            return Response(good.status, good.body[: len(good.body) // 2], good.content_type, good.headers)
        return good


def _drip(out: BufferedIOBase, body: bytes, seconds: float) -> None:
    step = max(1, len(body) // DRIPS)
    for first in range(0, len(body), step):
        out.write(body[first : first + step])
        out.flush()
        time.sleep(seconds)


def _handler(owner: VendorServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "simulator"
        sys_version = ""
        # Head and body in one packet: two small ones wait 40 ms for each other's acknowledgement.
        wbufsize = -1
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            request = Request(
                self.command,
                parts.path,
                tuple(parse_qsl(parts.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length) if length else b"",
            )
            response, fault = owner.answer(request)
            owner.journal.append((request.method, request.path, response.status))
            self.send_response(response.status)
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(response.body)))
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if fault is not None and fault.kind == "drip":
                _drip(self.wfile, response.body, fault.seconds)
                return
            if fault is not None and fault.kind == "cut_body":
                self.wfile.write(response.body[: len(response.body) // 2])
                self.wfile.flush()
                self.close_connection = True
                return
            self.wfile.write(response.body)

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: ANN401 - the base class's signature
            """Silent: request lines hold tokens."""

    return Handler
