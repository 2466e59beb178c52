"""What a source and a stream are, as data.

A source is a client (how to speak) and streams (what to ask for). A stream says what a vendor's row looks like
(`record`, a msgspec struct), which columns it lands in, and how one becomes the other (`row`). The loader does the
rest, the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

import msgspec

from extractors.core.totals import Counts, Totals

# The bytes of a JSON array of rows (fast), or rows already taken apart. A row that is broken before its fields can
# be told apart is {BROKEN: reason, …whatever is known}.
Page = bytes | msgspec.Raw | Sequence[Mapping[str, Any]]
BROKEN = "__broken__"

Replace = Literal["window", "key", "all"]


class Client(Protocol):
    """A way to speak to one vendor; each source has its own methods beside this one."""

    def close(self) -> None: ...


class RowError(Exception):
    """One row cannot be understood; it is set aside with this column and reason, the others load."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"{column}: {reason}")
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Window:
    """Local days, both ends included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a row needs to know besides itself: the connection's settings, already read, and the clock."""

    settings: Mapping[str, Any]
    clinics: Mapping[str, str]
    zone: ZoneInfo
    region: str
    run_id: str
    now: datetime
    secrets: tuple[str, ...] = ()
    account: str | None = None  # the one account that is read now; null: all that the connection names

    def reads(self, account: str) -> bool:
        """Whether this reading is about the account too."""
        return self.account in (None, account)

    def clinic(self, vendor_id: object, column: str = "clinic_id") -> str:
        """Our clinic for the vendor's id. A connection of one clinic may map `"*"`."""
        found = self.clinics.get(str(vendor_id)) or self.clinics.get("*")
        if found is None:
            raise RowError(column, f"the connection maps the vendor's {vendor_id!r} to no clinic")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """One landed table and the way it is filled.

    columns   (name, sql type) of the landed table, in the order in which `row` returns values.
    key       columns that identify a row; a row seen again replaces itself.
    record    the vendor's row, the fields that are kept. One without a default is required.
    skipped   documented fields that are not kept. Any other field is new and goes to `_extra`.
    row       record, context → values of `columns`. Raises RowError.
    pages     client, window, context → pages of rows.
    replace   `window`: the fetched window is the truth, a row that is not in it any more goes;
              `key`: only rows that changed are fetched, nothing goes; `all`: the fetch is the whole table.
    window_column  date column by which a landed row belongs to a window (`window` only).
    window_days    longest window of one request series and one transaction; null: never split.
    lookback_days  how far back vendors change what they said; a daily load starts that much earlier.
    account   column of the account (of advertising; or a site, a counter), and `steady` columns that never change
              within one (currency, time zone): rows that say otherwise are refused before anything is written.
    accounts  the accounts a connection asks for. Each is read and written alone (`Context.account`), so that one that
              is refused stops no other; a window is the truth of its account, rows of others are left alone. A stream
              of which nothing goes (`key`) needs no column for it.
    totals    where the rows are the vendor's own totals of another stream's rows: of which (`core/totals.py`).
    counts    where they are the vendor's counts of other streams' rows in a window: of which.
    """

    source: str
    name: str
    description: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    record: type[msgspec.Struct]
    row: Callable[[Any, Context], tuple[Any, ...]]
    pages: Callable[[Any, Window, Context], Iterator[Page] | Iterable[Page]]
    replace: Replace
    lookback_days: int
    window_column: str | None = None
    window_days: int | None = None
    skipped: tuple[str, ...] = ()
    account: str | None = None
    steady: tuple[str, ...] = ()
    accounts: Callable[[Context], Sequence[str]] | None = None
    totals: Totals | None = None
    counts: Counts | None = None

    def __post_init__(self) -> None:
        names = [name for name, _ in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.table}: a column is declared twice")
        if missing := [name for name in self.key if name not in names]:
            raise ValueError(f"{self.table}: the key names columns that do not exist: {missing}")
        if (self.replace == "window") != (self.window_column is not None):
            raise ValueError(f"{self.table}: a window column belongs to replace='window', and only there")
        if self.window_column is not None and self.window_column not in names:
            raise ValueError(f"{self.table}: the window column {self.window_column} does not exist")
        if missing := [name for name in (*filter(None, [self.account]), *self.steady) if name not in names]:
            raise ValueError(f"{self.table}: the account's columns do not exist: {missing}")
        if self.accounts is not None and self.account is None and self.replace != "key":
            raise ValueError(f"{self.table}: accounts are asked for, but no column names a row's account")

    @property
    def table(self) -> str:
        return f"{self.source}__{self.name}"

    @property
    def not_null(self) -> frozenset[str]:
        return frozenset(self.key)

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """One vendor: its streams, and how a client is made from a connection's settings.

    `clinics_setting` names the setting that maps the vendor's ids (sites, funnels, offices) to our clinics.
    """

    name: str
    description: str
    streams: tuple[StreamSpec, ...]
    client: Callable[[Context], Client]
    time_zone: str
    clinics_setting: str = "clinics"

    def stream(self, name: str) -> StreamSpec:
        from extractors.core.errors import ConfigError

        for stream in self.streams:
            if stream.name == name:
                return stream
        known = ", ".join(stream.name for stream in self.streams)
        raise ConfigError(f"{self.name} has no stream {name!r}. Known: {known}.")
