"""VK Реклама: tokens that are counted, pages, refused ids, restated days, limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from extractors.core.errors import (
    ChairsideError,
    ConfigError,
    GuardError,
    PayloadError,
    RejectedError,
    TransientError,
)
from extractors.core.tokens import PairFile
from extractors.run import LoadResult
from extractors.sources.vk_ads.answers import check_total
from extractors.sources.vk_ads.quota import Quota
from simulators.faults import Fault, FaultKind, Faults
from simulators.http import Response, VendorServer
from simulators.vk_ads.routes import VkAds
from simulators.vk_ads.state import Plan, PlanDay, VkOptions, VkState
from tests.extractors.conftest import NOW

Load = Callable[..., LoadResult]
Rows = Callable[..., list[tuple[Any, ...]]]
FIRST, LAST = date(2026, 6, 1), date(2026, 6, 10)
TABLE = "staging.vk_ads__campaign_days"
SUMS = f"select count(*), sum(shows), sum(clicks), sum(spent) from {TABLE}"
SECRET = "simulatedVkSecret"


class Vk:
    """A running vendor with some plans, and how to load from it. `seconds`: its clock, null: the real one."""

    def __init__(self, load: Load, folder: Path, options: VkOptions, plans: int, faults: tuple[Fault, ...]) -> None:
        self.seconds: float | None = 1_000_000.5
        named = [Plan(7_000_000 + 10 * number, f"plan {number}") for number in range(plans)]
        days = {
            (plan.plan_id, FIRST + timedelta(days=day)): PlanDay(100 + day, day, Decimal("12.34") * (day + 1))
            for plan in named
            for day in range(3)
        }
        self.state = VkState("app", SECRET, named, days, LAST, options, self.clock)
        self.server = VendorServer(VkAds(self.state), Faults(faults))
        self.file = folder / "tokens" / "vk"
        self._load = load

    def clock(self) -> float:
        return time.time() if self.seconds is None else self.seconds

    def load(self, first: date = FIRST, last: date = LAST, **settings: object) -> LoadResult:
        usual = {
            "base_url": self.server.base_url, "client_id": "app", "client_secret": SECRET, "currency": "RUB",
            "token_file": str(self.file),
        }
        return self._load("vk_ads", "campaign_days", str(first), str(last), **{**usual, **settings})

    def asked(self, part: str) -> list[int]:
        """Statuses of the requests whose path has this part."""
        return [status for _, path, status in self.server.journal if part in path]


Start = Callable[..., Any]


@pytest.fixture
def start(load: Load, tmp_path: Path) -> Start:
    @contextmanager
    def run(options: VkOptions | None = None, plans: int = 3, faults: tuple[Fault, ...] = ()) -> Iterator[Vk]:
        vk = Vk(load, tmp_path, options or VkOptions(limits=False, rps=10_000), plans, faults)
        vk.server.start()
        try:
            yield vk
        finally:
            vk.server.stop()

    return run


def test_days_of_all_plans_land_with_exact_money_and_zero_days(start: Start, rows: Rows) -> None:
    with start() as vk:
        result = vk.load(clinics={"7000010": "C2"}, clinic_id="C1", include_vat=True)
    assert (result.rows_read, result.rows_rejected, result.unknown_fields) == (30, 0, ())
    assert rows(SUMS) == [(30, 909, 9, Decimal("222.12"))]
    assert rows("select campaign_name, utm_campaign, shows, clicks, spent, currency, includes_vat, clinic_id"
                f" from {TABLE} where report_date = '2026-06-02' and campaign_id <> '7000020' order by 1") == [
        ("plan 0", "plan 0", 101, 1, Decimal("24.68"), "RUB", True, "C1"),
        ("plan 1", "plan 1", 101, 1, Decimal("24.68"), "RUB", True, "C2"),
    ]


def test_more_plans_than_a_page_holds_are_all_asked_for(start: Start, rows: Rows) -> None:
    with start(plans=260) as vk:
        vk.load()
        assert rows(f"select count(distinct campaign_id) from {TABLE}") == [(260,)]
        assert len(vk.asked("/statistics/")) == 6  # 50 at a time


@pytest.mark.parametrize(
    "options",
    [
        VkOptions(expires_in="number", money="number", limits=False, rps=10_000),
        VkOptions(zero_days=False, limits=False, rps=10_000),
        VkOptions(own_count=True, limits=False, rps=10_000),
        VkOptions(tells_currency=False, limits=False, rps=10_000),
    ],
)
def test_both_readings_of_what_is_not_documented_give_the_same_money(
    start: Start, rows: Rows, options: VkOptions
) -> None:
    with start(options, plans=250) as vk:
        vk.load()
    assert rows(SUMS)[0][1:] == (250 * 303, 250 * 3, 250 * Decimal("74.04"))


@pytest.mark.parametrize("days_told", [False, True])
def test_statistics_v3_are_asked_day_by_day_because_they_may_tell_sums_only(
    start: Start, rows: Rows, days_told: bool
) -> None:
    with start(VkOptions(v3_rows=days_told, limits=False, rps=10_000), plans=255) as vk:
        vk.load(FIRST, date(2026, 6, 3), statistics="v3")
    assert rows(SUMS) == [(765, 255 * 303, 255 * 3, 255 * Decimal("74.04"))]


def test_groups_may_be_the_campaigns_and_a_table_may_name_what_their_ads_carry(start: Start, rows: Rows) -> None:
    with start() as vk:
        vk.load(level="ad_groups", utm_campaign="id", utm_campaigns={"7000001": "family"})
        assert rows(f"select distinct level, utm_campaign from {TABLE} order by 2") == [
            ("ad_groups", "7000011"), ("ad_groups", "7000021"), ("ad_groups", "family")
        ]
        vk.load()  # the other level: the window replaces itself, nothing is counted twice
    assert rows(SUMS)[0][3] == Decimal("222.12")


def test_a_day_restated_and_a_plan_renamed_replace_themselves(start: Start, rows: Rows) -> None:
    with start() as vk:
        vk.load()
        again = vk.load()
        vk.state.days[7_000_000, FIRST] = PlanDay(100, 0, Decimal("1.5"))
        vk.state.change(7_000_010, name="renamed", status="deleted")
        changed = vk.load()
    assert (again.rows_written, again.rows_deleted) == (0, 0)
    assert (changed.rows_written, changed.rows_deleted) == (11, 0)
    assert rows(SUMS)[0][3] == Decimal("211.28")


def test_agency_clients_have_tokens_of_their_own_and_one_left_out_keeps_its_rows(start: Start, rows: Rows) -> None:
    with start() as vk:
        vk.load(accounts={"first client": "C1", "second client": None})
        vk.load(accounts={"first client": "C1"})
        assert vk.state.tokens_made == 2
    assert rows(f"select account, clinic_id, count(*) from {TABLE} group by 1, 2 order by 1") == [
        ("first client", "C1", 30), ("second client", None, 30)
    ]


# Tokens.


def test_one_token_serves_many_runs_and_is_kept_for_its_owner_alone(start: Start) -> None:
    with start() as vk:
        for _ in range(7):
            vk.load()
        assert (vk.asked("token.json"), vk.state.tokens_made) == ([200], 1)
        assert vk.file.stat().st_mode & 0o777 == 0o600


def test_a_token_nearly_over_is_refreshed_which_makes_no_new_one(start: Start) -> None:
    with start() as vk:
        vk.load()
        file = PairFile(vk.file)
        kept = file.read()
        assert kept is not None
        file.write(type(kept)(kept.access_token, kept.refresh_token, datetime.now(UTC) + timedelta(minutes=4)))
        vk.load()
        renewed = file.read()
        assert renewed is not None
        assert renewed.access_token != kept.access_token
        assert (vk.asked("token.json"), vk.state.tokens_made) == ([200, 200], 1)
        assert 401 not in vk.asked("/api/")


@pytest.mark.parametrize("code", ["expired_token", "invalid_token"])
def test_a_token_that_ends_under_way_is_renewed_and_nothing_is_lost(start: Start, rows: Rows, code: str) -> None:
    with start() as vk:
        vk.load()
        assert vk.state.tokens_made == 1
        if code == "expired_token":
            vk.seconds = 1_090_000.5  # the vendor's day is over, ours says nothing
        else:
            vk.state.delete_tokens()
        vk.load()
        assert vk.state.tokens_made == 1
    assert rows(SUMS)[0][3] == Decimal("222.12")


def test_a_token_refused_in_the_middle_of_a_run_is_refreshed_once(start: Start, rows: Rows) -> None:
    with start(plans=120, faults=(Fault("unauthorized", matching="/statistics/", after=1),)) as vk:
        vk.load()
        assert (vk.asked("token.json"), vk.state.tokens_made) == ([200, 200], 1)
    assert rows(f"select count(distinct campaign_id) from {TABLE}") == [(120,)]


def test_what_another_run_has_refreshed_is_used_before_it_is_refreshed_again(start: Start) -> None:
    from extractors.run import make_context
    from extractors.sources.vk_ads import SOURCE
    from extractors.sources.vk_ads.oauth import Access

    with start() as vk:
        settings = {
            "base_url": vk.server.base_url, "client_id": "app", "client_secret": SECRET, "token_file": str(vk.file),
            "requests_per_second": 0,
        }
        context = make_context(SOURCE, settings, run_id="test", now=NOW)
        one, other = (Access(context, "", lambda: datetime.now(UTC)) for _ in range(2))
        first = one.token("here")
        assert other.token("there") == first
        second = one.after(first, "here")
        assert other.after(first, "there") == second
        assert len(vk.asked("token.json")) == 2
        one.close()
        other.close()


def test_the_sixth_token_is_refused_with_what_to_do_or_the_others_are_deleted_if_the_user_is_named(
    start: Start
) -> None:
    with start() as vk:
        for _ in range(5):
            vk.state.issue("")
        with pytest.raises(RejectedError, match="token_username"):
            vk.load()
        vk.load(token_user_id="55555")
        assert vk.state.tokens_made == 1


def test_a_wrong_secret_or_a_blocked_user_is_no_matter_for_another_try(start: Start) -> None:
    blocked = Response(401, b'{"code": "invalid_user", "message": "User is blocked"}')
    with start(faults=(Fault("answer", matching="/ad_plans.json", times=-1, response=blocked),)) as vk:
        with pytest.raises(RejectedError, match="client_secret"):
            vk.load(client_secret="wrong-secret-value")
        assert vk.asked("token.json") == [401]
        with pytest.raises(RejectedError, match="invalid_user"):
            vk.load()
        assert vk.asked("/ad_plans.json") == [401]
        with pytest.raises(ConfigError, match="client_id"):
            vk.load(client_id="")


def test_a_token_that_is_refused_whatever_its_value_stops_and_does_not_use_up_the_five(start: Start) -> None:
    with start(faults=(Fault("unauthorized", matching="/ad_plans.json", times=-1),)) as vk:
        with pytest.raises(RejectedError, match="401"):
            vk.load()
        assert vk.state.tokens_made == 1
        assert len(vk.asked("/ad_plans.json")) == 3


def test_neither_the_secret_nor_a_token_is_in_a_message_or_the_journal(start: Start, rows: Rows) -> None:
    told = f'{{"error": {{"code": "{SECRET}", "message": "simulatedVkToken1 simulatedVkRefresh1"}}}}'.encode()
    for status in (400, 403, 500):
        fault = Fault("answer", matching="/ad_plans.json", times=-1, response=Response(status, told))
        with start(faults=(fault,)) as vk:
            with pytest.raises(ChairsideError) as caught:
                vk.load()
            said = f"{caught.value!r} {rows('select message from ops.loads')}"
            assert SECRET not in said
            assert "simulatedVk" not in said


# Faults.


FAULTS: tuple[FaultKind, ...] = (
    "too_many_requests", "server_error", "cut_body", "truncated_json", "html", "repeated_page", "empty_page"
)


@pytest.mark.parametrize("matching", ["/ad_plans.json", "/statistics/"])
def test_a_fault_once_changes_nothing_in_the_end(start: Start, rows: Rows, matching: str) -> None:
    for kind in FAULTS:
        with start(plans=260, faults=(Fault(kind, matching=matching, after=1),)) as vk:
            vk.load()
            assert len(vk.server.faults.fired) == 1
        taken = rows(f"with taken as (delete from {TABLE} returning *) select count(*), sum(spent) from taken")
        assert taken == [(2600, 260 * Decimal("74.04"))], kind


def test_a_429_is_waited_for_as_long_as_it_asks(start: Start) -> None:
    with start(faults=(Fault("too_many_requests", matching="/statistics/", retry_after=0, times=3),)) as vk:
        assert vk.load().rows_read == 30
        assert vk.asked("/statistics/") == [429, 429, 429, 200]


@pytest.mark.parametrize(("kind", "error"), [("html", PayloadError), ("server_error", TransientError)])
def test_a_fault_that_stays_leaves_the_landed_rows_alone(
    start: Start, rows: Rows, kind: FaultKind, error: type[ChairsideError]
) -> None:
    with start() as vk:
        vk.load()
        vk.server.faults.add(Fault(kind, matching="/statistics/", times=-1))
        with pytest.raises(error):
            vk.load()
    assert rows(SUMS)[0][3] == Decimal("222.12")


def test_a_list_that_stays_shorter_than_its_count_stops_the_stream(start: Start) -> None:
    short = Response(200, b'{"count": 9, "offset": 0, "items": [{"id": 7000000, "name": "plan 0"}]}')
    none = Response(200, b'{"count": 1, "offset": 1, "items": []}')
    faults = (
        Fault("answer", matching="offset=0", times=-1, response=short),
        Fault("answer", matching="offset=1", times=-1, response=none),
    )
    with start(faults=faults) as vk, pytest.raises(TransientError, match="1 objects came where VK counts 9"):
        vk.load()


def test_an_id_that_is_refused_costs_the_others_nothing(start: Start, rows: Rows) -> None:
    with start(VkOptions(deleted_refused=True, limits=False, rps=10_000), plans=9) as vk:
        vk.state.change(7_000_040, status="deleted")
        result = vk.load()
        assert (result.rows_read, result.rows_rejected) == (81, 1)
    assert rows(f"select count(distinct campaign_id) from {TABLE}") == [(8,)]
    assert rows("select reason, row ->> 'campaign_id' from staging.rejected_rows") == [
        ("VK tells nothing of a deleted campaign", "7000040")
    ]


def test_a_refused_campaign_that_is_not_deleted_stops_the_stream(start: Start) -> None:
    refused = Response(400, b'{"error": {"message": "wrong", "code": "ERR_WRONG_ADPLANS"}}')
    with (
        start(faults=(Fault("answer", matching="/statistics/", times=-1, response=refused),)) as vk,
        pytest.raises(RejectedError, match="its own campaign"),
    ):
        vk.load()


def body(*days: str, total: str = "") -> Response:
    return Response(200, f'{{"items": [{{"id": 7000000, "rows": [{", ".join(days)}]}}]{total}}}'.encode())


GOOD = '{"date": "2026-06-01", "base": {"shows": "5", "clicks": 1, "spent": "0.10", "cpm": "1"}}'


@pytest.mark.parametrize(
    ("answer", "read", "rejected", "unknown"),
    [
        (body(GOOD), 1, 0, ()),
        (body(GOOD, '{"date": "2026-06-02", "base": {"shows": 5, "clicks": 1}}'), 2, 1, ()),
        (body(GOOD, '{"date": "2026-06-02", "base": {"shows": 5, "clicks": 1, "spent": "x"}}'), 2, 1, ()),
        (body(GOOD, '{"date": "2026-06-02", "base": {"shows": -5, "clicks": 1, "spent": "1"}}'), 2, 1, ()),
        (body(GOOD, '{"date": "soon", "base": {"shows": 5, "clicks": 1, "spent": "1"}}'), 2, 1, ()),
        (body('{"date": "2026-06-02", "base": {"shows": 5, "clicks": 1, "spent": 0.30, "views": 2}, "tps": {}}'), 1, 0,
         ("tps", "views")),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_is_set_aside_and_a_new_field_is_kept(
    start: Start, answer: Response, read: int, rejected: int, unknown: tuple[str, ...]
) -> None:
    with start(plans=1, faults=(Fault("answer", matching="/statistics/", times=-1, response=answer),)) as vk:
        result = vk.load()
    assert (result.rows_read, result.rows_rejected, result.unknown_fields) == (read, rejected, unknown)


@pytest.mark.parametrize(
    "answer",
    [
        body(*(f'{{"date": "2026-06-0{day}", "base": {{"shows": 5, "clicks": 1}}}}' for day in (1, 2))),
        body('{"date": "2026-07-01", "base": {"shows": 5, "clicks": 1, "spent": "1"}}'),
        body(GOOD, total=', "total": {"base": {"shows": 6, "clicks": 1}}'),
        Response(200, b'{"items": [{"id": 1, "rows": []}]}'),
        Response(200, b'{"count": 0}'),
        Response(200, b'{"items": [{"id": 7000000}]}'),
        Response(200, b'{"items": [{"id": 7000000, "rows": null}]}'),
    ],
    ids=["a field gone", "a foreign day", "a total that is another", "a foreign id", "no items", "no days",
         "null days"],
)
def test_an_answer_that_is_not_what_was_asked_for_is_refused_whole(start: Start, answer: Response) -> None:
    with (
        start(plans=1, faults=(Fault("answer", matching="/statistics/", times=-1, response=answer),)) as vk,
        pytest.raises(PayloadError),
    ):
        vk.load()


def test_totals_may_be_left_unchecked(start: Start) -> None:
    answer = body(GOOD, total=', "total": {"base": {"shows": 6, "clicks": 1}}')
    with start(plans=1, faults=(Fault("answer", matching="/statistics/", times=-1, response=answer),)) as vk:
        assert vk.load(check_totals=False).rows_read == 1
    check_total({"base": {"shows": "many"}}, [])
    check_total(None, [])


def test_another_currency_and_days_before_the_history_stop_the_stream(start: Start, rows: Rows) -> None:
    with start() as vk:
        vk.load()
        with pytest.raises(RejectedError, match="366 days"):
            vk.load(date(2025, 6, 29), date(2025, 7, 2))
        vk.state.currency = "USD"
        with pytest.raises(GuardError, match="USD"):
            vk.load()
        with pytest.raises(GuardError, match="USD"):
            vk.load(currency=None)
    assert rows(SUMS)[0][3] == Decimal("222.12")


# Limits.


def quota(now: datetime) -> tuple[Quota, list[float]]:
    slept: list[float] = []
    return Quota(ZoneInfo("Europe/Moscow"), lambda: now, slept.append), slept


def test_a_spent_second_or_hour_is_waited_for_before_the_next_request_and_a_spent_day_gives_the_slot_back() -> None:
    limits, slept = quota(datetime(2026, 6, 1, 20, 50, 0, 250_000, tzinfo=UTC))
    limits.learn({"X-RateLimit-RPS-Remaining": "1", "X-RateLimit-Hourly-Remaining": "4999"})
    limits.wait("vk_ads")
    assert slept == []
    limits.learn({"X-RateLimit-RPS-Remaining": "0"})
    limits.wait("vk_ads")
    limits.wait("vk_ads")
    assert slept == [0.75]
    limits.learn({"X-RateLimit-Hourly-Remaining": "0"})
    limits.wait("vk_ads")
    assert slept == [0.75, 599.75]
    late, _ = quota(datetime(2026, 6, 1, 18, 0, tzinfo=UTC))
    late.learn({"X-RateLimit-Daily-Remaining": "0"})
    with pytest.raises(TransientError, match="Daily") as caught:
        late.wait("vk_ads")
    assert caught.value.retry_after == 3 * 3600


def test_the_vendors_own_limit_of_a_second_is_kept_before_it_refuses(start: Start) -> None:
    with start(VkOptions(rps=3), plans=260) as vk:
        vk.seconds = None
        vk.load(FIRST, FIRST, ids_per_request=200)
        assert vk.asked("/api/") == [200] * 6


def test_a_list_without_campaigns_is_not_believed_at_once_and_not_without_its_count(start: Start, rows: Rows) -> None:
    none = Response(200, b'{"count": 0, "offset": 0, "items": []}')
    uncounted = Response(200, b'{"items": []}')
    with start() as vk:
        vk.load()
        vk.server.faults.add(Fault("answer", matching="/ad_plans.json", response=none))
        assert vk.load().rows_deleted == 0
        vk.server.faults.clear()
        vk.server.faults.add(Fault("answer", matching="/ad_plans.json", times=-1, response=uncounted))
        with pytest.raises(PayloadError):
            vk.load()
        assert rows(f"select count(*) from {TABLE}") == [(30,)]


def test_sums_of_a_day_that_end_before_their_count_stop_the_stream(start: Start, rows: Rows) -> None:
    empty = Response(200, b'{"count": 260, "offset": 250, "items": []}')
    with start(plans=260) as vk:
        vk.load(FIRST, FIRST, statistics="v3")
        vk.server.faults.add(Fault("answer", matching="offset=250", times=-1, response=empty))
        with pytest.raises(PayloadError):
            vk.load(FIRST, FIRST, statistics="v3")
        assert rows(f"select count(*) from {TABLE}") == [(260,)]


def test_a_list_that_begins_anew_at_every_place_is_not_read_for_ever(start: Start) -> None:
    pages: list[Response] = []

    def first_page(good: Response) -> Response:
        pages.append(replace(good, body=good.body.replace(b'"offset"', b'"from"')))
        return pages[0]

    with start(plans=260, faults=(Fault("changed", matching="/ad_plans.json", times=-1, change=first_page),)) as vk:
        with pytest.raises(PayloadError, match="come before"):
            vk.load()
        assert len(pages) < 10
