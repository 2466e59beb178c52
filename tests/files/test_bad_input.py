"""Bad input: what cannot be used is refused with its reason and its whole content, and the rest loads."""

from __future__ import annotations

import pytest

from tests.files.desk import Desk

CONTACTS = "contact_id,clinic_id,occurred_at,kind,direction,phone"
GOOD = "E1,C1,2026-06-01T09:00:00+03:00,call,inbound,+79000000001"
PAYMENTS = "payment_id,paid_at,patient_id,clinic_id,amount,currency"


@pytest.mark.parametrize(
    ("bad", "column", "reason"),
    [
        ("E2,C1,31.02.2026 09:00,call,inbound,", "occurred_at", "does not exist"),
        ("E2,C1,yesterday,call,inbound,", "occurred_at", "is no date"),
        ("E2,C1,0026-06-01 09:00,call,inbound,", "occurred_at", "before 1900"),
        ("E2,C9,2026-06-01 09:00,call,inbound,", "clinic_id", "unknown clinic 'C9'"),
        ("E2,C1,2026-06-01 09:00,call,inbound,7.9E+10", "phone", "scientific notation"),
        ('E2,C1,2026-06-01 09:00,call,inbound,"7,9E+10"', "phone", "scientific notation"),
        ("1.23E+15,C1,2026-06-01 09:00,call,inbound,", "contact_id", "scientific notation"),
        ("E2,C1,2026-06-01 09:00,pigeon,inbound,", "kind", "is not one of call, form"),
        (",C1,2026-06-01 09:00,call,inbound,", "contact_id", "required"),
        ("E2,,2026-06-01 09:00,call,inbound,", "clinic_id", "required"),
        ("E2,C1,2026-06-01 09:00,call,inbound,,surplus", None, "more cells than headers"),
        ("E2,C1,2026-06-01 09:00,call,inbound,\x00", "phone", "nul character"),
        ("Итого,,,,,", None, "total row"),
        ("Total: ,,,,,", None, "total row"),
        ("E1,C1,2026-06-01T09:00:00+03:00,call,inbound,+79000000001", "contact_id", "exact duplicate of row 2"),
        ("E1,C1,2026-06-01T10:00:00+03:00,call,inbound,", "contact_id", "duplicate key: row 2"),
    ],
)
def test_a_row_that_cannot_be_used_is_set_aside_with_its_reason_and_the_rest_loads(
    open_desk: Desk, bad: str, column: str | None, reason: str
) -> None:
    last = "E3,C2,2026-06-03 09:00,form,inbound,"
    open_desk.put("contacts.csv", "\n".join((CONTACTS, GOOD, bad, last)))
    for _ in range(2):  # running again doubles nothing
        summary = open_desk.load()
        assert summary.ok
        assert summary.rows_rejected == 1
        [(file, number, blamed, why)] = open_desk.rejected()
        assert (file, number, blamed) == ("contacts.csv", 3, column)
        assert reason in why
        assert open_desk.rows("select contact_id from staging.files__contacts order by 1") == [("E1",), ("E3",)]
    [(whole,)] = open_desk.rows("select row from staging.rejected_rows")
    given = bad.split(",")
    assert whole["contact_id"] == given[0]
    assert len(whole) == len(given) if '"' not in bad else True
    assert any(why in line or "duplicate" in line for line in summary.lines())


def test_what_is_printed_of_a_row_names_its_number_and_nobody_where_names_slipped_into_other_columns(
    open_desk: Desk,
) -> None:
    slipped = "E2,Anna O'Invented,Анна вчера в 9,call,inbound,", "E3,Пробная,2026-06-01 09:00,call,inbound,8-900"
    open_desk.put("contacts.csv", "\n".join((CONTACTS, GOOD, *slipped)))
    printed = "\n".join(open_desk.load().lines())
    assert not [name for name in ("Anna", "Invented", "Анна", "Пробная") if name in printed], printed
    assert "row 3" in printed and "row 4" in printed
    assert "unknown clinic 'xxxxxxx'" in printed
    assert "make quarantine" in printed
    assert "Пробная" in open_desk.rejected()[1][3], "the table keeps the reason whole"


def test_a_reason_never_holds_the_phone(open_desk: Desk) -> None:
    open_desk.put("contacts.csv", f"{CONTACTS}\nE2,C1,2026-06-01 09:00,call,inbound,7.9E+10")
    open_desk.load()
    assert "7.9E" not in open_desk.rejected()[0][3]


def test_all_faults_of_a_row_are_named_at_once(open_desk: Desk) -> None:
    open_desk.put("contacts.csv", f"{CONTACTS}\nE2,C1,32.01.2026,pigeon,inbound,")
    open_desk.load()
    [(_, _, column, reason)] = open_desk.rejected()
    assert column == "occurred_at"
    assert "also kind" in reason


def test_a_patient_id_in_scientific_notation_is_refused(open_desk: Desk) -> None:
    open_desk.put("payments.csv", f"{PAYMENTS}\nM1,2026-06-01 10:00,2.98725E+13,C1,100,RUB")
    open_desk.load()
    assert open_desk.rejected()[0][2] == "patient_id"


def test_a_total_row_below_amounts_is_refused(open_desk: Desk) -> None:
    open_desk.put("payments.csv", f"{PAYMENTS}\nM1,2026-06-01 10:00,P1,C1,100,RUB\n,,,,100,\n\n;;\n")
    summary = open_desk.load()
    assert open_desk.rejected()[0][1:] == (3, None, "total row; sums are computed from the rows above")
    assert summary.rows_written == 3  # the payment and two clinics


@pytest.mark.parametrize("word", ["Total", "Итого", "ИТОГО за июнь"])
def test_a_key_that_is_the_word_total_is_a_total_row_even_where_nothing_else_is_required(
    open_desk: Desk, word: str
) -> None:
    open_desk.put("employees.csv", f"employee_id,full_name\nanna,Anna A.\n{word},2\n")
    open_desk.load()
    assert open_desk.rows("select employee_id from staging.files__employees") == [("anna",)]


@pytest.mark.parametrize("amount", ["NaN", "inf", "1E+5", "12 рублей 50", "1,234", "--5", "1.23.4"])
def test_an_amount_that_is_none_is_refused(open_desk: Desk, amount: str) -> None:
    open_desk.put("payments.csv", f'{PAYMENTS}\nM1,2026-06-01 10:00,P1,C1,"{amount}",RUB')
    open_desk.load()
    assert [row[2] for row in open_desk.rejected()] == ["amount"]


def test_a_period_that_ends_before_it_begins_is_refused(open_desk: Desk) -> None:
    open_desk.put("ad_spend.csv", "date_from,date_to,source,amount,currency\n2026-06-30,2026-06-01,radio,100,RUB\n")
    open_desk.load()
    assert [(row[2], "before it begins" in row[3]) for row in open_desk.rejected()] == [("date_to", True)]


def test_cards_merged_in_a_circle_are_refused_and_an_unknown_target_is_kept(open_desk: Desk) -> None:
    open_desk.put(
        "patients.csv",
        "patient_id,clinic_id,merged_into_patient_id\nA,C1,B\nB,C1,C\nC,C1,A\nD,C1,A\nE,C1,gone\nF,C1,F\nG,C1,\n",
    )
    summary = open_desk.load()
    assert open_desk.rows("select patient_id from staging.files__patients order by 1") == [("D",), ("E",), ("G",)]
    assert [row[1] for row in open_desk.rejected()] == [2, 3, 4, 7]
    assert {row[2] for row in open_desk.rejected()} == {"merged_into_patient_id"}
    assert summary.rows_rejected == 4


@pytest.mark.parametrize("encoding", ["koi8-r", "cp866"])
def test_russian_of_old_systems_is_refused_by_name_and_read_where_the_mapping_says_so(
    open_desk: Desk, encoding: str
) -> None:
    open_desk.put("patients.csv", "patient_id;clinic_id;full_name\nP1;C1;Пробная Анна ёлкина\n", encoding)
    (error,) = open_desk.load().errors
    assert f"this looks like {encoding}" in error
    assert open_desk.rows("select count(*) from staging.files__patients") == [(0,)]

    columns = "{patient_id: patient_id, clinic_id: clinic_id, full_name: full_name}"
    file = f"{{file: patients.csv, kind: patients, encoding: {encoding}, columns: {columns}}}"
    open_desk.put("mapping.yml", f"files:\n  - {file}\n")
    assert open_desk.load().errors == ()
    assert open_desk.rows("select full_name from staging.files__patients") == [("Пробная Анна ёлкина",)]


@pytest.mark.parametrize("name", ["ПРОБНАЯ АННА", "пробная анна", "Ёлкина-Пробная Анна", "«Ромашка»", "№ 5 – Müller"])
def test_any_cp1251_is_still_cp1251(open_desk: Desk, name: str) -> None:
    name = name.replace("ü", "ь")
    open_desk.put("patients.csv", f"patient_id;clinic_id;full_name\nP1;C1;{name}\n", "cp1251")
    assert open_desk.load().errors == ()
    assert open_desk.rows("select full_name from staging.files__patients") == [(name,)]


def test_cp1251_and_semicolons_load_as_utf_8_and_commas_do(open_desk: Desk) -> None:
    open_desk.put("patients.csv", "patient_id;clinic_id;full_name\nP1;C1;Пробная Анна\n", "cp1251")
    open_desk.put("patients_2.csv", "patient_id,clinic_id,full_name\nP2,C1,Пробный Борис\n", "utf-8-sig")
    open_desk.put("patients_3.csv", "patient_id\tclinic_id\tfull_name\nP3\tC1\tПробная Вера\n", "utf-16")
    assert open_desk.load().ok
    assert open_desk.rows("select full_name from staging.files__patients order by 1") == [
        ("Пробная Анна",), ("Пробная Вера",), ("Пробный Борис",),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("contacts.csv", b"", "the file is empty"),
        ("contacts.csv", b"\n\n \n", "the file is empty"),
        ("contacts.xlsx", b"", "the file is empty"),
        ("contacts.xlsx", b"contact_id,clinic_id\n", "is no workbook"),
        ("contacts.xlsx", b"PK\x03\x04 cut off in the middle", "cannot be read"),
        ("contacts.xls.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Excel workbook"),
        ("contacts.csv", bytes(range(256)) * 40, "this is no text"),
        ("contacts.csv", f'{CONTACTS}\n{GOOD}\n"E2,C1,2026'.encode(), "never closed"),
        ("contacts.csv", b"contact_id,occurred_at,kind,direction\nE1,2026-06-01,call,inbound\n", "no column clinic_id"),
        ("contacts.csv", "Телефон,Номер телефона\n1,2\n".encode(), "both stand for phone"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_one_clear_error_and_the_others_load(
    open_desk: Desk, name: str, content: bytes, message: str
) -> None:
    open_desk.put(name, content)
    open_desk.put("contacts_good.csv", f"{CONTACTS}\n{GOOD}\n")
    open_desk.put("employees.csv", "employee_id\nanna\n")
    summary = open_desk.load()
    assert not summary.ok
    [error] = summary.errors
    assert name in error
    assert message in error
    assert open_desk.rows("select contact_id from staging.files__contacts") == [("E1",)]
    assert open_desk.rows("select employee_id from staging.files__employees") == [("anna",)]
    assert open_desk.rows("select status, message from ops.loads where stream = 'contacts'") == [("failed", error)]


def test_a_missing_column_is_reported_with_the_headers_that_were_seen(open_desk: Desk) -> None:
    open_desk.put("contacts.csv", "Код,Дата обращения,Вид,Направление,Прочее\nE1,2026-06-01,звонок,входящий,x\n")
    [error] = open_desk.load().errors
    assert "Код, Дата обращения, Вид, Направление, Прочее" in error


def test_a_file_without_rows_is_no_error(open_desk: Desk) -> None:
    open_desk.put("contacts.csv", f"{CONTACTS}\n")
    assert open_desk.load().ok


def test_unknown_files_are_reported_and_readme_like_ones_are_not(open_desk: Desk) -> None:
    for name in ("README.md", "expected.yml", ".DS_Store", "~$contacts.xlsx"):
        open_desk.put(name, "anything")
    open_desk.put("holiday.csv", "a,b\n1,2\n")
    summary = open_desk.load()
    assert summary.ok
    assert summary.skipped == ("holiday.csv",)


def test_a_phone_that_is_none_keeps_its_row_and_is_counted(open_desk: Desk) -> None:
    open_desk.put("contacts.csv", f"{CONTACTS},email\nE1,C1,2026-06-01 09:00,call,inbound,скрыт,нет\n")
    summary = open_desk.load()
    assert summary.rows_rejected == 0
    assert open_desk.rows("select phone, phone_e164, email, _extra from staging.files__contacts") == [
        ("скрыт", None, None, {"email": "нет"})
    ]
    assert sum(count for file in summary.files for _, count in file.warnings) == 2


def test_without_clinics_every_row_says_so(desk: Desk) -> None:
    desk.put("contacts.csv", f"{CONTACTS}\n{GOOD}\n")
    desk.load()
    assert "no clinics are loaded" in desk.rejected()[0][3]
