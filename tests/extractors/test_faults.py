"""Whatever a vendor does wrong: what is landed in the end is what an undisturbed run lands, or words say why not.

Every stream of every source against every fault; the quick selection takes one stream of each vendor. A new source is
found by itself. What a fault cannot do to a stream is written down by name, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from extractors.core.errors import ChairsideError, RejectedError
from extractors.core.spec import StreamSpec
from extractors.run import LoadResult
from simulators.faults import Fault, FaultKind
from simulators.http import Response
from tests.extractors.faulty_city import FIRST_OF_EACH, STREAMS, City, running_city
from tests.extractors.wire_rows import Row, changed, rows_of
from tests.templates import Template

PASSING = {
    "429 without Retry-After": Fault("too_many_requests"),
    "429 with Retry-After": Fault("too_many_requests", retry_after=0),
    "500": Fault("server_error"),
    "connection cut mid-body": Fault("cut_body"),
    "truncated JSON": Fault("truncated_json"),
    "a page for people": Fault("html"),
    "slow drip": Fault("drip", seconds=0.002),
}
# The vendor says something false in good words.
DOUBTFUL: tuple[FaultKind, ...] = ("empty_page", "repeated_page")
SEVERAL_IN_A_ROW: tuple[FaultKind, ...] = (
    "too_many_requests", "server_error", "cut_body", "truncated_json", "html", "drip",
)  # fmt: skip

COUNT = "only the vendor's count is taken out of the answer"
PICKED = "its client takes the few columns it needs out of the row, so a new one goes nowhere"
ORDERED = "its answer has the columns that were ordered, one by one; another head is taken for another answer"
NEW_FIELD_REFUSED = {"yandex_metrica visits": ORDERED}
NEW_FIELD_UNSEEN = {
    "bitrix24 users": PICKED, "bitrix24 categories": PICKED, "bitrix24 stages": PICKED, "bitrix24 deal_ids": PICKED,
    "bitrix24 lead_ids": PICKED, "fhir resource_ids": PICKED, "fhir deletions": PICKED,
    "open_dental deleted_appointments": PICKED,
    "calltouch call_counts": COUNT, "uis report_counts": COUNT,
    "amocrm users": PICKED, "amocrm statuses": PICKED, "amocrm lead_ids": PICKED,
    "bitrix24 deal_items": "of a line of a deal only its name, quantity and price are kept",
    "calltouch sessions": "a visit lies inside its call, and the new field is the call's",
}  # fmt: skip


# Every stream; all but one of each vendor only in the long suite.
each_stream = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FIRST_OF_EACH.values() else pytest.mark.slow) for name in STREAMS]
)
every_stream_at_length = pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) for n in STREAMS])


@pytest.fixture(scope="module")
def city(pg_server_url: str, migrated_template: Template) -> Iterator[City]:
    with running_city(pg_server_url, migrated_template) as running:
        yield running


def at_each_request(city: City, stream: StreamSpec, *, first: int = 0) -> list[int]:
    """Numbers of the requests of a run that a fault hits in turn: the first, one in the middle, the last."""
    _, requests = city.clean(stream)
    return sorted({min(first, requests - 1), requests // 2, requests - 1})


def ends_like_an_undisturbed_run(
    city: City, stream: StreamSpec, told: LoadResult | ChairsideError, before: list[Any]
) -> None:
    """It ended well and everything is there, or it failed in words and nothing changed; the next run is whole."""
    clean, _ = city.clean(stream)
    if isinstance(told, ChairsideError):
        assert stream.source in str(told)
        if stream.window_days is None:  # one window is one transaction; windows that went well before stay
            assert city.landed(stream) == before
    else:
        assert told.rows_rejected == 0
        assert city.landed(stream) == clean
    city.load(stream)
    assert city.landed(stream) == clean


@each_stream
def test_one_trouble_after_another_changes_nothing(city: City, name: str) -> None:
    stream = STREAMS[name]
    clean, _ = city.clean(stream)
    city.empty(stream)
    faults = (Fault(kind, stream.source, retry_after=0, seconds=0.001) for kind in SEVERAL_IN_A_ROW)
    told = city.disturbed(stream, *faults)
    assert isinstance(told, LoadResult) and told.rows_rejected == 0, told
    assert city.landed(stream) == clean


@pytest.mark.parametrize("name", STREAMS)
def test_good_words_about_something_else_are_never_taken_for_an_empty_answer(city: City, name: str) -> None:
    stream = STREAMS[name]
    asked = city.asked(stream)
    elsewhere = Response(200, b'{"status": "unavailable"}')
    told = city.disturbed(stream, Fault("answer", stream.source, times=-1, response=elsewhere))
    if city.asked(stream) == asked:
        assert name == "fhir resource_ids", "only it asks nothing of a warehouse without resources"
    else:
        assert isinstance(told, ChairsideError) and stream.source in str(told), told


@every_stream_at_length
@pytest.mark.parametrize("kind", PASSING)
def test_a_trouble_that_passes_changes_nothing_whenever_it_comes(city: City, name: str, kind: str) -> None:
    stream = STREAMS[name]
    clean, _ = city.clean(stream)
    for after in at_each_request(city, stream):
        city.empty(stream)
        told = city.disturbed(stream, replace(PASSING[kind], source=stream.source, after=after))
        assert isinstance(told, LoadResult) and told.rows_rejected == 0, (after, told)
        assert city.landed(stream) == clean, after


@each_stream
@pytest.mark.parametrize("kind", DOUBTFUL)
def test_an_answer_that_is_empty_or_repeats_another_loses_and_doubles_nothing(
    city: City, name: str, kind: FaultKind
) -> None:
    stream = STREAMS[name]
    city.clean(stream)
    city.empty(stream)
    told = city.disturbed(stream, Fault(kind, stream.source, after=1))
    ends_like_an_undisturbed_run(city, stream, told, [])


@every_stream_at_length
@pytest.mark.parametrize("kind", DOUBTFUL)
def test_an_answer_that_is_empty_or_repeats_another_takes_nothing_away_whenever_it_comes(
    city: City, name: str, kind: FaultKind
) -> None:
    stream = STREAMS[name]
    for after in at_each_request(city, stream, first=1 if kind == "repeated_page" else 0):
        city.empty(stream)
        city.load(stream)
        told = city.disturbed(stream, Fault(kind, stream.source, after=after))
        ends_like_an_undisturbed_run(city, stream, told, city.clean(stream)[0])


@every_stream_at_length
def test_a_token_that_ends_under_way_is_renewed_or_stops_the_stream_in_words(city: City, name: str) -> None:
    stream = STREAMS[name]
    for after in at_each_request(city, stream):
        city.empty(stream)
        told = city.disturbed(stream, Fault("unauthorized", stream.source, after=after))
        if isinstance(told, ChairsideError):
            assert isinstance(told, RejectedError)
            assert any(word in str(told) for word in ("token", "code", "access", "key")), told
        ends_like_an_undisturbed_run(city, stream, told, [])


@every_stream_at_length
def test_a_request_that_is_refused_stops_the_stream_at_once_and_in_words(city: City, name: str) -> None:
    """As when the vendor does not know a field any more that is asked for."""
    stream = STREAMS[name]
    for after in at_each_request(city, stream):
        city.empty(stream)
        asked = city.asked(stream)
        told = city.disturbed(
            stream, Fault("answer", stream.source, after=after, times=-1, response=Response(400, b"{}"))
        )
        # What comes last may be no more than tidying up.
        assert isinstance(told, RejectedError) or after, told
        accounts = 3  # each is asked before all are given up
        assert city.asked(stream) - asked <= after + 2 * accounts
        ends_like_an_undisturbed_run(city, stream, told, [])


def rewriting(stream: StreamSpec, change: Callable[[list[Row]], list[Row]], **more: Any) -> Fault:  # noqa: ANN401
    """Every answer with its rows changed so."""
    return Fault("changed", stream.source, times=-1, change=lambda good: changed(good, change), **more)


@each_stream
def test_a_new_field_is_kept_and_told(city: City, name: str) -> None:
    stream = STREAMS[name]
    clean, _ = city.clean(stream)
    city.empty(stream)
    fault = rewriting(stream, lambda rows: [{**row, "fieldOfTomorrow": "new"} for row in rows])
    told = city.disturbed(stream, fault)
    if name in NEW_FIELD_REFUSED:
        return ends_like_an_undisturbed_run(city, stream, told, [])
    assert isinstance(told, LoadResult) and told.rows_rejected == 0, told
    landed = city.landed(stream)
    assert [row[:-1] for row in landed] == [row[:-1] for row in clean]
    kept = [field for field in told.unknown_fields if field.endswith("fieldOfTomorrow")]
    assert bool(kept) == (name not in NEW_FIELD_UNSEEN), told.unknown_fields
    assert all(kept[0] in row[-1] for row in landed if kept)
    city.load(stream)
    assert city.landed(stream) == clean
    return None


@each_stream
def test_a_number_that_comes_as_text_is_the_same_number(city: City, name: str) -> None:
    stream = STREAMS[name]
    clean, _ = city.clean(stream)
    city.empty(stream)
    told = city.disturbed(
        stream,
        rewriting(stream, lambda rows: [
            {key: str(one) if type(one) is int else one for key, one in row.items()} for row in rows
        ]),
    )  # fmt: skip
    assert isinstance(told, LoadResult) and told.rows_rejected == 0, told
    assert city.landed(stream) == clean


def fields_of(city: City, stream: StreamSpec) -> list[str]:
    """Names that the vendor's rows have on the wire, over all answers of a run."""
    names: dict[str, None] = {}

    def look(good: Response) -> Response:
        for row in rows_of(good):
            names.update(dict.fromkeys(row))
        return good

    city.empty(stream)
    city.disturbed(stream, Fault("changed", stream.source, times=-1, change=look))
    return list(names)


@every_stream_at_length
def test_a_field_that_is_gone_stops_the_stream_or_was_not_needed(city: City, name: str) -> None:
    stream = STREAMS[name]
    clean, _ = city.clean(stream)
    keys = [stream.column_names.index(column) for column in stream.key]
    stopped = []
    for field in fields_of(city, stream):
        if len(clean) == 1:
            continue  # of one row nobody can tell whether the field is gone or the row is broken
        city.empty(stream)
        city.load(stream)
        told = city.disturbed(stream, rewriting(stream, partial(without, field)))
        if isinstance(told, ChairsideError):
            stopped.append(field)
            assert stream.source in str(told)
            assert city.landed(stream) == clean, field
        else:
            assert [[row[key] for key in keys] for row in city.landed(stream)] == [
                [row[key] for key in keys] for row in clean
            ], field
    assert stopped or len(clean) == 1, "no field was needed at all"


def without(field: str, rows: list[Row]) -> list[Row]:
    return [{key: one for key, one in row.items() if key != field} for row in rows]


@every_stream_at_length
def test_one_value_that_cannot_be_is_set_aside_alone_or_stops_the_stream_in_words(city: City, name: str) -> None:
    stream = STREAMS[name]
    clean, _ = city.clean(stream)
    for field in fields_of(city, stream):
        city.empty(stream)
        told = city.disturbed(stream, spoiling_one(stream, field))
        if isinstance(told, LoadResult):
            told_of = told.rows_rejected
            rows = {repr(row) for row in city.landed(stream)}
            assert len({repr(row) for row in clean} - rows) <= max(1, told_of) * 12, field
        else:
            assert stream.source in str(told)
            assert stream.window_days is not None or city.landed(stream) == []
        city.load(stream)
        assert city.landed(stream) == clean, field


def spoiling_one(stream: StreamSpec, field: str) -> Fault:
    """The first row of the run that has the field holds nonsense there, whenever it is told."""
    victims: list[Row] = []

    def change(rows: list[Row]) -> list[Row]:
        if not victims:
            victims.extend([row for row in rows if field in row][:1])
        return [{**row, field: {"no": "such value"}} if row in victims else row for row in rows]

    return rewriting(stream, change)


# Streams whose pages are no places in a list, so that a row cannot move between them.
BY_NUMBER = "walked by number: the next page is what comes after the last number seen, wherever it stands"
BY_TIME = "walked by time: the next page is what changed since the last second seen"
ONE_ANSWER = "one question has one answer"
MADE_BEFORE = "pages are cut from a report that was made before the first of them"
A_DAY = "one question for each day, which is answered whole"
NO_PLACES = {
    **dict.fromkeys(
        ("bitrix24 contacts", "bitrix24 deals", "bitrix24 leads", "bitrix24 deal_stage_history", "bitrix24 deal_items",
         "bitrix24 deal_ids", "bitrix24 lead_ids"), BY_NUMBER,
    ),
    **dict.fromkeys(("amocrm contacts", "amocrm leads", "amocrm lead_ids"), BY_TIME),
    **dict.fromkeys(
        ("yandex_direct ad_performance", "yandex_direct account_days", "google_ads ad_performance",
         "google_ads account_days", "meta_ads account_days", "vk_ads account_days", "calltouch call_counts",
         "uis report_counts", "currency_rates rates"), ONE_ANSWER,
    ),
    **dict.fromkeys(("meta_ads ad_insights", "yandex_metrica visits"), MADE_BEFORE),
    "calltouch requests": A_DAY,
    "open_dental treat_plans": "a plan's lines are one answer; the list of plans is read as every other",
}  # fmt: skip


def moved(before: list[Row], rows: list[Row]) -> list[Row]:
    """The first row has moved to a page that was read already."""
    return rows[1:]


def another_order(before: list[Row], rows: list[Row]) -> list[Row]:
    """Half of the page is what stood on the page before."""
    half = min(len(before), len(rows)) // 2
    return [*before[:half], *rows[half:]]


@every_stream_at_length
@pytest.mark.parametrize("shift", [moved, another_order])
def test_rows_that_change_places_while_they_are_read_are_not_lost(
    city: City, name: str, shift: Callable[[list[Row], list[Row]], list[Row]]
) -> None:
    stream = STREAMS[name]
    if name in NO_PLACES:
        return
    for at in at_each_request(city, stream, first=1):
        city.empty(stream)
        seen: list[list[Row]] = []

        def change(good: Response, at: int = at, seen: list[list[Row]] = seen) -> Response:
            seen.append(rows_of(good))
            before = seen[-2] if len(seen) > 1 else []
            if len(seen) != at + 1 or not before or not seen[-1] or before[0].keys() != seen[-1][0].keys():
                return good
            return changed(good, lambda rows: shift(before, rows))

        told = city.disturbed(stream, Fault("changed", stream.source, times=-1, change=change))
        ends_like_an_undisturbed_run(city, stream, told, [])
