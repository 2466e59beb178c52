"""Logs as JSON, one object a line, without secrets and personal data, for whatever collects logs of many machines.

    {"at": "2026-06-30T05:00:04.123Z", "level": "info", "logger": "extractors.run", "event": "…",
     "source": "calltouch", "stream": "calls"}

`CHAIRSIDE_LOG_FORMAT=json` asks for it in our commands; `make up` hands it on to Airflow ([logging] json_logs). Task
logs are JSON in any case.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from extractors.core.redact import redact, without_rows

# What `extra=` may add to a line.
FIELDS = ("run_id", "source", "stream", "window", "step", "seconds", "rows")


def as_json(environ: Mapping[str, str]) -> bool:
    """Whether commands log JSON."""
    return environ.get("CHAIRSIDE_LOG_FORMAT", "").lower() == "json"


def line(event: str, *, at: datetime, level: str, logger: str, **fields: Any) -> str:  # noqa: ANN401 - JSON
    """One log line."""
    told = {"at": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z", "level": level, "logger": logger}
    return json.dumps({**told, "event": redact(event), **fields}, ensure_ascii=False, default=str)


class JsonLines(logging.Formatter):
    """Formats every record as one JSON object. An exception is told by its kind, text and place, never by its rows."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            frames = traceback.extract_tb(error.__traceback__)
            fields["error"] = type(error).__name__
            fields["error_text"] = without_rows(str(error))
            fields["error_at"] = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else None
        return line(
            record.getMessage(), at=datetime.fromtimestamp(record.created, UTC), level=record.levelname.lower(),
            logger=record.name, **fields,
        )  # fmt: skip


def log_to(stream: TextIO, environ: Mapping[str, str]) -> None:
    """Send all logging to a stream, as JSON where the environment asks for it, else as plain messages."""
    handler = logging.StreamHandler(stream)
    if as_json(environ):
        handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])
