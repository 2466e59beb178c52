"""The clinic's report files: CSV of cp1251 with semicolons, decimal commas, local times and a row of totals."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from simulators.world.model import Clinic, World
from simulators.world.neutral_clinic import BROKEN_CODES

STATUSES = {
    "planned": "Запланирован", "waiting_list": "Лист ожидания", "arrived": "Пришёл", "completed": "Завершён",
    "no_show": "Не пришёл", "cancelled": "Отменён",
}
Cells = list[str]


class Writer:
    """Puts the reports of a clinic's day into a folder. State: the folder and the city."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self._clinics: dict[str, Clinic] = {clinic.clinic_id: clinic for clinic in world.clinics}

    def branch(self, clinic_id: str) -> str:
        return self._clinics[clinic_id].name

    def local(self, moment: datetime | None, clinic_id: str) -> str:
        if moment is None:
            return ""
        return f"{moment.astimezone(ZoneInfo(self._clinics[clinic_id].time_zone)):%d.%m.%Y %H:%M:%S}"

    def write_all(self, stamp: str = "2026") -> None:
        """Every report; `stamp` is the end of the files' names, later ones are newer."""
        self.write(f"Пациенты {stamp}.csv", *self.patients())
        self.write(f"Записи {stamp}.csv", *self.appointments())
        self.write(f"Услуги {stamp}.csv", *self.sales())
        self.write(f"Оплаты {stamp}.csv", *self.payments())
        self.write(f"Планы {stamp}.csv", *self.plans())

    def write(self, name: str, headers: Cells, rows: Iterable[Cells], total: int | None = None) -> None:
        """One report. `total`: the column that is summed in the last row."""
        with (self.folder / name).open("w", encoding="cp1251", newline="") as file:
            out = csv.writer(file, delimiter=";")
            out.writerow(headers)
            summed = Decimal(0)
            for row in rows:
                out.writerow(row)
                if total is not None:
                    summed += Decimal(row[total].replace(" ", "").replace(",", "."))
            if total is not None:
                out.writerow(["Итого", *[""] * (total - 1), money(summed)])

    def patients(self) -> tuple[Cells, list[Cells]]:
        return ["№ карты", "Филиал", "ФИО", "Дата рождения", "Мобильный телефон", "Телефон", "E-mail",
                "Откуда узнал", "Дата регистрации"], [
            [
                str(one.pat_num), self.branch(one.clinic_id), f"{one.last_name} {one.first_name}",
                f"{one.birth_date:%d.%m.%Y}" if one.birth_date else "", one.mobile or "", one.landline or "",
                one.email or "", one.how_learned or "", f"{one.registered_on:%d.%m.%Y}",
            ]
            for one in self.world.patients
        ]  # fmt: skip

    def appointments(self) -> tuple[Cells, list[Cells]]:
        doctors = self.doctors()
        return ["№ записи", "№ карты", "Филиал", "Дата приёма", "Дата записи", "Статус", "Врач", "Направление"], [
            [
                str(one.apt_num), str(one.pat_num), self.branch(one.clinic_id),
                self.local(one.starts_at, one.clinic_id), self.local(one.created_at, one.clinic_id),
                STATUSES[one.status], doctors[one.prov_num], one.direction,
            ]
            for one in self.world.appointments
            if not one.is_note
        ]

    def doctors(self) -> dict[int, str]:
        """Number → the name in reports. Two doctors may have one name, so the number stands behind it."""
        people = [one for one in self.world.employees if one.group == "doctors"]
        return {one.vendor_num: f"{one.full_name} ({one.vendor_num})" for one in people}

    def sales(self) -> tuple[Cells, list[Cells], int]:
        return ["№ строки", "№ карты", "Филиал", "№ записи", "Дата", "Услуга", "Количество", "Сумма"], [
            [
                str(one.proc_num), str(one.pat_num), self.branch(one.clinic_id), str(one.apt_num or ""),
                f"{one.day:%d.%m.%Y}", one.descript, str(one.quantity), money(one.fee),
            ]
            for one in self.world.procedures
            if one.status == "C" and one.code not in BROKEN_CODES
        ], 7

    def payments(self) -> tuple[Cells, list[Cells], int]:
        return ["№ оплаты", "№ карты", "Филиал", "Дата оплаты", "Сумма"], [
            [
                str(one.pay_num), str(one.pat_num), self.branch(one.clinic_id), f"{one.day:%d.%m.%Y}",
                money(one.amount),
            ]
            for one in self.world.payments
        ], 4

    def plans(self) -> tuple[Cells, list[Cells]]:
        plans = {one.plan_num: one for one in self.world.plans}
        procedures = {one.proc_num: one for one in self.world.procedures}
        rows = []
        for stage in self.world.plan_stages:
            plan, procedure = plans[stage.plan_num], procedures[stage.proc_num]
            rows.append(
                [
                    str(stage.attach_num), str(plan.plan_num), str(plan.pat_num), self.branch(procedure.clinic_id),
                    plan.direction, f"{plan.opened_on:%d.%m.%Y}", str(stage.number), procedure.descript,
                    f"{procedure.day:%d.%m.%Y}" if procedure.status == "C" else "",
                ]
            )
        return ["№ строки", "№ плана", "№ карты", "Филиал", "Направление", "Дата плана", "№ этапа", "Этап",
                "Выполнено"], rows  # fmt: skip


def money(amount: Decimal) -> str:
    return f"{amount:,.2f}".replace(",", " ").replace(".", ",")
