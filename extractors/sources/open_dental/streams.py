"""What is asked of Open Dental, and where it lands."""

from __future__ import annotations

from extractors.core.spec import StreamSpec
from extractors.sources.open_dental import records
from extractors.sources.open_dental.pages import changed_since, deleted_appointment_pages, treat_plan_pages, whole

SERVER_FIELDS = ("serverDateTime",)

PATIENTS = StreamSpec(
    source="open_dental",
    name="patients",
    description="Patient cards.",
    columns=(
        ("patient_num", "text"),
        ("clinic_id", "text"),
        ("full_name", "text"),
        ("status", "text"),
        ("birth_date", "date"),
        ("phones", "text[]"),
        ("phones_e164", "text[]"),
        ("emails", "text[]"),
        ("registered_at", "timestamptz"),
        ("changed_at", "timestamptz"),
    ),
    key=("patient_num",),
    record=records.Patient,
    row=records.patient_row,
    skipped=(
        *SERVER_FIELDS, "MiddleI", "Preferred", "Gender", "Position", "Guarantor", "ChartNumber", "DateFirstVisit",
        "clinicAbbr", "BillingType", "PriProv", "Address", "Address2", "City", "State", "Zip", "TxtMsgOk", "SSN",
    ),
    pages=changed_since("/patients/Simple", "DateTStamp"),
    replace="key",
    lookback_days=1,
)

REF_ATTACHES = StreamSpec(
    source="open_dental",
    name="ref_attaches",
    description="Who referred whom: the clinic's word for how a patient learned of it.",
    columns=(
        ("ref_attach_num", "text"), ("patient_num", "text"), ("referral_type", "text"), ("referral_name", "text"),
        ("item_order", "bigint"),
    ),
    key=("ref_attach_num",),
    record=records.RefAttach,
    row=records.ref_attach_row,
    skipped=(
        *SERVER_FIELDS, "ReferralNum", "RefDate", "RefToStatus", "Note", "IsTransitionOfCare", "ProcNum",
        "DateProcComplete", "ProvNum", "DateTStamp",
    ),
    pages=whole("/refattaches"),
    replace="all",
    lookback_days=0,
)

PATIENT_FIELDS = StreamSpec(
    source="open_dental",
    name="patient_fields",
    description="The patient field that names the card a merged card went into.",
    columns=(("patient_num", "text"), ("field_name", "text"), ("field_value", "text")),
    key=("patient_num", "field_name"),
    record=records.PatField,
    row=records.pat_field_row,
    skipped=(*SERVER_FIELDS, "PatFieldNum", "SecDateTEdit", "SecDateEntry", "SecUserNumEntry"),
    pages=whole("/patfields", {"FieldName": "MergedInto"}),
    replace="all",
    lookback_days=0,
)

APPOINTMENTS = StreamSpec(
    source="open_dental",
    name="appointments",
    description="Appointments, notes in the schedule included.",
    columns=(
        ("appointment_num", "text"),
        ("patient_num", "text"),
        ("clinic_id", "text"),
        ("status", "text"),
        ("appointment_type_num", "text"),
        ("provider_num", "text"),
        ("created_at", "timestamptz"),
        ("starts_at", "timestamptz"),
        ("arrived_at", "timestamptz"),
        ("note", "text"),
        ("changed_at", "timestamptz"),
    ),
    key=("appointment_num",),
    record=records.Appointment,
    row=records.appointment_row,
    skipped=(
        *SERVER_FIELDS, "Pattern", "Confirmed", "confirmed", "TimeLocked", "Op", "provAbbr", "ProvHyg", "NextAptNum",
        "UnschedStatus", "unschedStatus", "IsNewPatient", "ProcDescript", "IsHygiene", "DateTimeSeated",
        "DateTimeDismissed", "InsPlan1", "InsPlan2", "DateTimeAskedToArrive", "colorOverride", "Priority",
        "PatternSecondary", "ItemOrderPlanned",
    ),
    pages=changed_since("/appointments", "DateTStamp"),
    replace="key",
    lookback_days=1,
)

DELETED_APPOINTMENTS = StreamSpec(
    source="open_dental",
    name="deleted_appointments",
    description="Appointments that were deleted, as their history tells: the list of appointments just lacks them.",
    columns=(("appointment_num", "text"), ("deleted_at", "timestamptz")),
    key=("appointment_num",),
    record=records.DeletedAppointment,
    row=records.deleted_appointment_row,
    pages=deleted_appointment_pages,
    replace="key",
    lookback_days=1,
)

APPOINTMENT_TYPES = StreamSpec(
    source="open_dental",
    name="appointment_types",
    description="Types of appointments, by which the clinic tells its lines of work apart.",
    columns=(("appointment_type_num", "text"), ("name", "text")),
    key=("appointment_type_num",),
    record=records.AppointmentType,
    row=records.appointment_type_row,
    skipped=(
        *SERVER_FIELDS, "AppointmentTypeColor", "ItemOrder", "IsHidden", "Pattern", "CodeStr", "CodeStrRequired",
        "RequiredProcCodesNeeded", "BlockoutTypes",
    ),
    pages=whole("/appointmenttypes"),
    replace="all",
    lookback_days=0,
)

PROCEDURES = StreamSpec(
    source="open_dental",
    name="procedures",
    description="Procedures of every status: planned, done, deleted.",
    columns=(
        ("procedure_num", "text"),
        ("patient_num", "text"),
        ("clinic_id", "text"),
        ("status", "text"),
        ("appointment_num", "text"),
        ("done_at", "timestamptz"),
        ("fee", "numeric"),
        ("currency", "text"),
        ("quantity", "numeric"),
        ("code", "text"),
        ("description", "text"),
        ("provider_num", "text"),
        ("changed_at", "timestamptz"),
    ),
    key=("procedure_num",),
    record=records.Procedure,
    row=records.procedure_row,
    skipped=(
        *SERVER_FIELDS, "Surf", "ToothNum", "ToothRange", "Priority", "priority", "provAbbr", "Dx", "dxName",
        "PlannedAptNum", "CodeNum", "BaseUnits", "DateTP", "DateEntryC", "SecDateEntry", "Discount", "IsLocked",
        "PlaceService", "SiteNum", "Prosthesis", "DateOriginalProsth", "ProvOrderOverride", "dxCode",
    ),
    pages=changed_since("/procedurelogs", "DateTStamp"),
    replace="key",
    lookback_days=1,
)

PAYMENTS = StreamSpec(
    source="open_dental",
    name="payments",
    description="Payments and, with a negative amount, refunds.",
    columns=(
        ("payment_num", "text"),
        ("patient_num", "text"),
        ("clinic_id", "text"),
        ("paid_at", "timestamptz"),
        ("entered_on", "date"),
        ("amount", "numeric"),
        ("currency", "text"),
        ("payment_type", "text"),
    ),
    key=("payment_num",),
    record=records.Payment,
    row=records.payment_row,
    skipped=(
        *SERVER_FIELDS, "CheckNum", "BankBranch", "PayNote", "DepositNum", "Receipt", "IsRecurringCC", "PaymentSource",
        "ProcessStatus", "RecurringChargeDate", "IsCcCompleted", "MerchantFee",
    ),
    pages=changed_since("/payments", "DateEntry"),
    # An edited payment changes no stamp and a deleted one leaves no trace, so those of a quarter are read again [§9.3].
    replace="window",
    window_column="entered_on",
    lookback_days=90,
)

PAY_SPLITS = StreamSpec(
    source="open_dental",
    name="pay_splits",
    description="Which procedures a payment paid for.",
    columns=(
        ("split_num", "text"), ("payment_num", "text"), ("procedure_num", "text"), ("amount", "numeric"),
        ("entered_on", "date"),
    ),
    key=("split_num",),
    record=records.PaySplit,
    row=records.pay_split_row,
    skipped=(
        *SERVER_FIELDS, "PatNum", "ProvNum", "PayPlanNum", "UnearnedType", "unearnedType", "ClinicNum", "SecDateTEdit",
        "AdjNum", "PayPlanChargeNum", "PayPlanDebitType",
    ),
    pages=whole("/paysplits"),
    replace="all",
    lookback_days=0,
)

TREAT_PLANS = StreamSpec(
    source="open_dental",
    name="treat_plans",
    description="Treatment plans with their procedures, in the order of the stages.",
    columns=(
        ("plan_num", "text"),
        ("patient_num", "text"),
        ("heading", "text"),
        ("opened_local", "timestamp"),
        ("status", "text"),
        ("stages", "jsonb"),
    ),
    key=("plan_num",),
    record=records.TreatPlan,
    row=records.treat_plan_row,
    skipped=(
        *SERVER_FIELDS, "DateTP", "Note", "Signature", "SigIsTopaz", "ResponsParty", "DocNum", "SecUserNumEntry",
        "SecDateTEdit", "UserNumPresenter", "TPType", "SignatureText", "DateTSigned", "isSigned",
    ),
    pages=treat_plan_pages,
    replace="key",
    lookback_days=30,
)

PROVIDERS = StreamSpec(
    source="open_dental",
    name="providers",
    description="Doctors and hygienists.",
    columns=(
        ("provider_num", "text"), ("abbreviation", "text"), ("first_name", "text"), ("last_name", "text"),
        ("is_hidden", "boolean"),
    ),
    key=("provider_num",),
    record=records.Provider,
    row=records.provider_row,
    skipped=(
        *SERVER_FIELDS, "ItemOrder", "MI", "Suffix", "Specialty", "IsSecondary", "DateTStamp", "IsNotPerson",
        "ProvStatus", "Birthdate", "FeeSched", "NationalProvID", "provColor",
    ),
    pages=whole("/providers"),
    replace="all",
    lookback_days=0,
)

CLINICS = StreamSpec(
    source="open_dental",
    name="clinics",
    description="Offices, with the clinic and the time zone that the connection gives them.",
    columns=(
        ("clinic_num", "text"), ("description", "text"), ("abbreviation", "text"), ("clinic_id", "text"),
        ("time_zone", "text"),
    ),
    key=("clinic_num",),
    record=records.Clinic,
    row=records.clinic_row,
    skipped=(*SERVER_FIELDS, "Phone", "City", "State", "Zip", "Address", "Address2", "IsHidden", "ItemOrder", "Region"),
    pages=whole("/clinics"),
    replace="all",
    lookback_days=0,
)
