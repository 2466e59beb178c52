"""amoCRM (Kommo abroad): deals, the history of their stages, and clients.

API v4 over a Bearer token, long-lived or renewed. Limits: 250 rows a page, 7 requests a second, and who is refused
often is blocked by address. Times are Unix seconds in UTC; UTM, phones and e-mails are custom fields; an empty list is
HTTP 204. Deals and clients are read by change time; deletions are told by events, and by the list of all numbers, read
every night.

Data flow: GET /api/v4/leads, contacts, events, leads/pipelines, … → staging.amocrm__* → stg_amocrm__deals,
stg_amocrm__deal_stages.
By hand: python -m extractors amocrm leads --from 2026-06-01 --to 2026-06-30
Not taken: leads before the deal (the account has none: its leads are the deals), the unsorted inbox, whose entries
vanish when they are accepted; catalogue items, notes, tasks, companies.
"""

from extractors.core.spec import SourceSpec
from extractors.sources.amocrm.client import AmocrmClient
from extractors.sources.amocrm.streams import CONTACTS, LEAD_EVENTS, LEAD_IDS, LEADS, LOSS_REASONS, STATUSES, USERS

SOURCE = SourceSpec(
    name="amocrm",
    description="Deals of amoCRM",
    streams=(STATUSES, USERS, LOSS_REASONS, CONTACTS, LEADS, LEAD_EVENTS, LEAD_IDS),
    client=AmocrmClient,
    time_zone="Europe/Moscow",
)
