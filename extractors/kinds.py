"""The neutral input: every kind of row that the warehouse understands, with its columns, types and key.

One declaration serves four readers: the import-file reader (what a header may be called, how a cell is read), the
bootstrap that creates `staging.files__<kind>`, the staging models of every vendor (each ends in one of these shapes)
and the docs. Source: CONTRACT.md section 2. Columns beyond the contract are marked `derived` and are computed while
loading, because PostgreSQL cannot parse a phone number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["id", "text", "ids", "texts", "phone", "phones", "email", "emails", "timestamp", "date",
               "money", "number", "integer", "boolean"]

SQL_TYPES: dict[Type, str] = {
    "id": "text",
    "text": "text",
    "ids": "text[]",
    "texts": "text[]",
    "phone": "text",
    "phones": "text[]",
    "email": "text",
    "emails": "text[]",
    "timestamp": "timestamptz",
    "date": "date",
    "money": "numeric",
    "number": "numeric",
    "integer": "bigint",
    "boolean": "boolean",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a kind: its name, how a cell is read, and whether a row without it is refused.

    `one_of` lists the allowed words of a closed vocabulary; a word outside it is a rejected row.
    `derived` columns are never read from a file.
    """

    name: str
    type: Type = "text"
    required: bool = False
    one_of: tuple[str, ...] = ()
    derived: bool = False

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.type]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of import file.

    `key` identifies a row; loading the same key again replaces it. `replace_by` names the columns of a kind whose
    rows have no id of their own: all earlier rows with the same values there go when a file arrives, and equal rows
    inside one file are kept as they are, told apart by `_ordinal`. Where rows have a period, earlier rows of a file of
    the same name go too if their period touches the file's, since a corrected line may differ in any column.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    replace_by: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def file_columns(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if not column.derived)

    @property
    def table(self) -> str:
        return f"files__{self.name}"


def _c(name: str, type_: Type = "text", *, required: bool = False, one_of: tuple[str, ...] = ()) -> Column:
    return Column(name, type_, required, one_of)


def _e164(name: str, type_: Literal["text", "texts"] = "text") -> Column:
    return Column(name, type_, derived=True)


_UTM = tuple(_c(f"utm_{part}") for part in ("source", "medium", "campaign", "content", "term"))

CONTACT_KINDS = ("call", "form", "callback_order", "message", "email", "aggregator", "front_desk")
DIRECTIONS = ("inbound", "outbound")
PEOPLE_GROUPS = ("wants_to_book", "already_booked", "employee", "other")
OUTCOMES = ("booked", "waiting_list", "request_saved", "declined", "missed", "spam")
APPOINTMENT_STATUSES = ("planned", "waiting_list", "arrived", "completed", "no_show", "cancelled")
ITEM_KINDS = ("service", "goods", "subscription")
CREATED_VIA = ("crm_integration", "api", "manual", "spreadsheet")
STAGE_KINDS = ("open", "won", "lost")

KINDS: tuple[Kind, ...] = (
    Kind("clinics", (_c("clinic_id", "id", required=True), _c("name"), _c("time_zone", required=True)), ("clinic_id",)),
    Kind(
        "employees",
        (_c("employee_id", "id", required=True), _c("full_name"), _c("clinic_id", "id"), _c("group"),
         _c("phones", "phones"), _c("database_role"), _e164("phones_e164", "texts")),
        ("employee_id",),
    ),
    Kind(
        "counterparties",
        (_c("name", required=True), _c("phones", "phones"), _c("emails", "emails"), _e164("phones_e164", "texts")),
        ("name",),
    ),
    Kind(
        "patients",
        (_c("patient_id", "id", required=True), _c("clinic_id", "id", required=True), _c("full_name"),
         _c("birth_date", "date"), _c("phones", "phones"), _c("emails", "emails"), _c("how_learned"),
         _c("registered_at", "timestamp"), _c("merged_into_patient_id", "id"), _e164("phones_e164", "texts")),
        ("patient_id",),
    ),
    Kind(
        "contacts",
        (_c("contact_id", "id", required=True), _c("clinic_id", "id", required=True),
         _c("occurred_at", "timestamp", required=True), _c("kind", required=True, one_of=CONTACT_KINDS),
         _c("direction", required=True, one_of=DIRECTIONS), _c("phone", "phone"), _c("email", "email"),
         _c("client_id", "id"), _c("patient_ids", "ids"), _c("administrator_id", "id"),
         _c("people_group", one_of=PEOPLE_GROUPS), _c("topic"), _c("how_learned"), _c("outcome", one_of=OUTCOMES),
         _c("refusal_reason"), _c("is_answered", "boolean"), _c("talk_seconds", "integer"), _c("called_address"),
         *_UTM, _c("click_id", "id"), _c("referrer"), _c("landing_page"), _c("recording_url"), _c("tags", "texts"),
         _c("note"), _e164("phone_e164"), _e164("called_address_e164")),
        ("contact_id",),
    ),
    Kind(
        "sessions",
        (_c("session_id", "id", required=True), _c("client_id", "id"), _c("started_at", "timestamp", required=True),
         _c("site"), _c("landing_page"), _c("referrer"), *_UTM, _c("click_id", "id"), _c("phone", "phone"),
         _c("email", "email"), _e164("phone_e164")),
        ("session_id",),
    ),
    Kind(
        "tracking_addresses",
        (_c("address", required=True), _c("channel"), _c("source", required=True), _c("medium"), _c("campaign"),
         _c("clinic_id", "id"), _c("valid_from", "date"), _c("valid_to", "date"), _e164("address_e164")),
        ("address", "clinic_id", "valid_from"),
    ),
    Kind(
        "ad_spend",
        (_c("date_from", "date", required=True), _c("date_to", "date", required=True), _c("channel"),
         _c("source", required=True), _c("medium"), _c("campaign"), _c("clinic_id", "id"),
         _c("amount", "money", required=True), _c("currency", required=True), _c("includes_vat", "boolean"),
         _c("impressions", "integer"), _c("clicks", "integer"), _c("note"), _c("entered_by")),
        ("date_from", "date_to", "channel", "source", "medium", "campaign", "clinic_id", "currency", "note",
         "entered_by", "_ordinal"),
        replace_by=("date_from", "date_to", "channel", "source", "medium", "campaign", "clinic_id", "currency", "note",
                    "entered_by"),
    ),
    Kind(
        "appointments",
        (_c("appointment_id", "id", required=True), _c("patient_id", "id", required=True),
         _c("clinic_id", "id", required=True), _c("direction"), _c("doctor_id", "id"), _c("created_at", "timestamp"),
         _c("created_by", "id"), _c("contact_id", "id"), _c("starts_at", "timestamp"),
         _c("status", required=True, one_of=APPOINTMENT_STATUSES), _c("not_arrived_reason")),
        ("appointment_id",),
    ),
    Kind(
        "sales",
        (_c("sale_id", "id", required=True), _c("sold_at", "timestamp", required=True), _c("patient_id", "id"),
         _c("clinic_id", "id", required=True), _c("appointment_id", "id"), _c("item_kind", one_of=ITEM_KINDS),
         _c("item_type"), _c("item"), _c("quantity", "number"), _c("amount", "money", required=True),
         _c("cost", "money"), _c("currency", required=True), _c("valid_from", "date"), _c("valid_to", "date"),
         _c("renews_sale_id", "id")),
        ("sale_id",),
    ),
    Kind(
        "payments",
        (_c("payment_id", "id", required=True), _c("paid_at", "timestamp", required=True),
         _c("patient_id", "id", required=True), _c("clinic_id", "id", required=True), _c("appointment_id", "id"),
         _c("amount", "money", required=True), _c("currency", required=True)),
        ("payment_id",),
    ),
    Kind(
        "treatment_stages",
        (_c("stage_id", "id", required=True), _c("plan_id", "id", required=True),
         _c("patient_id", "id", required=True), _c("clinic_id", "id", required=True), _c("direction"),
         _c("opened_at", "timestamp"), _c("stage_number", "integer", required=True), _c("stage"),
         _c("done_at", "timestamp")),
        ("stage_id",),
    ),
    Kind(
        "schedule_slots",
        (_c("slot_id", "id", required=True), _c("clinic_id", "id", required=True), _c("direction"),
         _c("doctor_id", "id"), _c("starts_at", "timestamp", required=True), _c("ends_at", "timestamp")),
        ("slot_id",),
    ),
    Kind(
        "deals",
        (_c("deal_id", "id", required=True), _c("name"), _c("created_at", "timestamp"), _c("closed_at", "timestamp"),
         _c("created_via", one_of=CREATED_VIA), _c("pipeline"), _c("stage"),
         _c("stage_kind", required=True, one_of=STAGE_KINDS), _c("amount", "money"), _c("currency"),
         _c("manager_id", "id"), _c("clinic_id", "id"), _c("client_name"), _c("phone", "phone"), _c("email", "email"),
         _c("contact_kind"), _c("utm_source"), _c("utm_medium"), _c("utm_campaign"), _c("first_request"),
         _c("tags", "texts"), _c("lost_reason"), _e164("phone_e164")),
        ("deal_id",),
    ),
    Kind(
        "deal_stages",
        (_c("deal_id", "id", required=True), _c("stage", required=True),
         _c("entered_at", "timestamp", required=True)),
        ("deal_id", "stage", "entered_at"),
    ),
    Kind(
        "deal_leads",
        (_c("lead_id", "id", required=True), _c("deal_id", "id"), _c("created_at", "timestamp"),
         _c("contact_id", "id"), _c("phone", "phone"), _c("email", "email"), _c("utm_source"), _c("utm_medium"),
         _c("utm_campaign"), _c("tags", "texts"), _e164("phone_e164")),
        ("lead_id",),
    ),
    Kind(
        "deal_items",
        (_c("deal_id", "id", required=True), _c("item_kind"), _c("item", required=True), _c("quantity", "number"),
         _c("amount", "money")),
        ("deal_id", "item_kind", "item", "_ordinal"),
        replace_by=("deal_id",),
    ),
    Kind(
        "currency_rates",
        (_c("date", "date", required=True), _c("currency", required=True), _c("rate", "number", required=True)),
        ("date", "currency"),
    ),
)

KIND_BY_NAME: dict[str, Kind] = {kind.name: kind for kind in KINDS}
