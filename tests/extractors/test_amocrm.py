"""amoCRM: what the account says arrives whole, and what goes wrong on the way changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from extractors.core.errors import ConfigError, GuardError, PayloadError, RejectedError, TransientError
from extractors.core.tokens import Pair, PairFile
from extractors.kinds import KIND_BY_NAME
from extractors.registry import source
from extractors.run import LoadResult, run_stream
from simulators.amocrm import REFRESH, SIMULATOR, TOKEN
from simulators.amocrm.routes import Amocrm
from simulators.amocrm.state import AmocrmOptions, AmocrmState
from simulators.faults import Fault, Faults
from simulators.http import Request, Response, VendorServer, json_response
from simulators.world import build_world
from simulators.world.model import World
from tests.extractors.conftest import Load
from tests.extractors.staging_views import create_views
from tests.extractors.vendor_server import Reply, Vendor

FIRST, LAST = date(2020, 1, 1), date(2026, 9, 12)
OPTIONS = AmocrmOptions(per_second=0, largest_page=7, largest_event_page=25)
Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(7, date_from=date(2026, 8, 1), days=15, clinics=3)


class Account:
    """One running simulator and a way to load from it."""

    def __init__(self, world: World, url: str, options: AmocrmOptions = OPTIONS) -> None:
        self.vendor: Amocrm = SIMULATOR.make(world, options, time.monotonic)  # type: ignore[assignment]
        self.faults = Faults()
        self.server = VendorServer(self.vendor, self.faults)
        self.url = url
        self.world = world

    @property
    def state(self) -> AmocrmState:
        return self.vendor.state

    def load(self, *streams: str, **settings: object) -> LoadResult:
        endpoint = SIMULATOR.endpoint(self.world, self.server.base_url, self.vendor)
        result = None
        for stream in streams or [stream.name for stream in source("amocrm").streams]:
            result = run_stream(
                self.url, "amocrm", stream, FIRST, LAST, run_id="run", now=datetime(2026, 9, 12, tzinfo=UTC),
                settings={
                    **endpoint["settings"], "base_url": endpoint["base_url"], "token": endpoint["token"],
                    "requests_per_second": 0, "retry_base_seconds": 0.01, "attempts": 4, **settings,
                },
            )
        assert result is not None
        return result


@pytest.fixture
def account(world: World, warehouse: str) -> Iterator[Account]:
    running = Account(world, warehouse)
    running.server.start()
    yield running
    running.server.stop()


def test_the_deals_and_their_stages_are_those_of_the_city(account: Account, rows: Ask) -> None:
    account.load()
    create_views(account.url, "amocrm")
    truth = account.world.rows_of("amocrm")
    for kind in ("deals", "deal_stages"):
        names = [column.name for column in KIND_BY_NAME[kind].columns]
        found = rows(f"select {', '.join(names)} from staging.stg_amocrm__{kind}")
        assert sorted(map(plain, found)) == sorted(plain([row[name] for name in names]) for row in truth[kind])
        assert found


def plain(row: Iterable[Any]) -> str:
    """Equal instants and amounts as equal text."""
    return repr(
        [
            value.astimezone(UTC) if isinstance(value, datetime)
            else f"{value.normalize():f}" if isinstance(value, Decimal) else value
            for value in row
        ]
    )


def test_a_second_load_writes_nothing(account: Account) -> None:
    account.load()
    assert account.load("leads").rows_written == 0
    assert account.load("lead_ids").rows_written == 0


def landed(ask: Ask) -> list[tuple[Any, ...]]:
    return ask("select lead_id, name, amount, updated_at, contact_id, tags from staging.amocrm__leads order by lead_id")


def test_a_deal_edited_between_two_pages_costs_no_other_deal(account: Account, rows: Ask) -> None:
    """By page number the first row of page two would move into page one, which has been read."""
    account.load("leads")
    everything = {row[0] for row in landed(rows)}
    with psycopg.connect(account.url, autocommit=True) as connection:
        connection.execute("truncate staging.amocrm__leads")
    handle, edited = account.vendor.handle, [row["id"] for row in account.state.rows["leads"][:3]]
    oldest = sorted(account.state.rows["leads"], key=lambda row: row["updated_at"])[0]["id"]

    def edit_then_answer(request: Request) -> Response:
        answer = handle(request)
        if request.path.endswith("/leads") and edited:
            edited.clear()
            account.state.change_lead(oldest, datetime(2026, 9, 11, tzinfo=UTC), name="edited")
        return answer

    account.vendor.handle = edit_then_answer  # type: ignore[method-assign]
    account.load("leads")
    assert {row[0] for row in landed(rows)} == everything
    assert rows("select name from staging.amocrm__leads where lead_id = %s", str(oldest)) == [("edited",)]


def test_many_deals_of_one_second_are_all_read(account: Account, rows: Ask) -> None:
    moment = datetime(2026, 9, 1, 12, tzinfo=UTC)
    for row in account.state.rows["leads"][:30]:
        account.state.change_lead(row["id"], moment)
    account.load("leads")
    assert len(landed(rows)) == len(account.state.rows["leads"])


FAULTS = (
    Fault("too_many_requests", times=2), Fault("too_many_requests", retry_after=0), Fault("server_error", times=2),
    Fault("cut_body"), Fault("truncated_json"), Fault("html"), Fault("repeated_page", after=2),
    Fault("empty_page"), Fault("empty_page", after=2),
)


@pytest.mark.parametrize("stream", ["leads", "lead_events", "contacts", "lead_ids", "statuses"])
def test_a_fault_changes_nothing_in_the_end(account: Account, rows: Ask, stream: str) -> None:
    count = f"select count(*), md5(string_agg(t::text, '' order by t::text)) from staging.amocrm__{stream} as t"
    account.load(stream)
    clean = rows(count)
    assert clean[0][0] > 0
    for fault in FAULTS:
        with psycopg.connect(account.url, autocommit=True) as connection:
            connection.execute(f"truncate staging.amocrm__{stream}".encode())
        account.faults.add(fault)
        assert account.load(stream).rows_rejected == 0, fault
        assert rows(count) == clean, fault


def test_an_answer_to_another_question_is_not_taken_for_this_ones(account: Account, rows: Ask) -> None:
    handle, given = account.vendor.handle, list[Response]()

    def stale(request: Request) -> Response:
        answer = handle(request)
        if request.path.endswith("/leads"):
            given.append(answer)
            return given[0] if len(given) == asked_before + 1 else answer
        return answer

    asked_before = 1_000
    account.vendor.handle = stale  # type: ignore[method-assign]
    account.load("lead_ids")  # the same list, by another time and without contacts
    asked_before = len(given)
    account.load("leads")
    without_contact = sum(1 for row in account.state.rows["leads"] if not row["_embedded"]["contacts"])
    assert rows("select count(*) from staging.amocrm__leads where contact_id is null") == [(without_contact,)]


def test_an_account_without_rows_is_no_error(account: Account, rows: Ask) -> None:
    account.state.rows["leads"] = []
    account.load("leads")
    assert landed(rows) == []


def test_a_refusal_that_never_ends_gives_up_and_a_blocked_address_is_told(account: Account) -> None:
    account.faults.add(Fault("too_many_requests", times=4))
    with pytest.raises(TransientError, match="Gave up after 4"):
        account.load("users")
    account.faults.add(Fault("answer", response=Response(403, b"<html>", "text/html")))
    with pytest.raises(RejectedError, match="blocked"):
        account.load("users")
    account.faults.add(Fault("answer", response=Response(402, b"{}")))
    with pytest.raises(RejectedError, match="not paid"):
        account.load("users")


def test_a_long_lived_token_that_is_refused_stops_at_once(account: Account) -> None:
    account.faults.add(Fault("unauthorized"))
    with pytest.raises(RejectedError, match="token"):
        account.load("users")
    assert len(account.server.journal) == 1


def test_a_token_that_runs_out_under_way_is_renewed_once_and_kept(
    account: Account, rows: Ask, tmp_path: Path
) -> None:
    file = tmp_path / "keys" / "amocrm.json"
    renewing = {
        "token_file": str(file), "client_id": "i", "client_secret": "simulated-secret", "refresh_token": REFRESH,
        "redirect_uri": "https://example.org/",
    }
    handle, asked = account.vendor.handle, iter(range(1000))

    def expire(request: Request) -> Response:
        if next(asked) == 2:
            account.state.expire_token()
        return handle(request)

    account.vendor.handle = expire  # type: ignore[method-assign]
    account.load("leads", **renewing)
    assert len(landed(rows)) == len(account.state.rows["leads"])
    assert PairFile(file).read() == Pair(account.state.token, account.state.refresh_token)
    assert file.stat().st_mode & 0o077 == 0
    # The settings still hold the first pair, which is used up; the file has the one that works.
    account.load("contacts", **renewing)
    assert [path for _, path, _ in account.server.journal].count("/oauth2/access_token") == 1
    account.state.expire_token()
    account.state.refresh_token = "revoked"
    with pytest.raises(RejectedError, match="token") as refused:
        account.load("users", **renewing)
    assert TOKEN not in str(refused.value)
    assert REFRESH not in str(refused.value)


def test_a_refresh_token_without_a_file_to_keep_the_next_one_is_refused(account: Account) -> None:
    with pytest.raises(ConfigError, match="token_file"):
        account.load("users", refresh_token=REFRESH)


def test_an_account_in_another_currency_writes_nothing(account: Account, rows: Ask) -> None:
    with pytest.raises(GuardError, match="RUB"):
        account.load("leads", currency="EUR")
    assert landed(rows) == []


def _pages(account: Account, change: Callable[[dict[str, Any]], object]) -> None:
    """Every page of leads goes through `change` on its way out."""
    handle = account.vendor.handle

    def changed(request: Request) -> Response:
        answer = handle(request)
        if not request.path.endswith("/leads") or answer.status != 200:
            return answer
        body = msgspec.json.decode(answer.body)
        change(body)
        return json_response(body)

    account.vendor.handle = changed  # type: ignore[method-assign]


def _answers(account: Account, change: Callable[[dict[str, Any]], object]) -> None:
    """Every lead does."""
    _pages(account, lambda body: [change(row) for row in body["_embedded"]["leads"]])


@pytest.mark.parametrize("embedded", [{}, {"leads": None}, {"contacts": []}])
def test_an_answer_that_does_not_name_its_list_is_no_empty_one(
    account: Account, rows: Ask, embedded: dict[str, Any]
) -> None:
    """An empty list comes as HTTP 204; the rest of the page is as it should be."""
    account.load("leads")
    before = landed(rows)
    _pages(account, lambda body: body.update(_embedded=embedded))
    with pytest.raises(PayloadError, match=r"amocrm leads .* do not decode"):
        account.load("leads")
    assert landed(rows) == before != []


def test_a_new_field_is_kept_and_a_number_as_text_is_read(account: Account, rows: Ask) -> None:
    _answers(account, lambda row: row.update(mood="sunny", price=str(row["price"])))
    assert account.load("leads").unknown_fields == ("mood",)
    assert rows("select distinct _extra ->> 'mood' from staging.amocrm__leads") == [("sunny",)]


def test_a_field_that_is_gone_from_every_deal_stops_the_stream(account: Account, rows: Ask) -> None:
    account.load("leads")
    before = landed(rows)
    _answers(account, lambda row: row.pop("status_id"))
    with pytest.raises(PayloadError, match="status_id"):
        account.load("leads")
    assert landed(rows) == before


def test_one_broken_deal_is_set_aside(account: Account, rows: Ask) -> None:
    broken = account.state.rows["leads"][3]["id"]
    account.state.change_lead(broken, datetime(2026, 9, 10, tzinfo=UTC), price="many")
    result = account.load("leads")
    assert result.rows_rejected == 1
    assert rows("select column_name from staging.rejected_rows") == [("price",)]
    assert len(landed(rows)) == len(account.state.rows["leads"]) - 1


@pytest.mark.parametrize(
    ("shown", "told"), [(False, True), (False, False), (True, False)],
    ids=["told by an event", "seen by the list of numbers", "shown in the list"],
)
def test_a_deleted_deal_leaves_and_a_restored_one_comes_back(
    world: World, warehouse: str, rows: Ask, *, shown: bool, told: bool
) -> None:
    options = AmocrmOptions(per_second=0, show_deleted=shown, tells_deletions=told)
    account = Account(world, warehouse, options)
    account.server.start()
    account.load()
    create_views(warehouse, "amocrm")
    number = account.state.rows["leads"][0]["id"]
    count = f"select count(*) from staging.stg_amocrm__deals where deal_id = 'amocrm:{number}'"
    assert rows(count) == [(1,)]
    kept = next(row for row in account.state.rows["leads"] if row["id"] == number)
    at = datetime(2026, 9, 11, 9, tzinfo=UTC)
    account.state.delete_lead(number, at)
    account.load("leads", "lead_events", *([] if told else ["lead_ids"]))
    assert rows(count) == [(0,)]
    if kept not in account.state.rows["leads"]:
        account.state.rows["leads"].append(kept)
    account.state.change_lead(number, at + timedelta(minutes=5), is_deleted=False)
    account.load("leads", "lead_ids")
    assert rows(count) == [(1,)]
    account.server.stop()


def test_a_deal_younger_than_the_list_of_numbers_is_not_taken_for_deleted(account: Account, rows: Ask) -> None:
    account.load()
    newest = max(row["id"] for row in account.state.rows["leads"])
    young = {**account.state.rows["leads"][0], "id": newest + 1, "updated_at": 1_789_000_000}
    account.state.rows["leads"].append(young)
    create_views(account.url, "amocrm")
    account.load("leads")
    assert rows(f"select 1 from staging.stg_amocrm__deals where deal_id = 'amocrm:{newest + 1}'") == [(1,)]


def test_a_full_page_that_does_not_say_whether_more_follow_is_not_the_last(
    load: Load, vendor: Vendor, rows: Ask
) -> None:
    def users(count: int, **more: object) -> Reply:
        return Reply({"_embedded": {"users": [{"id": number, "name": "x"} for number in range(count)]}, **more})

    window = ("amocrm", "users", "2026-06-01", "2026-06-01")
    vendor.script(users(249))
    assert load(*window).rows_read == 249
    vendor.script(users(250))
    with pytest.raises(PayloadError):
        load(*window)
    vendor.script(users(250, _links={"self": {"href": "/api/v4/users?page=1"}}))
    assert load(*window).rows_read == 250
