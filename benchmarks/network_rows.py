"""A network of 50 clinics as landed rows, for the benchmarks of the build: made by the server, the same every time.

Sizes follow `touchpoints` (site sessions and contacts together) in the proportions of a network with five years of
history: of 1,000 touchpoints 900 sessions and 100 contacts of some 250 people, 50 appointments, 30 deals, 40 payments.
People come back: most have several sessions, a tenth use two devices, some phones are of a family.
Names, phones (an area code that nobody has) and pages are invented.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import LiteralString

import psycopg

LAST_DAY = datetime(2026, 6, 30, tzinfo=UTC)
DAYS = 1826
CLINICS = 50

# `pick(row, seed, n)`: a whole number from 0 to n − 1, the same for the same row and seed.
_PICK: LiteralString = """
create or replace function pg_temp.pick(row_number bigint, seed bigint, n bigint) returns bigint
language sql immutable as $$
    select (((hashint8extended(row_number, seed) % n) + n) % n)
$$;
create or replace function pg_temp.phone(person bigint) returns text language sql immutable as $$
    -- every fortieth person shares the phone of the one before: a family
    select '+7000' || lpad((case when person % 40 = 1 then person - 1 else person end)::text, 7, '0')
$$;
create or replace function pg_temp.device(person bigint, record bigint) returns text language sql immutable as $$
    select 'device-' || person || case when person % 10 = 3 and record % 2 = 0 then '-b' else '' end
$$;
create or replace function pg_temp.source(n bigint) returns text language sql immutable as $$
    select (
        array['yandex', 'google', 'vk', 'telegram', 'mailing', 'zoon', 'partner', 'blog', 'maps', 'facebook']
    )[n + 1]
$$;
create or replace function pg_temp.medium(n bigint) returns text language sql immutable as $$
    select (array['cpc', 'cpc', 'cpc', 'social', 'email', 'referral', 'referral', 'referral', 'maps', 'cpc'])[n + 1]
$$;
"""

_CLINICS: LiteralString = """
insert into staging.files__clinics (clinic_id, name, time_zone, _ordinal)
select 'clinic-' || n, 'Clinic ' || n, (array['Europe/Moscow', 'Asia/Yekaterinburg', 'Asia/Novosibirsk'])[n %% 3 + 1], 0
from generate_series(1, %(clinics)s) as n;
insert into staging.files__employees (employee_id, full_name, clinic_id, "group", _ordinal)
select 'admin-' || n, 'Administrator ' || n, 'clinic-' || (n %% %(clinics)s + 1), 'administrators', 0
from generate_series(1, 3 * %(clinics)s) as n;
"""

_SPEND: LiteralString = """
insert into staging.files__ad_spend
    (date_from, date_to, channel, source, medium, campaign, amount, currency, includes_vat, impressions, clicks,
    _ordinal)
select
    day::date, day::date, null, pg_temp.source(s), pg_temp.medium(s),
    pg_temp.source(s) || '-' || c, 500 + pg_temp.pick(s * 100 + c, 3, 4000), 'RUB', true, 10000, 100, 0
from generate_series(%(last)s::date - (%(days)s - 1), %(last)s::date, interval '1 day') as day
cross join generate_series(0, 3) as s
cross join generate_series(1, 4) as c;
"""

# A row of the given range of numbers; people `from_person` … `people`, their first day spread over all days
# unless `on_last_day`.
_SESSIONS: LiteralString = """
insert into staging.files__sessions
    (session_id, client_id, started_at, site, landing_page, referrer, utm_source, utm_medium, utm_campaign, _ordinal,
    _run_id, _loaded_at)
select
    'session-' || n, pg_temp.device(person, n),
    case when %(on_last_day)s then %(last)s + n %% 86400 * interval '1 second'
    else %(last)s - (pg_temp.pick(person, 7, %(days)s) + 1) * interval '1 day'
        + pg_temp.pick(n, 8, 60 * 86400) * interval '1 second' - interval '60 days' end,
    'clinic.example.org', 'https://clinic.example.org/' || n %% 50,
    case when kind = 8 then 'https://maps.example.org/' || n %% 9 when kind = 9 then 'https://yandex.ru/' end,
    case when kind < 7 then pg_temp.source(tag) end,
    case when kind < 7 then pg_temp.medium(tag) end,
    case when kind < 7 then pg_temp.source(tag) || '-' || (pg_temp.pick(n, 11, 4) + 1) end,
    0, %(run_id)s, %(now)s
from (
    select
        n, pg_temp.pick(n, 5, %(people)s) + 1 as person, pg_temp.pick(n, 6, 10) as kind, pg_temp.pick(n, 9, 10) as tag
    from generate_series(%(first)s::bigint, %(until)s::bigint) as n
) as numbered;
"""

_CONTACTS: LiteralString = """
insert into staging.files__contacts
    (contact_id, clinic_id, occurred_at, kind, direction, phone, phone_e164, client_id, patient_ids, administrator_id,
    topic, how_learned, outcome, is_answered, talk_seconds, utm_source, utm_medium, utm_campaign, _ordinal,
    _run_id, _loaded_at)
select
    'contact-' || n, 'clinic-' || (person %% %(clinics)s + 1),
    case when %(on_last_day)s then %(last)s + n %% 43200 * interval '1 second'
    else %(last)s - (pg_temp.pick(person, 7, %(days)s) + 1) * interval '1 day'
        + pg_temp.pick(n, 8, 30 * 86400) * interval '1 second' end,
    case when n %% 4 = 0 then 'form' else 'call' end, case when n %% 12 = 5 then 'outbound' else 'inbound' end,
    pg_temp.phone(person), pg_temp.phone(person),
    case when n %% 5 < 2 then pg_temp.device(person, n) end, null,
    'admin-' || (pg_temp.pick(n, 12, 3 * %(clinics)s) + 1),
    (array['implants', 'therapy', 'whitening', 'braces', null])[n %% 5 + 1],
    (array['internet', 'referral_patient', 'signboard', null, null, null])[n %% 6 + 1],
    (array['booked', 'declined', 'request_saved', null, null])[n %% 5 + 1],
    n %% 9 != 0, 60,
    case when n %% 4 = 0 then pg_temp.source(tag) end,
    case when n %% 4 = 0 then pg_temp.medium(tag) end,
    case when n %% 4 = 0 then pg_temp.source(tag) || '-' || (pg_temp.pick(n, 11, 4) + 1) end,
    0, %(run_id)s, %(now)s
from (
    select n, pg_temp.pick(n, 21, %(people)s) + 1 as person, pg_temp.pick(n, 9, 10) as tag
    from generate_series(%(first)s::bigint, %(until)s::bigint) as n
) as numbered;
"""

_PATIENTS: LiteralString = """
insert into staging.files__patients
    (patient_id, clinic_id, full_name, phones, phones_e164, registered_at, how_learned, merged_into_patient_id,
    _ordinal, _run_id, _loaded_at)
select
    'patient-' || n, 'clinic-' || (n %% %(clinics)s + 1), 'Patient ' || n,
    array[pg_temp.phone(n)], array[pg_temp.phone(n)],
    %(last)s - (pg_temp.pick(n, 7, %(days)s)) * interval '1 day', null,
    case when n %% 97 = 5 then 'patient-' || (n - 1) end,
    0, %(run_id)s, %(now)s
from generate_series(%(first)s::bigint, %(until)s::bigint) as n
where n %% 3 != 2;
"""

_APPOINTMENTS: LiteralString = """
insert into staging.files__appointments
    (appointment_id, patient_id, clinic_id, direction, doctor_id, created_at, created_by, starts_at, status, _ordinal,
    _run_id, _loaded_at)
select
    'appointment-' || n, 'patient-' || person, 'clinic-' || (person %% %(clinics)s + 1),
    (array['implants', 'therapy', 'whitening', 'braces'])[n %% 4 + 1], 'doctor-' || person %% 300,
    began, 'admin-' || (n %% 150 + 1), began + 3 * interval '1 day',
    (array['completed', 'completed', 'arrived', 'no_show', 'cancelled'])[n %% 5 + 1], 0, %(run_id)s, %(now)s
from (
    select
        n, person,
        case when %(on_last_day)s then %(last)s + n %% 43200 * interval '1 second'
        else %(last)s - (pg_temp.pick(person, 7, %(days)s) + 1) * interval '1 day'
            + pg_temp.pick(n, 8, 30 * 86400) * interval '1 second' end as began
    from (
        -- people who have a card
        select n, 3 * pg_temp.pick(n, 31, %(people)s / 3) + 1 as person
        from generate_series(%(first)s::bigint, %(until)s::bigint) as n
    ) as chosen
) as numbered;
insert into staging.files__payments
    (payment_id, paid_at, patient_id, clinic_id, appointment_id, amount, currency, _ordinal, _run_id, _loaded_at)
select
    'payment-' || appointment_id, starts_at, patient_id, clinic_id, appointment_id,
    1000 + pg_temp.pick(hashtext(appointment_id), 41, 20000), 'RUB', 0, %(run_id)s, %(now)s
from staging.files__appointments
where status != 'no_show' and status != 'cancelled' and _run_id = %(run_id)s;
insert into staging.files__sales
    (sale_id, sold_at, patient_id, clinic_id, appointment_id, item_kind, item_type, item, quantity, amount, cost,
    currency, _ordinal, _run_id, _loaded_at)
select
    'sale-' || appointment_id, starts_at, patient_id, clinic_id, appointment_id, 'service', direction,
    direction || ' ' || pg_temp.pick(hashtext(appointment_id), 43, 9), 1,
    1000 + pg_temp.pick(hashtext(appointment_id), 41, 20000), 500, 'RUB', 0, %(run_id)s, %(now)s
from staging.files__appointments
where status != 'no_show' and status != 'cancelled' and _run_id = %(run_id)s;
"""

_DEALS: LiteralString = """
insert into staging.files__deals
    (deal_id, name, created_at, closed_at, created_via, pipeline, stage, stage_kind, amount, currency, manager_id,
    clinic_id, phone, phone_e164, utm_source, utm_medium, _ordinal, _run_id, _loaded_at)
select
    'deal-' || n, 'Deal ' || n, began, case when n %% 3 < 2 then began + 20 * interval '1 day' end, 'crm_integration',
    'main', (array['won', 'lost', 'offer'])[n %% 3 + 1], (array['won', 'lost', 'open'])[n %% 3 + 1],
    5000 + pg_temp.pick(n, 51, 90000), 'RUB', 'admin-' || (n %% 150 + 1), 'clinic-' || (person %% %(clinics)s + 1),
    pg_temp.phone(person), pg_temp.phone(person),
    case when n %% 4 = 0 then 'yandex' end, case when n %% 4 = 0 then 'cpc' end, 0, %(run_id)s, %(now)s
from (
    select
        n, person,
        case when %(on_last_day)s then %(last)s + n %% 43200 * interval '1 second'
        else %(last)s - (pg_temp.pick(person, 7, %(days)s) + 1) * interval '1 day'
            + pg_temp.pick(n, 8, 30 * 86400) * interval '1 second' end as began
    from (
        select n, pg_temp.pick(n, 52, %(people)s) + 1 as person
        from generate_series(%(first)s::bigint, %(until)s::bigint) as n
    ) as chosen
) as numbered;
"""

# Rows of each kind per touchpoint.
_SHARES: tuple[tuple[LiteralString, float], ...] = (
    (_SESSIONS, 0.9), (_CONTACTS, 0.1), (_APPOINTMENTS, 0.05), (_DEALS, 0.03),
)  # fmt: skip


def fill(url: str, *, touchpoints: int, now: datetime) -> None:
    """A whole history into the landed tables of the import files of a migrated, empty warehouse."""
    with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(_PICK)
        values = _values(touchpoints, "history", now, on_last_day=False)
        connection.execute(_CLINICS, values)
        connection.execute(_SPEND, values)
        connection.execute(_PATIENTS, values | {"first": 1, "until": touchpoints // 4})
        for statement, share in _SHARES:
            connection.execute(statement, values | {"first": 1, "until": int(touchpoints * share)})
    settle(url)


def add_a_day(url: str, *, touchpoints: int, new: int, now: datetime, day: int = 1) -> None:
    """`new` more touchpoints on the day after the history: of people who are known and, a tenth, of new ones."""
    with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(_PICK)
        values = _values(touchpoints + new // 10, f"day {day}", now, on_last_day=True)
        values["last"] = LAST_DAY + timedelta(days=day)
        for statement, share in _SHARES:
            first = int(touchpoints * share) + int(new * share) * (day - 1) + 1
            connection.execute(statement, values | {"first": first, "until": first + int(new * share) - 1})


def _values(touchpoints: int, run_id: str, now: datetime, *, on_last_day: bool) -> dict[str, object]:
    return {
        "clinics": CLINICS, "days": DAYS, "last": LAST_DAY, "people": touchpoints // 4, "run_id": run_id, "now": now,
        "on_last_day": on_last_day,
    }  # fmt: skip


def settle(url: str) -> None:
    """Vacuum and analyze all tables, as a night's autovacuum does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")
