"""Calltouch: calls, requests and the site visits behind them.

Calls diary and requests of https://api.calltouch.ru (`/calls-service/RestAPI`). Limits: 1000 rows a page, three months
a request, no published rate. Times: seconds (calls) and milliseconds (requests) of UTC; the diary's days are UTC+3.
Tags, comments and attribution change for weeks and there is no "changed since", so 30 days are read again each day and
each window replaces itself; nothing tells of deletions but a call's absence.

Data flow: GET …/calls-diary/calls → staging.calltouch__calls, GET …/requests → staging.calltouch__requests,
`mapVisits` of both → staging.calltouch__sessions → stg_calltouch__contacts, stg_calltouch__sessions;
the vendor's count of calls → staging.calltouch__call_counts → expectations only.
By hand: python -m extractors calltouch calls --from 2026-06-01 --to 2026-06-30
Not taken: recordings, transcripts, the journal of deals (the CRM is their source).
"""

from extractors.core.spec import SourceSpec
from extractors.sources.calltouch.client import CalltouchClient
from extractors.sources.calltouch.streams import CALL_COUNTS, CALLS, REQUESTS, SESSIONS

SOURCE = SourceSpec(
    name="calltouch",
    description="Calls, requests and visits of Calltouch",
    streams=(CALLS, REQUESTS, SESSIONS, CALL_COUNTS),
    client=CalltouchClient,
    time_zone="Europe/Moscow",
    clinics_setting="sites",
)
