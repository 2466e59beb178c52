"""Cells, phones and headers by themselves: what holds for every text."""

from __future__ import annotations

import csv
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bi.spec import words
from extractors.kinds import KIND_BY_NAME, KINDS, Kind
from extractors.phones import is_scientific, to_e164
from extractors.sources.files.aliases import header_aliases, match_headers, normal, value_aliases
from extractors.sources.files.cells import CellError, to_boolean, to_day, to_decimal, to_id, to_moment
from extractors.sources.files.tables import Options, open_table

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=2)
SUBSCRIBERS = st.integers(min_value=0, max_value=9_999).map(lambda number: f"900000{number:04}")


def spelled(amount: Decimal, group: str, point: str) -> str:
    return f"{amount:,.2f}".replace(",", "\0").replace(".", point).replace("\0", group)


@given(
    AMOUNTS,
    st.sampled_from(
        [("", "."), ("", ","), (" ", ","), ("\u00a0", ","), ("\u202f", "."), (",", "."), (".", ","), ("'", ".")]
    ),
    st.sampled_from(["{}", " {} ", "{} ₽", "{}\u00a0руб.", "{}р.", "₽{}"]),
)
def test_an_amount_means_the_same_however_it_is_spelled(amount: Decimal, marks: tuple[str, str], frame: str) -> None:
    assert to_decimal(frame.format(spelled(amount, *marks)), money=True) == amount


@given(AMOUNTS)
def test_an_amount_is_never_rounded(amount: Decimal) -> None:
    assert str(to_decimal(str(amount), money=True)) == str(abs(amount) if amount.is_zero() else amount)


@given(st.text(max_size=12))
def test_any_text_is_a_finite_amount_or_refused(text: str) -> None:
    try:
        amount = to_decimal(text, money=True)
    except CellError:
        return
    assert amount is None or amount.is_finite()
    digits = [character for character in text if character.isdigit()]
    assert amount is None or len(digits) > 0


@pytest.mark.parametrize(
    ("text", "amount"),
    [("(1 200,50)", "-1200.50"), ("−5", "-5"), ("1.429999948", "1.429999948"), ("1,234,567", "1234567"), (".5", "0.5")],
)
def test_amounts_as_accountants_and_machines_write_them(text: str, amount: str) -> None:
    assert to_decimal(text, money=True) == Decimal(amount)


@pytest.mark.parametrize(
    "text", ["1,234", "12 50", "1.2.3", "1,23,4", "٣", "1e5", "1E+5", "NaN", "-", "12,", "1,234.5.6"]
)
def test_amounts_that_could_mean_two_things_are_refused(text: str) -> None:
    with pytest.raises(CellError):
        to_decimal(text, money=True)


def test_a_comma_in_a_quantity_is_a_decimal_comma() -> None:
    assert to_decimal("1,234") == Decimal("1.234")


@given(SUBSCRIBERS)
def test_a_russian_phone_is_the_same_however_it_is_written(number: str) -> None:
    a, b, c, d = number[:3], number[3:6], number[6:8], number[8:]
    spellings = [
        f"+7{number}", f"7{number}", f"8{number}", number, f"8 ({a}) {b}-{c}-{d}", f"+7 {a} {b} {c} {d}",
        f"8-{a}-{b}-{c}{d}", f"+7({a}){b}{c}{d} доб. 12", f"8 {a} {b}-{c}-{d}, доб 3", f"+7 {a} {b}‑{c}‑{d}",
    ]  # fmt: skip
    assert {to_e164(text) for text in spellings} == {f"+7{number}"}


@given(st.text(max_size=20))
def test_what_comes_out_as_a_phone_is_e164_and_stays_itself(text: str) -> None:
    phone = to_e164(text)
    if phone is not None:
        assert re.fullmatch(r"\+[1-9]\d{6,14}", phone)
        assert to_e164(phone) == phone


@given(st.text(alphabet="0123456789+-() .,eEдоб", max_size=20))
def test_what_looks_like_a_phone_comes_out_as_e164_or_not_at_all(text: str) -> None:
    test_what_comes_out_as_a_phone_is_e164_and_stays_itself.hypothesis.inner_test(text)  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["", "скрыт", "112", "000-00-01", "7.9E+10", "7,9E+10", "+7900", "anonymous", "0"])
def test_what_is_no_phone_is_null(text: str) -> None:
    assert to_e164(text) is None


def test_phones_of_other_countries_are_read_by_their_code_or_region() -> None:
    assert to_e164("+49 30 12345678") == "+493012345678"
    assert to_e164("(212) 555-0100", "US") == "+12125550100"


@given(st.integers(min_value=10**9, max_value=10**17))
def test_no_number_that_a_spreadsheet_spread_passes_for_an_id(number: int) -> None:
    assert to_id(str(number)) == str(number)
    assert is_scientific(f"{number:.2E}")
    with pytest.raises(CellError):
        to_id(f"{number:.2E}")


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001  naive is meant
def test_a_moment_is_the_same_in_both_spellings(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    for text in (moment.isoformat(), moment.isoformat(" "), f"{moment:%d.%m.}{moment.year:04}{moment: %H:%M:%S}"):
        assert to_moment(text) == moment


@pytest.mark.parametrize(
    "text",
    ["31.02.2026", "2026-02-30", "32.01.2026", "30.06.26", "06/30/2026", "2026-06-01 25:00", "46000", "2026-W01-1"],
)
def test_days_that_do_not_exist_or_may_be_two_days_are_refused(text: str) -> None:
    with pytest.raises(CellError):
        to_day(text)


def test_days_are_read_in_both_spellings_and_from_midnights() -> None:
    assert {
        to_day(text)
        for text in (
            "2026-06-30",
            "30.06.2026",
            "2026-06-30T00:00:00",
            "30.06.2026 0:00",
            "2026-6-30 0:00",
            "2026/06/30",
        )
    } == {date(2026, 6, 30)}


def test_yes_and_no_in_two_languages() -> None:
    assert [to_boolean(word) for word in ("Да", "yes", "TRUE", "1", "нет", "No", "false", "0")] == [True] * 4 + [
        False
    ] * 4


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_column_of_every_kind_has_a_russian_name_and_none_stands_for_two(kind: Kind) -> None:
    aliases = header_aliases(kind)  # raises on an ambiguous alias
    russian = {name for word, name in aliases.items() if re.search("[а-я]", word)}
    assert russian == {column.name for column in kind.file_columns}
    for column in kind.file_columns:
        words = value_aliases(kind, column)
        assert set(column.one_of) <= set(words.values())
        assert all(
            any(re.search("[а-я]", word) for word, ours in words.items() if ours == allowed)
            for allowed in column.one_of
        )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_russian_headers_are_found_whatever_their_case_and_spaces(kind: Kind) -> None:
    first = {name: word for word, name in reversed(list(header_aliases(kind).items())) if re.search("[а-я]", word)}
    headers = [f" {word.upper().replace(' ', '  ')} " for word in first.values()]
    found = match_headers(kind, headers, where="test")
    assert list(found.columns) == list(first)
    assert not found.extras


def test_contract_names_win_over_aliases_and_the_alias_becomes_extra() -> None:
    found = match_headers(KIND_BY_NAME["clinics"], ["Код", "clinic_id", "Time Zone", "Код"], where="test")
    assert found.columns == {"clinic_id": 1, "time_zone": 2}
    assert found.extras == {"Код": 0, "Код (4)": 3}


@pytest.mark.parametrize("pair", [("Телефон (моб.):", "телефон моб"), ("№ карты", "Номер карты".replace("Номер ", ""))])
def test_headers_are_compared_without_marks(pair: tuple[str, str]) -> None:
    assert normal(pair[0]) == normal(pair[1])


@pytest.mark.parametrize(
    ("header", "column"),
    [("Телефон", "phone"), ("Дата обращения", "occurred_at"), ("Клиника", "clinic_id"), ("Откуда узнал", "how_learned"),
     ("Администратор", "administrator_id"), ("Тема разговора", "topic"), ("Причина отказа", "refusal_reason")],
)  # fmt: skip
def test_headers_as_clinics_write_them(header: str, column: str) -> None:
    assert header_aliases(KIND_BY_NAME["contacts"])[normal(header)] == column


@pytest.mark.parametrize(
    ("kind", "column", "written", "ours"),
    [("contacts", "how_learned", "Не указано", "other"), ("patients", "how_learned", "не помнит", "other"),
     ("patients", "how_learned", "Сарафанное радио", "referral_patient"),
     ("appointments", "status", "Подтверждён", "planned"), ("appointments", "status", "На приёме", "arrived"),
     ("contacts", "outcome", "Записан на приём", "booked")],
)  # fmt: skip
def test_words_as_clinics_write_them(kind: str, column: str, written: str, ours: str) -> None:
    (declared,) = (each for each in KIND_BY_NAME[kind].columns if each.name == column)
    assert value_aliases(KIND_BY_NAME[kind], declared)[normal(written)] == ours


@pytest.mark.parametrize("kind", ["ad_spend", "tracking_addresses"])
def test_a_channel_may_be_written_as_the_dashboards_call_it(kind: str) -> None:
    """Else a report has it twice under one name."""
    (channel,) = (each for each in KIND_BY_NAME[kind].columns if each.name == "channel")
    known = value_aliases(KIND_BY_NAME[kind], channel)
    shown = words().values["channel"]
    with (Path(__file__).parents[2] / "dbt_project/seeds/channel_groupings.csv").open(encoding="utf-8") as file:
        ruled = {row["channel"] for row in csv.DictReader(file)}
    assert ruled <= set(shown)
    for name in ruled:
        assert [known[normal(word)] for word in (name, *shown[name].values())] == [name] * 3


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_page_on_files_lists_every_column_and_marks_the_required_ones(kind: Kind) -> None:
    page = (Path(__file__).parents[2] / "docs/sources/files.md").read_text(encoding="utf-8")
    columns = ", ".join(f"**{column.name}**" if column.required else column.name for column in kind.file_columns)
    assert f"| `{kind.name}` | {columns} |" in page


@pytest.mark.parametrize(
    ("content", "headers", "rows"),
    [
        ("x,y", ("x", "y"), []),
        ("x,y\r1,2\r3,4", ("x", "y"), [(2, ["1", "2"]), (3, ["3", "4"])]),
        ('sep=;\r\nx;y\r\n1;"a\r\nb"\r\n', ("x", "y"), [(2, ["1", "a\r\nb"])]),
        ('"x";"y, z"\n1;2', ("x", "y, z"), [(2, ["1", "2"])]),
        ('x\ty\n1\t"2"', ("x", "y"), [(2, ["1", "2"])]),
        ("x\n1\n\n 2 \n", ("x",), [(2, ["1"]), (4, [" 2 "])]),
        ("\n\nx;y\n1;2\n", ("x", "y"), [(4, ["1", "2"])]),
        ('x,y\n"say ""aah""",2\n', ("x", "y"), [(2, ['say "aah"', "2"])]),
    ],
)
def test_tables_are_read_from_any_common_dialect(
    tmp_path: Path, content: str, headers: tuple[str, ...], rows: list[tuple[int, list[str]]]
) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(content.encode("utf-8-sig"))
    table = open_table(path)
    assert table.headers == headers
    assert list(table.rows) == rows


def test_a_title_above_the_headers_is_skipped_when_the_mapping_says_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "any.csv"
    path.write_text("Report, June\n\nx;y\n1;2\n", encoding="utf-8")
    table = open_table(path, Options(header_row=3))
    assert (table.headers, list(table.rows)) == (("x", "y"), [(4, ["1", "2"])])
