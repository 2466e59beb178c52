"""UIS / CoMagic: calls, requests of forms, chats, and site visits where nobody else counts them.

Data API v2.0, JSON-RPC: https://dataapi.uiscom.ru/v2.0 or https://dataapi.comagic.ru/v2.0, whichever holds the account.
Limits: three months a request, 10,000 rows an answer, points a minute and a day (told in every answer; a request costs
one). Times: the account's zone, without offset. Tags, employees and the visit behind a contact change for weeks and
there is no "changed since", so 30 days are read again each day and each window replaces itself.

Data flow: get.calls_report → staging.uis__calls, get.offline_messages_report → staging.uis__offline_messages,
get.chats_report → staging.uis__chats → stg_uis__contacts; get.visitor_sessions_report → staging.uis__sessions →
stg_uis__sessions; the vendor's counts → staging.uis__report_counts → expectations only.
By hand: python -m extractors uis calls --from 2026-06-01 --to 2026-06-30
Site visits only with the setting `site_visits`: Yandex Metrica counts the same visits under ids of its own, and both
together would count each twice. Not taken: recordings themselves, texts, names, deals (the CRM is their source).
"""

from extractors.core.spec import SourceSpec
from extractors.sources.uis.client import UisClient
from extractors.sources.uis.streams import CALLS, CHATS, OFFLINE_MESSAGES, REPORT_COUNTS, SESSIONS

SOURCE = SourceSpec(
    name="uis",
    description="Calls, requests, chats and visits of UIS / CoMagic",
    streams=(CALLS, OFFLINE_MESSAGES, CHATS, SESSIONS, REPORT_COUNTS),
    client=UisClient,
    time_zone="Europe/Moscow",
    clinics_setting="sites",
)
