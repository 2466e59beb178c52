"""Rules for contacts and inquiries, before they are published."""

from __future__ import annotations

from expectations.rule import Rule, filled, no_rows, one_of, unique, where
from extractors.kinds import OUTCOMES, PEOPLE_GROUPS

OWNER = "the warehouse's owner"
INQUIRIES = "build.fct_inquiries"
CONTACTS = "build.fct_contacts"
APPOINTMENTS = "build.fct_appointments"
LANDED_CONTACTS = "build.int_contacts_unioned"
LANDED_SESSIONS = "build.int_sessions_unioned"
SESSIONS = "build.fct_sessions"
ADMINISTRATORS = "build.administrator_conversion_inquiries"
HISTORY = "build.inquiry_history_contacts"
A_MODEL = (
    "A model loses or doubles rows: run its dbt tests, look at what changed in dbt_project since the last publication."
)

SUITE: tuple[Rule, ...] = (
    Rule(
        name="one_row_per_person_clinic_and_day",
        table=INQUIRIES,
        expectation=unique("person_key", "clinic_id", "local_date"),
        severity="stop",
        reason="An inquiry is all contacts of one person with one clinic on one local day (RULES section 1). "
        "Two rows count it twice.",
        what_to_do=A_MODEL + " Begin with int_inquiry_days.",
        owner=OWNER,
        keys=("person_key", "clinic_id", "local_date"),
        touched="inquiry_key",
    ),
    Rule(
        name="group_is_a_known_word",
        table=INQUIRIES,
        expectation=one_of("people_group", PEOPLE_GROUPS),
        severity="stop",
        reason="Only wants_to_book counts in marketing figures; a fifth word would silently count nowhere.",
        what_to_do="Look at int_inquiry_groups and at the stg_ view of the source that says the word.",
        owner=OWNER,
        keys=("inquiry_key",),
        touched="inquiry_key",
    ),
    Rule(
        name="outcome_is_a_known_word",
        table=INQUIRIES,
        expectation=one_of("outcome", OUTCOMES),
        severity="stop",
        reason="Shares of booked and of waiting list are counted by these words.",
        what_to_do="Look at int_inquiry_outcomes and at the stg_ view of the source that says the word.",
        owner=OWNER,
        keys=("inquiry_key",),
        touched="inquiry_key",
    ),
    Rule(
        name="a_booking_has_a_time",
        table=APPOINTMENTS,
        expectation=where("t.created_at is null and not t.is_waiting_list"),
        severity="warn",
        reason="A booking counts when its appointment was created (RULES 12.7, 12.24); where neither that nor the "
        "contact it was made out of is known, no inquiry booked it.",
        what_to_do="Fill created_at, or contact_id, of these appointments.",
        owner="whoever keeps the appointments",
        keys=("appointment_id",),
    ),
    Rule(
        name="a_visit_has_a_time",
        table=APPOINTMENTS,
        expectation=where("t.status in ('arrived', 'completed') and t.starts_at is null"),
        severity="warn",
        reason="A visit took place at starts_at (RULES 12.5); until it is known, nobody arrived or is a client.",
        what_to_do="Fill starts_at of these appointments.",
        owner="whoever keeps the appointments",
        keys=("appointment_id",),
    ),
    Rule(
        name="only_booked_arrive",
        table=INQUIRIES,
        expectation=where(
            "t.is_arrived and not t.is_booked"
            " or t.is_booked and t.outcome <> 'booked' or t.is_waiting_list and t.outcome <> 'waiting_list'"
        ),
        severity="stop",
        reason="Arrived is a booked appointment whose visit took place (RULES section 1); else shares pass 100 %.",
        what_to_do=A_MODEL + " Begin with int_inquiry_outcomes.",
        owner=OWNER,
        keys=("inquiry_key", "outcome"),
        touched="inquiry_key",
    ),
    Rule(
        name="no_inquiry_after_the_load",
        table=INQUIRIES,
        expectation=where("t.first_contact_at > {now} + interval '1 day'"),
        severity="warn",
        reason="Nobody has called tomorrow: a clock or a time zone is wrong.",
        what_to_do="Look at the times of these inquiries' contacts as the source wrote them.",
        owner="whoever keeps the source of these contacts",
        keys=("inquiry_key", "local_date"),
    ),
    Rule(
        name="every_contact_is_in_the_marts",
        table=LANDED_CONTACTS,
        expectation=where("not exists (select from build.fct_contacts as c where c.contact_id = t.contact_id)"),
        severity="stop",
        reason="Nothing is dropped: a landed contact is in fct_contacts whatever it says.",
        what_to_do="See that the contact's clinic is in clinics.csv. If it is, a model loses rows: begin with "
        "int_contacts and int_inquiry_contacts.",
        owner=OWNER,
        keys=("source_system", "contact_id"),
        needs=(CONTACTS,),
        touched="contact_id",
    ),
    Rule(
        name="contact_ids_of_sources_differ",
        table=LANDED_CONTACTS,
        expectation=unique("contact_id"),
        severity="stop",
        reason="Two sources that use the same id make one contact of two.",
        what_to_do="Give the ids of one source a prefix, in mapping.yml or in its stg_ view.",
        owner=OWNER,
        keys=("contact_id",),
        touched="contact_id",
    ),
    Rule(
        name="every_session_is_in_the_marts",
        table=LANDED_SESSIONS,
        expectation=where("not exists (select from build.fct_sessions as s where s.session_id = t.session_id)"),
        severity="stop",
        reason="A lost session is a lost touch: its channel gets less credit than is due.",
        what_to_do=A_MODEL + " Begin with int_session_sources and int_session_persons.",
        owner=OWNER,
        keys=("source_system", "session_id"),
        needs=(SESSIONS,),
        touched="session_id",
    ),
    Rule(
        name="inbound_contacts_make_inquiries",
        table=INQUIRIES,
        expectation=no_rows(
            "select count(*) as inbound_contacts from build.int_contacts_unioned"
            " where direction = 'inbound' and not exists (select from {batch}) having count(*) > 0"
        ),
        severity="stop",
        reason="Contacts have landed and no inquiry came of them: readers would see an empty month.",
        what_to_do=A_MODEL,
        owner=OWNER,
        keys=("inbound_contacts",),
        needs=(LANDED_CONTACTS,),
    ),
    Rule(
        name="administrators_report_has_every_inquiry",
        table=INQUIRIES,
        expectation=where(
            "t.people_group = 'wants_to_book' and not exists (select from build.administrator_conversion_inquiries as a"
            " where a.inquiry_key = t.inquiry_key)"
        ),
        severity="stop",
        reason="The report's rows are the wants_to_book inquiries, all of them (RULES section 5).",
        what_to_do=A_MODEL + " Begin with administrator_conversion_inquiries.",
        owner=OWNER,
        keys=("inquiry_key",),
        needs=(ADMINISTRATORS,),
        touched="inquiry_key",
    ),
    Rule(
        name="administrators_report_has_no_other",
        table=ADMINISTRATORS,
        expectation=where(
            "not exists (select from build.fct_inquiries as i"
            " where i.inquiry_key = t.inquiry_key and i.people_group = 'wants_to_book')"
        ),
        severity="stop",
        reason="Employees and wrong numbers would spoil an administrator's shares (RULES section 5).",
        what_to_do=A_MODEL + " Begin with administrator_conversion_inquiries.",
        owner=OWNER,
        keys=("inquiry_key",),
        needs=(INQUIRIES,),
        touched="inquiry_key",
    ),
    Rule(
        name="history_has_every_contact",
        table=CONTACTS,
        expectation=where(
            "not exists (select from build.inquiry_history_contacts as h"
            " where h.contact_id = t.contact_id and h.person_key = t.person_key)"
        ),
        severity="stop",
        reason="The history shows every contact (RULES section 6).",
        what_to_do=A_MODEL + " Begin with inquiry_history_contacts.",
        owner=OWNER,
        keys=("contact_id",),
        needs=(HISTORY,),
        touched="contact_id",
    ),
    Rule(
        name="contact_has_a_channel",
        table=CONTACTS,
        expectation=filled("channel"),
        severity="stop",
        reason="A touch without a known source is `unknown`, a word that every report shows; null falls out of it.",
        what_to_do="Begin with int_contact_sources.",
        owner=OWNER,
        keys=("contact_id",),
        touched="contact_id",
    ),
)
