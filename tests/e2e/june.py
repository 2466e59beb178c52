"""A small June worked out by hand (`tests/cases/june`), as it is and with what some reports need beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.e2e.comparing import MOMENT, load
from warehouse.pipeline import run_all

JUNE = Path(__file__).resolve().parents[1] / "cases" / "june"
# A plan that was completed, one that was not, and a stage of a deal: for the client's path.
STAGES = """stage_id,plan_id,patient_id,clinic_id,direction,opened_at,stage_number,stage,done_at
T1,N1,P1,C1,implants,2026-06-11T10:30:00+03:00,1,surgery,2026-06-11T11:30:00+03:00
T2,N1,P1,C1,implants,2026-06-11T10:30:00+03:00,2,crown,2026-06-25T12:00:00+03:00
T3,N3,P3,C1,therapy,2026-06-12T10:30:00+03:00,1,filling,
"""
DEAL_STAGES = """deal_id,stage,entered_at
D1,negotiation,2026-06-02T10:00:00+03:00
"""
# Tags that spoil figures, of visitors whom nobody knows, and spend that nobody came of: for the audit of tags.
SESSIONS = """session_id,client_id,started_at,site,utm_source,utm_medium,utm_campaign
X1,c-1,2026-06-10T12:00:00+03:00,clinic.example,Yandex,cpc,Implants_June
X2,c-2,2026-06-10T12:00:00+03:00,clinic.example,yandex,cpc,implant-june
X3,c-3,2026-06-10T12:00:00+03:00,clinic.example,strange,thing,
X4,c-4,2026-06-10T12:00:00+03:00,clinic.example,google,cpc,brand
"""
SPEND = """date_from,date_to,channel,source,medium,campaign,clinic_id,amount,currency,includes_vat
2026-06-01,2026-06-30,paid_social,ok,cpc,nobody-came,,3000,RUB,false
"""
MORE = {
    "treatment_stages": STAGES, "deal_stages": DEAL_STAGES, "sessions_2": SESSIONS, "ad_spend_2": SPEND,
}  # fmt: skip


def load_june(url: str, work_folder: Path) -> None:
    """Landed, gated, built, gated, published."""
    run_all(url, JUNE, run_id="june", now=MOMENT, folder=work_folder, say=lambda _text: None)


def load_more_than_june(url: str, work_folder: Path) -> None:
    files = work_folder / "files"
    shutil.copytree(JUNE, files)
    for name, text in MORE.items():
        (files / f"{name}.csv").write_text(text, encoding="utf-8")
    load(url, files, work_folder / "dbt")
