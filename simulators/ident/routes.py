"""IDENT answers nobody: it exports files. The server says so, and keeps the inbox while the simulators run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from simulators.http import Request, Response, text_response
from simulators.ident.wire import Writer
from simulators.world.model import World


class Ident:
    """The clinic's computer. State: an inbox of its own with the reports, gone when nobody needs it."""

    name = "ident"

    def __init__(self, world: World) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="chairside-ident-", ignore_cleanup_errors=True)
        self.state = Writer(world, Path(self._folder.name))
        self.state.write_all()

    def handle(self, request: Request) -> Response:
        return text_response("IDENT exports files; there is nothing to ask.", 404)

    def unauthorized(self) -> Response:
        return self._nothing()

    def too_many_requests(self) -> Response:
        return self._nothing()

    def server_error(self) -> Response:
        return self._nothing()

    def without_rows(self, request: Request, good: Response) -> Response:
        return good

    def _nothing(self) -> Response:
        return text_response("", 404)
