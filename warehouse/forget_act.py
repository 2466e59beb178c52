"""The act of destruction and the log extract, with what order 179 of Roskomnadzor (28 October 2022) asks of both.

The person is named by the number of the act only: the act must not bring back what it certifies to be gone. Both are
kept for three years; signatures are by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

SYSTEM = "Хранилище маркетинговой аналитики Chairside"
METHOD = (
    "обезличивание без возможности восстановления: идентификаторы заменены случайными значениями, имена, даты рождения,"
    " записи разговоров и тексты стёрты, освобождённое место таблиц перезаписано (VACUUM)"
)


def act(connection: psycopg.Connection[Any], person_number: int, operator: str | None) -> str:
    """The act and the extract as one text, from `ops.forgotten_people` and `ops.forget_log`."""
    row = connection.execute(
        "select forgotten_at, forgotten_by, reason, categories from ops.forgotten_people where person_number = %s",
        (person_number,),
    ).fetchone()
    if row is None:
        raise LookupError(f"there is no act {person_number}")
    forgotten_at, forgotten_by, reason, categories = row
    events = connection.execute(
        "select event_id, happened_at, place, method, items from ops.forget_log where person_number = %s"
        " order by event_id", (person_number,),
    ).fetchall()  # fmt: skip
    blank = "______________________"
    when = f"{forgotten_at:%Y-%m-%d %H:%M:%S %Z}"
    lines = [
        f"АКТ № {person_number} об уничтожении персональных данных",
        "",
        f"Оператор (наименование или Ф. И. О., адрес): {operator or blank}",
        f"Лицо, обрабатывающее данные по поручению оператора: {blank}",
        f"Субъект персональных данных: запись № {person_number} журнала ops.forgotten_people"
        " (иные сведения о субъекте уничтожены)",
        f"Категории уничтоженных данных: {', '.join(categories)}",
        f"Информационная система: {SYSTEM}, база данных {connection.info.dbname}",
        f"Способ уничтожения: {METHOD}",
        f"Причина уничтожения: {reason}",
        f"Дата и время уничтожения: {when}",
        f"Уничтожил (учётная запись {forgotten_by}; Ф. И. О., должность, подпись): {blank}",
        "",
        f"ВЫГРУЗКА из журнала регистрации событий к акту № {person_number}",
        f"Субъект: запись № {person_number}. Категории: {', '.join(categories)}. Система: {SYSTEM}.",
        f"Причина: {reason}. Дата: {when}.",
        "",
        *table(
            ("событие", "время", "где", "что сделано", "строк"),
            [(str(e), f"{at:%Y-%m-%d %H:%M:%S}", place, method, str(items)) for e, at, place, method, items in events],
        ),
    ]
    return "\n".join(lines)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns under their headers, aligned."""
    lines = (header, *rows)
    widths = [max(len(line[place]) for line in lines) for place in range(len(header))]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
