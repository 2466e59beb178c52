"""As many calls, requests and chats are landed as their vendor counts, and no deal that the CRM has is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from extractors.registry import source
from simulators.faults import Fault
from simulators.http import Response
from simulators.running import quick_options, running_simulators
from simulators.world import build_world
from simulators.world.model import World
from tests.extractors.reader_of_vendors import DAYS, FIRST, LAST, Reader

COUNTS = {"calltouch": "call_counts", "uis": "report_counts"}
LISTS = {"bitrix24": ("deals", "deal_id", "deal_ids"), "amocrm": ("leads", "lead_id", "lead_ids")}
RULE = "rows_are_as_many_as_the_vendor_counts"


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(5, date_from=FIRST, days=DAYS, clinics=2)


@pytest.fixture
def reader(warehouse: str, world: World) -> Iterator[Reader]:
    with running_simulators(world, only=[*COUNTS, *LISTS], options={
        name: option for name, option in quick_options().items() if name in (*COUNTS, *LISTS)
    }) as running:  # fmt: skip
        made = Reader(running, warehouse)
        for clinic in world.clinics:
            made.run(
                "insert into staging.files__clinics (clinic_id, name, time_zone)"
                f" values ('{clinic.clinic_id}', 'clinic', 'Europe/Moscow')"
            )
        yield made


def reports(name: str) -> list[str]:
    counts = source(name).stream(COUNTS[name]).counts
    assert counts is not None
    return [report for report, _ in counts.of]


def load(reader: Reader, name: str) -> int:
    """All that is counted, then the counts; returns how many requests these took."""
    for report in reports(name):
        reader.load(name, report)
    return reader.load(name, COUNTS[name])


def with_half_of_its_rows(good: Response) -> Response:
    """An answer that lost half of its rows and counts what is left; one row alone is left as it is."""
    body = json.loads(good.body)
    rows = body["result"]["data"] if "result" in body else body.get("records", [])
    if len(rows) > 1:
        del rows[len(rows) // 2 :]
        if "result" in body:
            body["result"]["metadata"]["total_items"] = len(rows)
        else:
            body["recordsTotal"] = len(rows)
    return replace(good, body=json.dumps(body).encode())


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_costs_one_request_a_report_and_what_was_lost_here_is_read_again(reader: Reader, name: str) -> None:
    # UIS is asked for its clock besides, and once more where it counts nothing.
    assert len(reports(name)) <= load(reader, name) <= len(reports(name)) + 2
    told = reader.ask(f"select report, first_date, last_date, row_count from staging.{name}__{COUNTS[name]}")
    landed = [
        (report, FIRST, LAST, reader.ask(f"select count(*) from staging.{name}__{report}")[0][0])
        for report in reports(name)
    ]
    assert sorted(told) == sorted(landed)
    assert ("calls", 0) not in {(report, count) for report, _, _, count in landed}
    before = reader.ask(f"select count(*) from staging.{name}__calls")
    reader.run(f"delete from staging.{name}__calls where call_id in (select min(call_id) from staging.{name}__calls)")
    reader.load(name, COUNTS[name])
    assert reader.ask(f"select count(*) from staging.{name}__calls") == before


@pytest.mark.parametrize("name", COUNTS)
def test_fewer_rows_than_the_vendor_counts_are_refused_by_report_and_days(reader: Reader, name: str) -> None:
    reader.simulators.faults.add(Fault("changed", name, times=-1, change=with_half_of_its_rows))
    load(reader, name)

    text = reader.refusal(name)

    assert f"{RULE} of staging.{name}__{COUNTS[name]}" in text
    (landed,) = reader.ask(f"select count(*) from staging.{name}__calls")[0]
    (told,) = reader.ask(f"select row_count from staging.{name}__{COUNTS[name]} where report = 'calls'")[0]
    assert f"report=calls, first_date={FIRST}, last_date={LAST}, told={told}, landed={landed}" in text
    assert told > landed
    reader.simulators.faults.clear()
    load(reader, name)
    assert reader.gate(name).breaches == ()


@pytest.mark.slow
def test_what_a_vendor_deletes_between_the_two_requests_is_read_again_and_no_alarm(reader: Reader) -> None:
    reader.load("calltouch", "calls")
    state = reader.simulators.state("calltouch")
    state.delete(state.calls[0].vendor_num)
    reader.load("calltouch", "call_counts")
    assert reader.gate("calltouch").breaches == ()
    assert reader.readings("calltouch") == [("call_counts", 2), ("calls", 2)]


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTS)
def test_a_deal_that_the_crm_has_and_that_is_not_landed_is_told(reader: Reader, name: str) -> None:
    rows, key, listed = LISTS[name]
    reader.load(name, rows)
    reader.load(name, listed)

    def told() -> list[str]:
        report = reader.gate(name)
        assert report.breaches == ()
        return [
            example[key] for each in report.warnings if each.rule.name == "every_number_of_the_vendor_is_landed"
            for example in each.examples
        ]  # fmt: skip

    assert told() == []
    ((lost,),) = reader.ask(
        f"select {key} from staging.{name}__{rows} where created_at >= '{FIRST}'"
        f" order by {key}::bigint offset 3 limit 1"
    )
    reader.run(f"delete from staging.{name}__{rows} where {key} = '{lost}'")
    assert told() == [lost]
