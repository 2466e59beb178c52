"""What can go wrong while loading, named by the reaction it asks for.

    ChairsideError
    ├── ConfigError          stop; a person must change a setting, a connection or a mapping
    ├── TransientError       try again; the vendor or the network failed for a moment
    ├── RejectedError        do not try again; the vendor refused the request as it is
    ├── PayloadError         do not try again; the vendor or a file speaks in a shape nobody knows
    ├── GuardError           nothing was written; the data is implausible and a person must look
    └── PublicationRefused   marts stay as they were; a gate found breaches and lists them

A message says what, where (source, stream, window, file, row, column) and what to do next. It never holds a token, a
phone number or a name.
"""

from __future__ import annotations


class ChairsideError(Exception):
    """The root; catch it at the edge of a program and show its text to a person."""


class ConfigError(ChairsideError):
    """A setting is missing or wrong. Trying again does not help; the text says which setting."""


class TransientError(ChairsideError):
    """The far side failed for now. Try again after `retry_after` seconds (null: with growing pauses)."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RejectedError(ChairsideError):
    """The far side refused the request as it is: a wrong token, a forbidden account, an unknown field."""


class PayloadError(ChairsideError):
    """The answer or the file is not in the shape that is documented. Nothing of it was written."""


class GuardError(ChairsideError):
    """The rows are implausible as a whole (a table would shrink, a currency changed). Nothing was written."""


class PublicationRefused(ChairsideError):
    """A gate found breaches. Readers keep the last publication."""
