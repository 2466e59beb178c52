"""IDENT's report files: which file is which report, what its headers mean, and which file wins.

What the vendor calls its reports' columns is UNCONFIRMED [CRM_CALLS_CLINIC_APIS.md §7.4]. The names below are guesses;
a clinic's own are in the setting `reports`. A header that nobody declared stops the report: a renamed column would
otherwise fall silent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from extractors.core.errors import ConfigError, PayloadError
from extractors.core.spec import BROKEN, Context
from extractors.sources.files.aliases import normal
from extractors.sources.files.cells import Cell, CellError, to_moment, to_text
from extractors.sources.files.tables import SUFFIXES, Options, open_table

Row = dict[str, Any]
Names = dict[str, tuple[str, ...]]
TOTAL = re.compile(r"(итого|всего|total)\b", re.IGNORECASE)
PAGE_ROWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report: which files, what their columns are called, and how a newer file takes the place of an older one.

    `ignored`: headers that are known and not kept. `needed`: columns without which the report is useless.
    `by_period`: a newer file replaces all days between its first and its last one, else only rows of the same key.
    `day` is the column that says a row's day, `key` the one that identifies it (null: the whole row does).
    """

    mask: str
    columns: Names
    needed: tuple[str, ...]
    day: str | None
    key: str | None
    ignored: tuple[str, ...] = ()
    by_period: bool = False
    options: Options = field(default_factory=Options)
    formats: tuple[str, ...] = ()


def _names(**columns: str) -> Names:
    return {name: tuple(words.split("|")) for name, words in columns.items()}


_WHO: Names = {"patient_id": ("№ карты", "Номер карты"), "branch": ("Филиал",)}
USUAL: dict[str, Report] = {
    "patients": Report(
        mask="Пациенты*", needed=("patient_id",), day=None, key="patient_id",
        columns=_WHO | _names(
            full_name="Пациент|ФИО", birth_date="Дата рождения", mobile_phone="Мобильный телефон|Мобильный",
            phone="Телефон", email="E-mail|Почта", how_learned="Откуда узнал", registered_at="Дата регистрации",
        ),
    ),
    "appointments": Report(
        mask="Записи*", needed=("patient_id", "starts_at", "status"), day="starts_at", key="visit_id",
        columns=_WHO | _names(
            visit_id="№ записи", starts_at="Дата приёма|Начало приёма", created_at="Дата записи", status="Статус",
            doctor="Врач", direction="Направление",
        ),
        ignored=("Пациент", "Время", "Первичный"),
    ),
    "sales": Report(
        mask="Услуги*", needed=("sold_at", "item", "amount"), day="sold_at", key="sale_id",
        columns=_WHO | _names(
            sale_id="№ строки", visit_id="№ записи", sold_at="Дата", item="Услуга", item_type="Категория",
            quantity="Количество", amount="Сумма",
        ),
        ignored=("Пациент", "Врач"),
    ),
    "payments": Report(
        mask="Оплаты*", needed=("patient_id", "paid_at", "amount"), day="paid_at", key="payment_id",
        columns=_WHO | _names(payment_id="№ оплаты", paid_at="Дата оплаты|Дата", amount="Сумма"),
        ignored=("Пациент", "Способ оплаты"),
    ),
    "treatment_stages": Report(
        mask="Планы*", needed=("plan_id", "patient_id", "stage_number"), day=None, key="line_id",
        columns=_WHO | _names(
            line_id="№ строки", plan_id="№ плана", direction="Направление", opened_at="Дата плана",
            stage_number="№ этапа", stage="Этап", done_at="Выполнено",
        ),
        ignored=("Пациент",),
    ),
}  # fmt: skip


def report_of(kind: str, context: Context) -> Report:
    """The usual report with what the setting `reports` says of it. Raises ConfigError for a word nobody knows."""
    usual = USUAL[kind]
    given = (context.settings.get("reports") or {}).get(kind) or {}
    known = {"mask", "columns", "ignored", "replace_by", "sheet", "header_row", "encoding", "separator", "date_formats"}
    columns = given.get("columns") or {}
    if unknown := [*(given.keys() - known), *(columns.keys() - usual.columns.keys())]:
        words = ", ".join(sorted(unknown))
        raise ConfigError(f"ident: the setting `reports` has words nobody knows for {kind}: {words}.")
    return Report(
        mask=str(given.get("mask") or usual.mask),
        columns={**usual.columns, **{name: _texts(words) for name, words in columns.items()}},
        needed=usual.needed,
        day=usual.day,
        key=usual.key,
        ignored=(*usual.ignored, *_texts(given.get("ignored") or ())),
        by_period=given.get("replace_by") == "period",
        options=Options(
            encoding=given.get("encoding"), separator=given.get("separator"), sheet=given.get("sheet"),
            header_row=given.get("header_row"),
        ),
        formats=_texts(given.get("date_formats") or ()),
    )


def _texts(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


class ReportFiles:
    """Reads the files of one inbox. State: none but the folder's name."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._inbox = Path(str(context.settings.get("inbox") or ""))
        if not context.settings.get("inbox") or not self._inbox.is_dir():
            raise ConfigError("ident: the setting `inbox` is no folder. Name the one into which reports are exported.")

    def close(self) -> None:
        """Nothing is held open."""

    def rows(self, kind: str) -> Iterator[list[Row]]:
        """All rows that the files say of that kind, those of newer files (by name) before and instead of older ones."""
        report = report_of(kind, self._context)
        taken: set[str] = set()
        covered: list[tuple[str, str]] = []
        for path in sorted(self._files(report), key=lambda path: path.name, reverse=True):
            days: list[str] = []
            page: list[Row] = []
            own: set[str] = set()
            for row in _rows_of_file(path, report):
                day = _day(row, report)
                identity = _identity(row, report)
                if identity in taken or any(first <= day <= last for first, last in covered if day):
                    continue
                own.add(identity)
                if day:
                    days.append(day)
                page.append(row)
                if len(page) == PAGE_ROWS:
                    yield page
                    page = []
            yield page
            taken |= own
            if report.by_period and days:
                covered.append((min(days), max(days)))

    def _files(self, report: Report) -> Iterator[Path]:
        for path in self._inbox.iterdir():
            named = fnmatchcase(path.name.casefold(), report.mask.casefold())
            if named and path.suffix.lower() in SUFFIXES and not path.name.startswith((".", "~$")):
                yield path


def _rows_of_file(path: Path, report: Report) -> Iterator[Row]:
    """Rows in the report's own names, each with where it stood. Raises PayloadError for other headers than declared."""
    table = open_table(path, report.options)
    places = _places(path.name, table.headers, report)
    origin = {"file": path.name, "sheet": report.options.sheet, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    for number, cells in table.rows:
        if any(isinstance(cell, str) and TOTAL.match(cell.strip()) for cell in cells[:2]):
            continue
        row: Row = {**origin, "row_number": number}
        try:
            row |= {name: to_text(cells[at]) if at < len(cells) else None for name, at in places.items()}
        except CellError as error:
            row[BROKEN] = str(error)
        yield row


def _places(name: str, headers: Sequence[str], report: Report) -> dict[str, int]:
    known = {normal(word): column for column, words in report.columns.items() for word in words}
    ignored = {normal(word) for word in report.ignored}
    places: dict[str, int] = {}
    unknown = []
    for at, header in enumerate(headers):
        column = known.get(normal(header))
        if column is not None and column not in places:
            places[column] = at
        elif header and normal(header) not in ignored:
            unknown.append(header)
    missing = [report.columns[column][0] for column in report.needed if column not in places]
    if unknown or missing:
        raise PayloadError(
            f"ident {name}: the headers are not those of the report. Unknown: {', '.join(unknown) or 'none'}. Missing: "
            f"{', '.join(missing) or 'none'}. Name them in the setting `reports` (`columns` or `ignored`); nothing of "
            "this report was written."
        )
    return places


def _identity(row: Row, report: Report) -> str:
    """The row's key; for rows without one everything that the file says of it."""
    key = row.get(report.key) if report.key else None
    return str(key) if key else "|".join(str(row.get(name)) for name in report.columns)


def _day(row: Row, report: Report) -> str:
    """The row's day, to be compared; empty where there is none or it cannot be read (the row is then refused later)."""
    cell: Cell = row.get(report.day) if report.day else None
    try:
        moment = to_moment(cell, report.formats)
    except CellError:
        return ""
    return moment.date().isoformat() if moment else ""
