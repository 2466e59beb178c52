"""IDENT: patients, visits, bills, payments and treatment plans of a dental clinic in Russia.

The vendor has no interface for reading. Way `files`: reports exported into an inbox, whose headers are UNCONFIRMED and
therefore a setting; way `sql`, UNOFFICIAL: queries on its SQL Server. Times are on the clinic's clock without offset.
Everything is read whole every time: a file says nothing of changes, and the database nothing of vanished rows.

Data flow: <inbox>/Записи*.csv, … or dbo.Receptions, … → staging.ident__* → stg_ident__patients, …__appointments,
…__sales, …__payments, …__treatment_stages.
By hand: python -m extractors ident appointments --from 2026-06-01 --to 2026-06-30
Not taken: «История обращений» (load it as `contacts` with the import files), the schedule, salaries; the HTTP
integration, in which IDENT is the client and tells nothing of visits.
"""

from extractors.core.spec import SourceSpec
from extractors.sources.ident.client import IdentClient
from extractors.sources.ident.streams import APPOINTMENTS, PATIENTS, PAYMENTS, SALES, TREATMENT_STAGES

SOURCE = SourceSpec(
    name="ident",
    description="Patients, visits and money of IDENT",
    streams=(PATIENTS, APPOINTMENTS, SALES, PAYMENTS, TREATMENT_STAGES),
    client=IdentClient,
    time_zone="Europe/Moscow",
)
