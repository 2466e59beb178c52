"""FHIR: what the server says arrives whole, whatever its habits; what goes wrong on the way changes nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from extractors.core.errors import PayloadError, RejectedError, TransientError
from extractors.registry import source
from extractors.run import LoadResult, run_stream
from simulators.faults import Fault, Faults
from simulators.fhir import SECRET, SIMULATOR
from simulators.fhir.routes import Fhir
from simulators.fhir.state import FhirOptions, FhirState
from simulators.http import Request, Response, VendorServer, json_response
from simulators.world import build_world
from simulators.world.model import World
from tests.extractors.staging_views import create_views

FIRST, LAST = date(2026, 7, 1), date(2026, 9, 12)
AT = datetime(2026, 9, 10, 9, tzinfo=UTC)
Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(7, date_from=date(2026, 8, 1), days=30)


class Server:
    """One running simulator and a way to load from it."""

    def __init__(self, world: World, url: str, options: FhirOptions) -> None:
        self.vendor: Fhir = SIMULATOR.make(world, options, time.monotonic)  # type: ignore[assignment]
        self.faults = Faults()
        self.server = VendorServer(self.vendor, self.faults)
        self.url = url
        self.world = world

    @property
    def state(self) -> FhirState:
        return self.vendor.state

    def load(self, *streams: str, **settings: object) -> LoadResult:
        endpoint = SIMULATOR.endpoint(self.world, self.server.base_url, self.vendor)
        result = None
        for stream in streams or [stream.name for stream in source("fhir").streams]:
            result = run_stream(
                self.url, "fhir", stream, FIRST, LAST, run_id="run", now=datetime(2026, 9, 12, tzinfo=UTC),
                settings={
                    **endpoint["settings"], "base_url": endpoint["base_url"], "token": endpoint["token"],
                    "requests_per_second": 0, "retry_base_seconds": 0.01, "attempts": 4, **settings,
                },
            )
        assert result is not None
        return result

    def meddle(self, change: Callable[[Request, Response], Response]) -> None:
        """Every answer goes through `change` on its way out."""
        handle = self.vendor.handle
        self.vendor.handle = lambda request: change(request, handle(request))  # type: ignore[method-assign]


@pytest.fixture
def start(world: World, warehouse: str) -> Iterator[Callable[..., Server]]:
    running: list[Server] = []

    def begin(**options: Any) -> Server:  # noqa: ANN401
        running.append(Server(world, warehouse, FhirOptions(**{"largest_page": 40, **options})))
        running[-1].server.start()
        return running[-1]

    yield begin
    for one in running:
        one.server.stop()


def count(ask: Ask, table: str) -> int:
    return int(ask(f"select count(*) from staging.{table}")[0][0])


@pytest.mark.parametrize(
    "options",
    [{"total": "none"}, {"total": "guess"}, {"paging": "counted"}, {"chatter": False, "largest_page": 1000}],
    ids=lambda options: ", ".join(f"{name} {value}" for name, value in options.items()),
)
def test_servers_of_all_habits_give_the_same_rows(
    start: Callable[..., Server], rows: Ask, options: dict[str, Any]
) -> None:
    server = start(**options)
    server.load("appointments", trust_total=options.get("total") != "guess")
    first, last = datetime(2026, 6, 30, 21, tzinfo=UTC), datetime(2026, 9, 12, 21, tzinfo=UTC)
    expected = [
        id_ for id_, row in server.state.resources["Appointment"].items()
        if first <= datetime.fromisoformat(row["meta"]["lastUpdated"]) < last
    ]
    assert sorted(row[0] for row in rows("select appointment_id from staging.fhir__appointments")) == sorted(expected)
    assert expected
    assert server.load("appointments", trust_total=options.get("total") != "guess").rows_written == 0


def test_a_guessed_total_is_told_with_the_setting_that_helps(start: Callable[..., Server]) -> None:
    with pytest.raises(TransientError, match="trust_total"):
        start(total="guess").load("appointments")


FAULTS = (
    Fault("too_many_requests", times=2), Fault("too_many_requests", retry_after=0), Fault("server_error", times=2),
    Fault("cut_body"), Fault("truncated_json"), Fault("html"), Fault("repeated_page", after=2),
    Fault("empty_page"), Fault("empty_page", after=2),
)


@pytest.mark.parametrize("stream", ["appointments", "charge_items", "payments", "slots"])
def test_a_fault_changes_nothing_in_the_end(start: Callable[..., Server], rows: Ask, stream: str) -> None:
    server = start()
    content = f"select count(*), md5(string_agg(t::text, '' order by t::text)) from staging.fhir__{stream} as t"
    server.load(stream)
    clean = rows(content)
    assert clean[0][0] > 40
    for fault in FAULTS:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"truncate staging.fhir__{stream}".encode())
        server.faults.add(fault)
        assert server.load(stream).rows_rejected == 0, fault
        assert rows(content) == clean, fault


def test_a_row_that_moves_between_two_pages_is_not_lost(start: Callable[..., Server], rows: Ask) -> None:
    """The oldest row is edited after page one: all others move forward, and the first of page two is never sent."""
    server = start(paging="counted")
    server.load("slots")
    everything = count(rows, "fhir__slots")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("truncate staging.fhir__slots")
    edits = [min(server.state.resources["Slot"].values(), key=lambda row: row["meta"]["lastUpdated"])["id"]]

    def edit(request: Request, answer: Response) -> Response:
        if edits:
            server.state.change("Slot", edits.pop(), AT, comment="moved")
        return answer

    server.meddle(edit)
    server.load("slots")
    assert count(rows, "fhir__slots") == everything


def test_pages_that_expire_are_read_again_from_the_beginning(start: Callable[..., Server], rows: Ask) -> None:
    server = start()
    forgets = [1, 1]

    def forget(request: Request, answer: Response) -> Response:
        if request.get("_getpagesoffset") == "40" and forgets:
            forgets.pop()
            server.state.forget_searches()
        return answer

    server.meddle(forget)
    server.load("slots")
    assert count(rows, "fhir__slots") > 80
    assert not forgets
    always = start()

    def forget_always(request: Request, answer: Response) -> Response:
        always.state.forget_searches()
        return answer

    always.meddle(forget_always)
    with pytest.raises(TransientError, match="forgets"):
        always.load("slots")


def test_a_resource_that_the_server_does_not_have_stops_its_stream_unless_it_is_said(
    start: Callable[..., Server], rows: Ask
) -> None:
    server = start()
    del server.state.resources["Invoice"]
    with pytest.raises(RejectedError, match="404"):
        server.load("invoices")
    server.load("invoices", "deletions", absent=["Invoice"])
    assert count(rows, "fhir__invoices") == 0


def test_a_link_to_another_host_is_not_followed_unless_it_is_the_servers_own_name(
    start: Callable[..., Server], rows: Ask
) -> None:
    server = start(link_host="inside.example.org")
    with pytest.raises(RejectedError, match="link_base_url"):
        server.load("slots")
    assert count(rows, "fhir__slots") == 0
    server.load("slots", link_base_url="http://inside.example.org/fhir")
    assert count(rows, "fhir__slots") > 40


def test_a_server_that_ignores_the_time_asked_is_refused_unless_it_is_said(
    start: Callable[..., Server], rows: Ask
) -> None:
    server = start(largest_page=100_000)
    found = server.vendor._found
    server.vendor._found = lambda kind, query: found(kind, ())  # type: ignore[method-assign]
    with pytest.raises(PayloadError, match="filters_by_time"):
        server.load("appointments")
    server.load("appointments", filters_by_time=False)
    assert count(rows, "fhir__appointments") == len(server.state.resources["Appointment"])


def test_a_token_is_asked_for_and_renewed_under_way(start: Callable[..., Server], rows: Ask) -> None:
    server = start()
    asked = iter(range(1000))

    def expire(request: Request, answer: Response) -> Response:
        if next(asked) == 2:
            server.state.grant()
        return answer

    server.meddle(expire)
    how = {"token": None, "token_url": f"{server.server.base_url}/token", "client_id": "chairside"}
    server.load("slots", **how, client_secret=SECRET)
    assert count(rows, "fhir__slots") > 40
    assert [path for _, path, _ in server.server.journal].count("/token") == 2
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server.load("schedules", **how, private_key=key.decode(), key_id="k1")
    assert count(rows, "fhir__schedules") >= 0
    with pytest.raises(RejectedError) as refused:
        server.load("slots", **how, client_secret="wrong-secret-word")
    assert "wrong-secret-word" not in str(refused.value)


def test_a_static_token_that_is_refused_stops_at_once(start: Callable[..., Server]) -> None:
    server = start()
    with pytest.raises(RejectedError, match="token"):
        server.load("slots", token="old-token-value")
    assert len(server.server.journal) == 1


@pytest.mark.parametrize("way", ["history", "ids"])
def test_what_was_deleted_leaves_and_what_was_restored_comes_back(
    start: Callable[..., Server], rows: Ask, way: str
) -> None:
    server = start(history=way == "history")
    server.load(deletions=way)
    create_views(server.url, "fhir")
    booked = "select min(appointment_id::int) from staging.fhir__appointments where patient_id is not null"
    number = str(rows(booked)[0][0])
    seen = f"select count(*) from staging.stg_fhir__appointments where appointment_id = 'fhir:{number}'"
    assert rows(seen) == [(1,)]
    kept = server.state.resources["Appointment"][number]
    server.state.delete("Appointment", number, AT)
    server.load("appointments", "deletions", "resource_ids", deletions=way)
    assert rows(seen) == [(0,)]
    server.state.resources["Appointment"][number] = kept
    server.state.change("Appointment", number, AT + timedelta(minutes=1))
    server.load("appointments", deletions=way)
    assert rows(seen) == [(1,)]


def test_a_server_without_history_says_which_setting_helps(start: Callable[..., Server]) -> None:
    with pytest.raises(RejectedError, match="`ids`"):
        start(history=False).load("deletions")


def test_extensions_tell_what_the_standard_does_not(start: Callable[..., Server], rows: Ask) -> None:
    server = start(extensions=True)
    server.load("patients")
    said = rows("select patient_id, how_learned, registered_at is not null from staging.fhir__patients")
    learned = {str(patient.pat_num): patient.how_learned for patient in server.state.world.patients}
    assert said
    assert all(learned[number] == word and registered for number, word, registered in said)


def _rows_of(server: Server, kind: str, change: Callable[[dict[str, Any]], object]) -> None:
    def edit(request: Request, answer: Response) -> Response:
        if answer.status != 200 or "/metadata" in request.path:
            return answer
        bundle = msgspec.json.decode(answer.body)
        for entry in bundle.get("entry", ()):
            if entry["resource"]["resourceType"] == kind:
                change(entry["resource"])
        return json_response(bundle)

    server.meddle(edit)


def test_a_new_field_is_kept_and_a_field_that_is_gone_stops_the_stream(
    start: Callable[..., Server], rows: Ask
) -> None:
    server = start()
    _rows_of(server, "Appointment", lambda row: row.update(mood="sunny"))
    assert server.load("appointments").unknown_fields == ("mood",)
    assert rows("select distinct _extra ->> 'mood' from staging.fhir__appointments") == [("sunny",)]
    _rows_of(server, "Appointment", lambda row: row.pop("status"))
    with pytest.raises(PayloadError, match="status"):
        server.load("appointments")


def test_one_payment_without_a_day_is_set_aside(start: Callable[..., Server], rows: Ask) -> None:
    server = start()
    number = next(iter(server.state.resources["PaymentReconciliation"]))
    server.state.change("PaymentReconciliation", number, AT, paymentDate="2026-08")
    assert server.load("payments").rows_rejected == 1
    assert rows("select column_name from staging.rejected_rows") == [("paymentDate",)]


def test_resources_of_another_kind_are_no_answer_and_no_empty_one(start: Callable[..., Server], rows: Ask) -> None:
    """As from a cache in between; without a total nobody would miss the appointments."""
    server = start()
    server.load("appointments")
    before = count(rows, "fhir__appointments")

    def swap(request: Request, response: Response) -> Response:
        bundle = json.loads(response.body)
        bundle.pop("total", None)
        for entry in bundle.get("entry", ()):
            if entry["resource"]["resourceType"] == "Appointment":
                entry["resource"]["resourceType"] = "Encounter"
        return replace(response, body=json.dumps(bundle).encode())

    server.meddle(swap)
    with pytest.raises(PayloadError, match="another kind"):
        server.load("appointments")
    assert count(rows, "fhir__appointments") == before


def test_pages_that_lead_in_a_circle_are_not_followed_for_ever(start: Callable[..., Server]) -> None:
    server = start(largest_page=5, total="none")
    links: list[dict[str, str]] = []

    def lead_back(request: Request, response: Response) -> Response:
        bundle = json.loads(response.body)
        links.extend(link for link in bundle["link"] if link["relation"] == "next")
        if len(links) > 3:
            bundle["link"] = [links[len(links) % 2]]
        return replace(response, body=json.dumps(bundle).encode())

    server.meddle(lead_back)
    with pytest.raises(TransientError, match="circle"):
        server.load("appointments")
    assert len(links) < 20
