"""UIS / CoMagic: calls, requests of forms and chats.

Data API v2.0, JSON-RPC: https://dataapi.uiscom.ru/v2.0 or https://dataapi.comagic.ru/v2.0, whichever holds the account.
Limits: three months a request, 10,000 rows an answer, points a minute and a day (told in every answer; a request costs
one). Times: the account's zone, without offset. Tags, employees and the visit behind a contact change for weeks and
there is no "changed since", so 30 days are read again each day and each window replaces itself.

Data flow: get.calls_report → staging.uis__calls, get.offline_messages_report → staging.uis__offline_messages,
get.chats_report → staging.uis__chats → stg_uis__contacts.
By hand: python -m extractors uis calls --from 2026-06-01 --to 2026-06-30
Not taken: recordings themselves, texts of requests and chats, names, deals (the CRM is their source), and site visits
(Yandex Metrica counts the same visits under ids of its own; both together would count each twice).
"""

from extractors.core.spec import SourceSpec
from extractors.sources.uis.client import UisClient
from extractors.sources.uis.streams import CALLS, CHATS, OFFLINE_MESSAGES

SOURCE = SourceSpec(
    name="uis",
    description="Calls, requests and chats of UIS / CoMagic",
    streams=(CALLS, OFFLINE_MESSAGES, CHATS),
    client=UisClient,
    time_zone="Europe/Moscow",
    clinics_setting="sites",
)
