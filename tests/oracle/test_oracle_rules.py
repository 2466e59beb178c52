"""The worked examples of RULES sections 1 and 4, and small cases worked out by hand for single items of section 12."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.oracle.deals import deal_journal
from tests.oracle.desk_reports import inquiry_history
from tests.oracle.inquiries import Inquiry
from tests.oracle.reports import channels_and_sources
from tests.oracle.rows import Data, from_texts
from tests.oracle.sources import Source, Touch, weights
from tests.oracle.world import world

MARCH = (date(2026, 3, 1), date(2026, 3, 31))
PHONE = "+74950000001"
Texts = dict[str, str]


def data_of(**tables: list[Texts]) -> Data:
    clinics = [{"clinic_id": "C1", "time_zone": "Europe/Moscow"}]
    for kind, rows in tables.items():
        for number, row in enumerate(rows):
            row.setdefault("clinic_id", "C1")
            if kind in {"payments", "sales", "ad_spend"}:
                row.setdefault("currency", "RUB")
            row.setdefault({"payments": "payment_id", "sales": "sale_id"}.get(kind, "note"), f"n{number}")
    return from_texts({"clinics": clinics, **tables})


def contact(contact_id: str, at: str, **values: str) -> Texts:
    """A contact at a Moscow time, an inbound call unless said otherwise."""
    moment = {"contact_id": contact_id, "occurred_at": f"{at}+03:00"}
    return {**moment, "kind": "call", "direction": "inbound", **values}


def appointment(appointment_id: str, patient_id: str, created: str, **values: str) -> Texts:
    base = {"appointment_id": appointment_id, "patient_id": patient_id, "created_at": f"{created}+03:00"}
    return {**base, "status": "planned", **values}


def days_of(data: Data) -> list[tuple[str, int, int]]:
    return sorted((i.person, i.local_date.day, len(i.contacts)) for i in world(data).inquiries)


def the_inquiry(data: Data, day: int) -> Inquiry:
    (found,) = [inquiry for inquiry in world(data).inquiries if inquiry.local_date.day == day]
    return found


def section_1_contacts(**first: str) -> list[Texts]:
    return [
        {**contact("E1", "2026-03-02T23:30:00", phone=PHONE), **first},
        contact("E2", "2026-03-02T23:59:00", phone="8 (495) 000-00-01"),
        contact("E3", "2026-03-03T00:01:00", phone=PHONE, kind="form"),
        contact("E4", "2026-03-03T10:00:00", phone=PHONE, direction="outbound"),
    ]


def test_two_calls_and_a_form_called_back_are_two_inquiries_of_one_person() -> None:
    person = "component:phone:" + PHONE
    assert days_of(data_of(contacts=section_1_contacts())) == [(person, 2, 2), (person, 3, 2)]


def test_two_children_named_on_the_first_call_have_an_inquiry_each_and_the_phone_its_own() -> None:
    patients = [{"patient_id": name, "phones": PHONE} for name in ("A", "B")]
    data = data_of(contacts=section_1_contacts(patient_ids="A;B"), patients=patients)
    phone = "shared:phone:" + PHONE
    assert days_of(data) == [("patient:A", 2, 1), ("patient:B", 2, 1), (phone, 2, 1), (phone, 3, 2)]


def test_a_patient_who_books_out_of_the_form_has_the_form() -> None:
    patients = [{"patient_id": name, "phones": PHONE} for name in ("A", "B")]
    booked = [appointment("A1", "A", "2026-03-03T02:01:00")]
    data = data_of(contacts=section_1_contacts(patient_ids="A;B"), patients=patients, appointments=booked)
    assert ("patient:A", 3, 1) in days_of(data)
    # The callback of the 3rd names nobody: it stays the phone's, and joins the phone's unresolved call of the 2nd.
    assert ("shared:phone:" + PHONE, 2, 2) in days_of(data)


def section_4() -> Data:
    names = [f"P{number:02d}" for number in range(40)]
    tagged = {"utm_source": "yandex", "utm_campaign": "teeth", "people_group": "wants_to_book"}
    contacts = [contact(f"E{name}", "2026-03-05T10:00:00", patient_ids=name, **tagged) for name in names]
    appointments = [
        appointment(
            f"A{name}",
            name,
            "2026-03-05T10:03:00",
            contact_id=f"E{name}",
            starts_at="2026-03-10T10:00:00+03:00",
            status="completed" if place < 16 else "no_show",
        )
        for place, name in enumerate(names[:20])
    ]
    payers = [*names[:10], *names[:2]]  # two of the ten come and pay twice
    payments = [
        {"patient_id": name, "paid_at": f"2026-03-{10 + place:02d}T12:00:00+03:00", "amount": amount}
        for place, (name, amount) in enumerate(zip(payers, ["20000"] * 11 + ["40000"], strict=True))
    ]
    sale = {"patient_id": "P00", "sold_at": "2026-03-10T12:00:00+03:00", "amount": "260000", "cost": "140000"}
    spend = {"date_from": "2026-03-01", "date_to": "2026-03-31", "channel": "paid_search", "source": "yandex"}
    return data_of(
        contacts=contacts,
        appointments=appointments,
        payments=payments,
        sales=[sale],
        ad_spend=[{**spend, "campaign": "teeth", "amount": "100000"}],
    )


def test_the_worked_example_of_the_channel_report() -> None:
    (row,) = channels_and_sources(section_4(), *MARCH)
    expected = {
        "spend": 100000,
        "inquiries": 40,
        "booked": 20,
        "arrived": 16,
        "clients": 16,
        "paying_clients": 10,
        "paid_visits": 12,
        "revenue": 260000,
        "cpl": 2500,
        "cpo": 6250,
        "cost_per_paying_client": 10000,
        "roi_percent": 160,
        "revenue_to_spend": Decimal("2.6"),
        "average_cheque": Decimal("21666.67"),
        "ltv": 7500,
        "ltv_revenue": 16250,
    }
    assert {name: row[name] for name in expected} == expected


def test_a_visit_that_two_people_pay_for_is_one_paid_visit() -> None:
    patients = [{"patient_id": name} for name in ("A", "B")]
    contacts = [contact(f"E{name}", "2026-03-02T10:00:00", patient_ids=name, utm_source=name) for name in ("A", "B")]
    visit = {"starts_at": "2026-03-03T10:00:00+03:00", "status": "completed"}
    booked = [
        appointment(f"V{name}", name, "2026-03-02T10:05:00", contact_id=f"E{name}", **visit) for name in ("A", "B")
    ]
    paid = {"appointment_id": "VA", "paid_at": "2026-03-03T12:00:00+03:00", "amount": "500"}
    payments = [{**paid, "patient_id": name} for name in ("A", "B")]
    data = data_of(patients=patients, contacts=contacts, appointments=booked, payments=payments)
    rows = channels_and_sources(data, *MARCH, level="source")
    assert [(row["source"], row["revenue"], row["paid_visits"]) for row in rows] == [("A", 500, 1), ("B", 500, 0)]


def test_a_prepayment_returned_after_the_next_inquiry_is_no_paid_visit() -> None:
    contacts = [
        contact("E1", "2026-03-02T10:00:00", patient_ids="A", utm_source="one"),
        contact("E2", "2026-03-10T10:00:00", patient_ids="A", utm_source="two", people_group="wants_to_book"),
    ]
    paid = {"patient_id": "A", "appointment_id": "V"}
    payments = [
        {**paid, "paid_at": "2026-03-02T12:00:00+03:00", "amount": "500"},
        {**paid, "paid_at": "2026-03-11T12:00:00+03:00", "amount": "-500"},
    ]
    data = data_of(patients=[{"patient_id": "A"}], contacts=contacts, payments=payments)
    rows = channels_and_sources(data, *MARCH, level="source")
    assert [(row["source"], row["revenue"], row["paid_visits"]) for row in rows] == [("one", 500, 0), ("two", -500, 0)]


@pytest.mark.parametrize(
    ("model", "credits"),
    [
        ("first_touch", ["1", "0", "0", "0"]),
        ("last_touch", ["0", "0", "0", "1"]),
        ("last_non_direct", ["0", "1", "0", "0"]),
        ("linear", ["1/4"] * 4),
        ("position_based", ["2/5", "1/10", "1/10", "2/5"]),
        ("time_decay", ["1/15", "2/15", "4/15", "8/15"]),
    ],
)
def test_credits_of_a_path_of_four_touches_a_week_apart(model: str, credits: list[str]) -> None:
    channels = ("organic", "social", "direct", "unknown")
    start = datetime(2026, 3, 1, tzinfo=UTC)
    path = [Touch(start + timedelta(weeks=n), f"t{n}", None, Source(name, name)) for n, name in enumerate(channels)]
    shares = weights(path, model)
    assert shares == [Fraction(credit) for credit in credits]
    assert sum(shares) == 1


def test_a_callback_joins_an_unresolved_inquiry_for_thirty_days_and_keeps_its_day() -> None:
    missed = contact("E1", "2026-03-01T10:00:00", phone=PHONE, is_answered="false")
    back = {"direction": "outbound", "phone": PHONE, "administrator_id": "anna", "outcome": "declined"}
    inquiry = the_inquiry(data_of(contacts=[missed, contact("E2", "2026-03-31T12:00:00", **back)]), 1)
    assert (inquiry.outcome, inquiry.administrator_id, len(inquiry.contacts)) == ("declined", "anna", 2)
    late = data_of(contacts=[missed, contact("E2", "2026-04-01T00:00:00", **back)])
    assert the_inquiry(late, 1).outcome == "missed"
    assert inquiry_history(late)[1]["inquiry_key"] is None


def test_a_phone_of_nine_patients_links_nobody_and_of_eight_is_a_person() -> None:
    for people, person in ((8, "shared:phone:" + PHONE), (9, "contact:E1")):
        patients = [{"patient_id": f"P{number}", "phones": PHONE} for number in range(people)]
        data = data_of(patients=patients, contacts=[contact("E1", "2026-03-02T10:00:00", phone=PHONE)])
        assert world(data).people.of_contact["E1"] == [person]


def test_a_phone_on_a_merged_card_is_the_patients_at_every_clinic_that_has_a_card() -> None:
    patients = [
        {"patient_id": "old", "clinic_id": "C2", "phones": PHONE, "merged_into_patient_id": "new"},
        {"patient_id": "new"},
        {"patient_id": "other", "phones": PHONE},
    ]
    call = [contact("E1", "2026-03-02T10:00:00", phone=PHONE)]
    assert world(data_of(patients=patients, contacts=call)).people.of_contact["E1"] == ["shared:phone:" + PHONE]
    patients[2]["clinic_id"] = "C3"
    assert world(data_of(patients=patients, contacts=call)).people.of_contact["E1"] == ["patient:new"]


def test_a_session_with_a_counterpartys_email_is_the_counterpartys_whatever_its_client_id() -> None:
    sessions = [
        {"session_id": name, "client_id": "c-1", "started_at": f"2026-03-0{day}T09:00:00+03:00", "email": email}
        for day, (name, email) in enumerate((("W1", "supplier@example.org"), ("W2", "")), start=1)
    ]
    data = data_of(sessions=sessions, counterparties=[{"name": "Supplier", "emails": "supplier@example.org"}])
    assert world(data).people.of_session == {"W1": "counterparty:Supplier", "W2": "component:client:c-1"}


def test_an_appointment_books_from_the_first_contact_until_168_hours_later() -> None:
    patients = [{"patient_id": "A", "phones": PHONE}]
    for created, outcome in (("2026-03-02T10:00:00", "booked"), ("2026-03-09T10:00:00", "request_saved")):
        data = data_of(
            patients=patients,
            contacts=[contact("E1", "2026-03-02T10:00:00", phone=PHONE)],
            appointments=[appointment("A1", "A", created)],
        )
        assert the_inquiry(data, 2).outcome == outcome


def test_vat_of_each_day_and_the_last_rate_before_a_hole() -> None:
    spend = {"date_from": "2025-12-31", "date_to": "2026-01-01", "source": "fair", "amount": "2.01", "currency": "EUR"}
    rates: list[Texts] = [{"date": "2025-12-30", "currency": "EUR", "rate": "100"}]
    data = data_of(ad_spend=[{**spend, "includes_vat": "true"}], currency_rates=rates)
    days = [(day.without_vat, day.with_vat) for day in world(data).spend]
    assert [with_vat for _, with_vat in days] == [101, 100]
    assert [without for without, _ in days] == [Fraction(101) / Fraction("1.2"), Fraction(100) / Fraction("1.22")]


@pytest.mark.parametrize(
    ("values", "source"),
    [
        ({"click_id": "yclid:1", "utm_source": "vk", "utm_campaign": "x"}, ("paid_search", "yandex", "x")),
        ({"click_id": "7", "landing_page": "/?fbclid=7"}, ("paid_social", "facebook", None)),
        ({"landing_page": "https://a.example/?utm_source=%D0%B2%D0%BA"}, ("other", "вк", None)),
        ({"referrer": "https://www.google.de/"}, ("organic", "google", None)),
        ({"referrer": "https://a.example/x", "landing_page": "https://www.a.example/"}, ("unknown", "unknown", None)),
        ({"how_learned": "signboard"}, ("how_learned", "signboard", None)),
        ({"how_learned": "internet"}, ("unknown", "unknown", None)),
    ],
)
def test_source_of_a_contact(values: Texts, source: tuple[Any, ...]) -> None:
    inquiry = the_inquiry(data_of(contacts=[contact("E1", "2026-03-02T10:00:00", **values)]), 2)
    assert (inquiry.source.channel, inquiry.source.source, inquiry.source.campaign) == source


def test_the_session_in_which_the_first_contact_was_made_is_not_before_it() -> None:
    sessions = [
        {"session_id": f"W{day}", "client_id": "c-1", "started_at": f"2026-03-{day}T09:40:00+03:00", "phone": PHONE}
        for day in ("01", "02", "03")
    ]
    first = contact("E1", "2026-03-03T10:00:00", phone=PHONE, client_id="c-1")
    deal = {"deal_id": "D1", "created_at": "2026-03-05T10:00:00+03:00", "stage_kind": "open", "phone": PHONE}
    for contacts, count in (
        ([first], 2),
        ([contact("E1", "2026-03-03T10:11:00", phone=PHONE, client_id="c-1")], 3),
        ([], 3),
    ):
        (row,) = deal_journal(data_of(sessions=sessions, contacts=contacts, deals=[{**deal, "currency": "RUB"}]))
        assert row["sessions_before_contact"] == count
    # a phone that nobody else has is a person of its own; a deal that says nothing of its client is nobody's
    for phone, sessions_before in ((PHONE, 0), ("", None)):
        (row,) = deal_journal(data_of(deals=[{**deal, "phone": phone, "currency": "RUB"}]))
        assert row["sessions_before_contact"] == sessions_before


def test_two_rows_of_one_day_that_name_a_campaigns_channel_are_told_apart_by_name() -> None:
    """12.12 names no order: spend before tracking, the later row, of one day the channel first by name."""

    def spend(day: str, channel: str) -> Texts:
        return {"date_from": day, "date_to": day, "source": "vk", "campaign": "a", "channel": channel, "amount": "1"}

    first = contact("E1", "2026-03-02T10:00:00", utm_source="vk", utm_campaign="a", phone=PHONE)
    early, late = spend("2026-03-01", "banners"), [spend("2026-03-09", "social"), spend("2026-03-09", "display")]
    tracked = {"address": PHONE, "source": "vk", "campaign": "a", "channel": "afisha", "valid_from": "2026-04-01"}
    for rows in (late, late[::-1]):
        costs = [dict(early), *map(dict, rows)]
        data = data_of(contacts=[dict(first)], ad_spend=costs, tracking_addresses=[dict(tracked)])
        assert the_inquiry(data, 2).source.channel == "display"


def test_a_lead_of_a_deal_that_says_nothing_tells_its_person() -> None:
    """By its contact, then its own phone at the clinic of the deal; a lead that tells nobody is passed over."""
    owned = [("P1", "C1", PHONE), ("P2", "C2", PHONE), ("P3", "C1", "+74950000003")]
    patients = [{"patient_id": one, "clinic_id": clinic, "phones": phone} for one, clinic, phone in owned]
    deals = [{"deal_id": f"D{number}", "created_at": "2026-03-05T10:00:00+03:00"} for number in (1, 2, 3)]
    deals[1]["clinic_id"] = "C2"
    lead = {"created_at": "2026-03-04T10:00:00+03:00"}
    leads = [
        {**lead, "lead_id": "L1", "deal_id": "D1"},
        {**lead, "lead_id": "L2", "deal_id": "D1", "phone": PHONE},
        {**lead, "lead_id": "L3", "deal_id": "D2", "phone": PHONE},
        {**lead, "lead_id": "L4", "deal_id": "D3", "phone": PHONE, "contact_id": "E1"},
    ]
    calls = [contact("E1", "2026-03-02T10:00:00", patient_ids="P3")]
    data = data_of(patients=patients, deals=deals, deal_leads=leads, contacts=calls)
    assert [row["person_key"] for row in deal_journal(data)] == ["patient:P1", "patient:P2", "patient:P3"]


def test_an_appointment_is_created_by_its_contact_and_a_visit_needs_a_start() -> None:
    """12.4, 12.5, 12.7: who asks again before a visit that was booked at the first call is already_booked."""
    calls = [contact(f"E{day}", f"2026-03-0{day}T10:00:00", patient_ids="P1") for day in (2, 4)]
    linked = {**appointment("A1", "P1", ""), "created_at": "", "contact_id": "E2"}
    data = data_of(contacts=calls, appointments=[{**linked, "starts_at": "2026-03-09T10:00:00+03:00"}])
    assert the_inquiry(data, 2).is_booked
    assert the_inquiry(data, 4).people_group == "already_booked"
    arrived = data_of(contacts=calls, appointments=[{**linked, "status": "arrived"}])
    assert the_inquiry(arrived, 2).is_booked
    assert not the_inquiry(arrived, 2).is_arrived
    assert not world(arrived).first_visit
