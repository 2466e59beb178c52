"""The aggregators' feed: pages and CSV, requests that change later, answers that are not what they seem."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from extractors.core.errors import ChairsideError, ConfigError, PayloadError, RejectedError, TransientError
from extractors.run import LoadResult
from runtime.home import REPOSITORY
from simulators.aggregators.routes import AggregatorsFeed, FeedOptions
from simulators.faults import Fault, FaultKind, Faults
from simulators.http import Response, VendorServer

Load = Callable[..., LoadResult]
Rows = Callable[..., list[tuple[Any, ...]]]
FIRST, LAST = date(2026, 6, 1), date(2026, 6, 10)
TABLE = "staging.aggregators__requests"
TOKEN = "feed-token-1"
TAKEN = f"with taken as (delete from {TABLE} returning 1) select count(*) from taken"
FAULTS: tuple[FaultKind, ...] = (
    "too_many_requests", "server_error", "cut_body", "truncated_json", "html", "repeated_page", "empty_page"
)


def request(number: int, **fields: object) -> dict[str, Any]:
    at = datetime(2026, 6, 1, 9, tzinfo=UTC) + timedelta(hours=number)
    usual = {"id": str(number), "aggregator": "napopravku.ru", "clinic": "b1", "at": at,
             "phone": f"+7900000{number:04d}", "email": None, "tags": [], "note": None}  # fmt: skip
    return {**usual, **fields}


class Feed:
    """A running feed with 120 requests of five days, and how to load from it."""

    def __init__(self, load: Load, options: FeedOptions, faults: tuple[Fault, ...]) -> None:
        self.feed = AggregatorsFeed(TOKEN, [request(number) for number in range(120)], options)
        self.server = VendorServer(self.feed, Faults(faults))
        self._load = load

    def load(self, first: date = FIRST, last: date = LAST, **settings: object) -> LoadResult:
        usual = {"base_url": self.server.base_url, "token": TOKEN, "clinics": {"b1": "C1"}}
        return self._load("aggregators", "requests", str(first), str(last), **{**usual, **settings})


Start = Callable[..., Any]


@pytest.fixture
def start(load: Load) -> Start:
    @contextmanager
    def run(options: FeedOptions | None = None, faults: tuple[Fault, ...] = ()) -> Iterator[Feed]:
        feed = Feed(load, options or FeedOptions(), faults)
        feed.server.start()
        try:
            yield feed
        finally:
            feed.server.stop()

    return run


def page(*rows: dict[str, Any], count: int | None = None, **more: object) -> bytes:
    told = {"from": str(FIRST), "to": str(LAST), "count": len(rows) if count is None else count, "requests": rows}
    return json.dumps({**told, **more}, default=str).encode()


def answer(body: bytes | str) -> tuple[Fault, ...]:
    text = body if isinstance(body, bytes) else body.encode()
    return (Fault("answer", times=-1, response=Response(200, text)),)


def test_requests_of_all_pages_land_with_their_clinic_time_and_phone(start: Start, rows: Rows) -> None:
    with start() as feed:
        feed.feed.rows[3] |= {"phone": "8 (900) 000-00-77", "tags": ["a", "b"], "aggregator": "WWW.32top.ru"}
        result = feed.load()
    assert (result.rows_read, result.rows_rejected, result.unknown_fields) == (120, 0, ())
    assert rows(f"select request_id, aggregator, clinic_id, occurred_at, request_date, phone_e164, tags from {TABLE}"
                " where request_id in ('3', '119') order by 1") == [
        ("119", "napopravku.ru", "C1", datetime(2026, 6, 6, 8, tzinfo=UTC), date(2026, 6, 6), "+79000000119", None),
        ("3", "32top.ru", "C1", datetime(2026, 6, 1, 12, tzinfo=UTC), date(2026, 6, 1), "+79000000077", ["a", "b"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "form"),
    [
        (FeedOptions(offsets=False), "json"),
        (FeedOptions(page_rows=1_000), "json"),
        (FeedOptions(), "csv"),
        (FeedOptions(separator=";", encoding="cp1251", offsets=False), "csv"),
    ],
)
def test_every_way_to_write_the_feed_gives_the_same_rows(
    start: Start, rows: Rows, options: FeedOptions, form: str
) -> None:
    with start(options) as feed:
        feed.feed.rows[0] |= {"note": "просит, вечером;\n«после» шести", "tags": ["первый", "срочно"]}
        feed.load(format=form)
    told = rows(f"select count(distinct phone_e164), min(occurred_at), max(tags::text), max(note) from {TABLE}")
    first, note = datetime(2026, 6, 1, 9, tzinfo=UTC), "просит, вечером;\n«после» шести"
    assert told == [(120, first, "{первый,срочно}", note)]


def test_a_request_that_changed_replaces_itself_and_one_withdrawn_goes(start: Start, rows: Rows) -> None:
    with start() as feed:
        feed.load()
        feed.feed.rows[5] |= {"outcome": "booked", "administrator": "admin1"}
        feed.feed.rows[6] |= {"outcome": "бронь"}
        del feed.feed.rows[7]
        again = feed.load()
        same = feed.load()
    assert (again.rows_written, again.rows_deleted) == (2, 1)
    assert (same.rows_written, same.rows_deleted) == (0, 0)
    assert rows(f"select outcome, administrator_id, tags from {TABLE} where request_id in ('5', '6') order by"
                " request_id") == [("booked", "admin1", None), (None, None, ["outcome:бронь"])]  # fmt: skip


@pytest.mark.parametrize(("form", "after"), [("json", 0), ("json", 1), ("csv", 0)])
def test_a_fault_once_changes_nothing_in_the_end(start: Start, rows: Rows, form: str, after: int) -> None:
    for kind in FAULTS:
        with start(faults=(Fault(kind, after=after, retry_after=0),)) as feed:
            feed.load(format=form)
            assert len(feed.server.faults.fired) == 1
        assert rows(TAKEN) == [(120,)], f"{form} {kind}"


def test_an_answer_of_another_window_is_not_taken_for_this_one(start: Start, rows: Rows) -> None:
    for form in ("json", "csv"):
        with start(FeedOptions(page_rows=500), faults=(Fault("repeated_page", after=1),)) as feed:
            feed.load(FIRST - timedelta(days=30), LAST, format=form)  # two windows
        assert rows(TAKEN) == [(120,)]


@pytest.mark.parametrize(
    ("kind", "error"), [("server_error", TransientError), ("html", PayloadError), ("unauthorized", RejectedError)]
)
def test_a_fault_that_stays_leaves_the_landed_requests_alone(
    start: Start, rows: Rows, kind: FaultKind, error: type[ChairsideError]
) -> None:
    with start() as feed:
        feed.load()
        feed.server.faults.add(Fault(kind, after=1, times=-1))
        with pytest.raises(error):
            feed.load()
    assert rows(f"select count(*) from {TABLE}") == [(120,)]


@pytest.mark.parametrize(
    ("body", "form", "error"),
    [
        (page(request(1), count=2), "json", TransientError),
        (page(request(1), request(2), next="again", count=9), "json", PayloadError),
        (page(count=3), "json", PayloadError),
        (b'{"requests": [], "count": 0}', "json", PayloadError),
        (page(request(1)).replace(b"[{", b"{").replace(b"}]", b"}"), "json", PayloadError),
        (page(*({"id": number, "at": "2026-06-01T10:00"} for number in (1, 2))), "json", PayloadError),
        ("id,aggregator,at\n1,napopravku.ru,2026-06-01T10:00\n", "csv", PayloadError),
        ("id,aggregator,at\n1,napopravku.ru,2026-06-01T10:00\n# 2026-06-01..2026-06-10: 2 rows\n", "csv", PayloadError),
        ("number,aggregator\n1,x\n# 2026-06-01..2026-06-10: 1 rows\n", "csv", PayloadError),
        ('id,at\n"1,x\n# 2026-06-01..2026-06-10: 1 rows\n', "csv", PayloadError),
        ("", "csv", PayloadError),
    ],
    ids=["fewer than counted", "the same page for ever", "nothing of three", "no days told", "no list",
         "a field gone", "a cut CSV", "a row less", "no header", "an open quote", "no CSV at all"],
)  # fmt: skip
def test_an_answer_that_is_not_what_was_asked_for_is_refused_whole(
    start: Start, rows: Rows, body: bytes | str, form: str, error: type[ChairsideError]
) -> None:
    with start(faults=answer(body)) as feed, pytest.raises(error):
        feed.load(format=form)
    assert rows(f"select count(*) from {TABLE}") == [(0,)]


def test_a_row_that_cannot_be_used_is_set_aside_and_a_new_field_is_kept(start: Start, rows: Rows) -> None:
    good = request(1, id=7, price="500")
    bad = [request(2, clinic="b9"), request(3, at="yesterday"), request(4, aggregator="На поправку"),
           {name: value for name, value in request(5).items() if name != "id"}, request(6, id=" ")]  # fmt: skip
    with start(faults=answer(page(good, *bad, count=6))) as feed:
        result = feed.load()
    assert (result.rows_read, result.rows_rejected, result.unknown_fields) == (6, 5, ("price",))
    assert rows(f"select request_id, _extra ->> 'price' from {TABLE}") == [("7", "500")]
    assert rows("select column_name from staging.rejected_rows order by row_number") == [
        ("clinic",), ("at",), ("aggregator",), ("id",), ("id",)
    ]


def test_a_csv_line_with_a_cell_too_many_is_set_aside_whole(start: Start, rows: Rows) -> None:
    body = ("id;aggregator;at;clinic\n1;32top.ru;2026-06-01T10:00;b1\n2;32top.ru;2026-06-01T10:00;b1;x\n"
            "# 2026-06-01..2026-06-10: 2 rows\n")  # fmt: skip
    with start(faults=answer(body)) as feed:
        assert feed.load(format="csv").rows_rejected == 1
    assert rows(f"select request_id, occurred_at from {TABLE}") == [("1", datetime(2026, 6, 1, 7, tzinfo=UTC))]


@pytest.mark.parametrize("settings", [{"format": "xml"}, {"paths": "/x"}, {"paths": ["requests"]}, {"token": ""}])
def test_a_wrong_setting_is_named(start: Start, settings: dict[str, object]) -> None:
    with start() as feed, pytest.raises(ConfigError, match=next(iter(settings))):
        feed.load(**settings)


def test_several_feeds_of_a_host_are_read_one_after_another(start: Start, rows: Rows) -> None:
    with start(FeedOptions(page_rows=500)) as feed:
        assert feed.load(paths=["/requests", "/requests"]).rows_read == 240
    assert rows(f"select count(*) from {TABLE}") == [(120,)]


def test_the_answers_that_the_page_of_this_source_shows_are_read_as_they_stand(start: Start, rows: Rows) -> None:
    text = (REPOSITORY / "docs" / "sources" / "aggregators.md").read_text(encoding="utf-8")
    for form, expected in (("json", 2), ("csv", 1)):
        shown = text.partition(f"```{form}\n")[2].partition("```")[0]
        with start(faults=answer(shown)) as feed:
            result = feed.load(FIRST, date(2026, 6, 30), format=form, clinics={"branch-1": "C1"})
        assert (result.rows_read, result.rows_rejected) == (expected, 0)
    assert rows(f"select count(distinct occurred_at) from {TABLE}") == [(1,)]


def test_a_line_of_csv_ends_with_its_end_and_not_with_a_sign_that_looks_like_one(start: Start, rows: Rows) -> None:
    body = ("id;aggregator;at;clinic;note\n1;32top.ru;2026-06-01T10:00;b1;one\u2028two\x85three\x0b\n"
            '2;32top.ru;2026-06-01T11:00;b1;"first\nsecond"\n# 2026-06-01..2026-06-10: 2 rows\n')  # fmt: skip
    with start(faults=answer(body)) as feed:
        assert feed.load(format="csv").rows_rejected == 0
    assert rows(f"select request_id, note from {TABLE} order by 1") == [
        ("1", "one\u2028two\x85three"), ("2", "first\nsecond")
    ]


def test_a_byte_order_mark_before_json_is_no_other_format(start: Start) -> None:
    """As scripts on Windows write it; before CSV it is understood too."""
    with start(faults=answer(b"\xef\xbb\xbf" + page(request(1)))) as feed:
        assert feed.load().rows_read == 1
