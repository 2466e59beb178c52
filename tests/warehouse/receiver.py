"""A local server that takes what Telegram's and Slack's addresses are sent, or refuses it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Receiver:
    """`url` is its address. State: what it took, as (path, body); the status that it answers with."""

    url: str = ""
    status: int = 200
    taken: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def texts(self) -> list[str]:
        """The messages since it was asked last."""
        texts = [str(body["text"]) for _, body in self.taken]
        self.taken.clear()
        return texts


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """On a free port until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if receiver.status == 200:
                receiver.taken.append((self.path, body))
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the address holds the token."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
