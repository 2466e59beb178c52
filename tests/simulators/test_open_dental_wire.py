"""Open Dental speaks as documented: keys in a header, pages of 100, booleans as words, year 1 for nothing."""

from __future__ import annotations

import pytest
import requests

from simulators.open_dental.state import OpenDentalOptions
from simulators.running import Simulators, running_simulators
from simulators.world import World
from tests.simulators.reading_dental import dental_all, dental_get


def test_pages_have_a_hundred_rows_at_most_and_meet_without_overlap(vendors: Simulators) -> None:
    endpoint = vendors.endpoints["open_dental"]
    assert len(dental_get(endpoint, "appointments", Limit="500").json()) == 100
    assert len(dental_get(endpoint, "appointments", Limit="7").json()) == 7
    numbers = [row["AptNum"] for row in dental_all(endpoint, "appointments")]
    assert len(numbers) == len(set(numbers)) == len(vendors.world.appointments)


def test_booleans_are_words_and_nothing_is_year_one(vendors: Simulators) -> None:
    rows = dental_all(vendors.endpoints["open_dental"], "appointments")
    assert {row["IsNewPatient"] for row in rows} <= {"true", "false"}
    waiting = [row for row in rows if row["AptStatus"] in ("UnschedList", "ASAP")]
    assert {row["AptStatus"] for row in waiting} == {"UnschedList", "ASAP"}
    assert all(row["AptDateTime"] == "0001-01-01 00:00:00" for row in waiting)
    assert {row["AptStatus"] for row in rows} >= {"Scheduled", "Complete", "Broken", "PtNote"}


def test_a_clinic_number_is_text_in_payments_and_a_number_elsewhere(vendors: Simulators) -> None:
    endpoint = vendors.endpoints["open_dental"]
    payment = dental_get(endpoint, "payments", Limit="1").json()[0]
    assert isinstance(payment["ClinicNum"], str) and isinstance(payment["PayAmt"], str)
    assert "DateTStamp" not in payment
    assert isinstance(dental_get(endpoint, "appointments", Limit="1").json()[0]["ClinicNum"], int)


def test_changes_are_asked_for_by_the_servers_own_clock(city: World) -> None:
    with running_simulators(city) as running:
        endpoint = running.endpoints["open_dental"]
        stamp = dental_get(endpoint, "appointments", Limit="1").json()[0]["serverDateTime"]
        assert dental_get(endpoint, "appointments", DateTStamp=stamp).json() == []
        running.state("open_dental").touch("appointments", "AptNum", 5, AptStatus="Broken")
        changed = dental_get(endpoint, "appointments", DateTStamp=stamp).json()
    assert [row["AptNum"] for row in changed] == [5]


def test_an_old_payment_is_edited_without_a_stamp(city: World) -> None:
    with running_simulators(city) as running:
        endpoint = running.endpoints["open_dental"]
        running.state("open_dental").touch("payments", "PayNum", 1, PayAmt="1")
        old = dental_get(endpoint, "payments", Limit="1").json()[0]
        late = dental_get(endpoint, "payments", DateEntry=city.date_to.isoformat()).json()
    assert old["PayAmt"] == "1"
    assert all(row["DateEntry"] >= city.date_to.isoformat() and row["PayNum"] != 1 for row in late)


def test_filters_narrow_and_dates_select_the_schedule(vendors: Simulators) -> None:
    endpoint = vendors.endpoints["open_dental"]
    broken = dental_all(endpoint, "appointments", AptStatus="Broken")
    assert broken and {row["AptStatus"] for row in broken} == {"Broken"}
    week = dental_all(endpoint, "appointments", dateStart="2026-08-10", dateEnd="2026-08-16")
    assert week and all("2026-08-10" <= row["AptDateTime"][:10] <= "2026-08-16" for row in week)
    done = dental_all(endpoint, "procedurelogs", ProcStatus="C")
    assert {row["ProcStatus"] for row in done} == {"C"}
    assert {row["procCode"] for row in done} >= {"D9986", "D9987"}
    one = dental_get(endpoint, "appointments/3").json()
    assert one["AptNum"] == 3


@pytest.mark.parametrize(
    ("resource", "query", "status"),
    [
        ("appointments", {"Offset": "-1"}, 400),
        ("appointments", {"DateTStamp": "yesterday"}, 400),
        ("appointments", {"NoSuchFilter": "1"}, 400),
        ("treatplanattaches", {}, 400),
        ("appointments/999999", {}, 404),
        ("nothing", {}, 404),
    ],
)
def test_refusals_are_sentences(vendors: Simulators, resource: str, query: dict[str, str], status: int) -> None:
    answer = dental_get(vendors.endpoints["open_dental"], resource, **query)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/plain") and answer.text


def test_both_keys_are_needed(vendors: Simulators) -> None:
    base = vendors.endpoints["open_dental"]["base_url"]
    for header in ({}, {"Authorization": "ODFHIR simulatedDeveloper/other"}, {"Authorization": "Bearer x"}):
        assert requests.get(f"{base}/clinics", headers=header, timeout=10).status_code == 401


def test_the_throttle_answers_429_with_retry_after(city: World) -> None:
    now = [0.0]
    options = {"open_dental": OpenDentalOptions(seconds_between=1.0)}
    with running_simulators(city, options=options, clock=lambda: now[0]) as running:
        endpoint = running.endpoints["open_dental"]
        first, second = dental_get(endpoint, "clinics"), dental_get(endpoint, "clinics")
        now[0] += 1.1
        third = dental_get(endpoint, "clinics")
    assert [answer.status_code for answer in (first, second, third)] == [200, 429, 200]
    assert second.headers["Retry-After"] == "1"


def test_a_deleted_appointment_leaves_a_trace_and_shifts_the_pages(city: World) -> None:
    with running_simulators(city) as running:
        endpoint = running.endpoints["open_dental"]
        before = dental_get(endpoint, "appointments", Offset="100").json()
        running.state("open_dental").delete_appointment(1)
        after = dental_get(endpoint, "appointments", Offset="100").json()
        trace = dental_get(endpoint, "histappointments").json()
    assert after[0]["AptNum"] == before[1]["AptNum"]
    assert [(row["AptNum"], row["HistApptAction"]) for row in trace] == [(1, "Deleted")]
