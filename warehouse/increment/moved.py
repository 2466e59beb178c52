"""Records that no landed row moved, but time, a currency's rate or a campaign's channel.

From these too a build of a day walks to their families.
"""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString

from warehouse.increment.fresh import Connection

# Time alone moves these: visits that became due (RULES 12.26), requests that nobody called back in time and that are
# lost from then on. Of these a day more on either side: in each clinic's time zone it is another moment.
_MOVED_BY_TIME: LiteralString = """
insert into pg_temp.seeds
select hashtextextended('contact:' || deciding_contact_id, 0)
from build.int_inquiries
where first_start_at > %(was)s and first_start_at <= %(now)s
union
select hashtextextended('contact:' || deciding_contact_id, 0)
from build.int_inquiries
where
    outcome = 'request_saved'
    and local_date between %(was)s::date - 2 - %(callback_days)s and %(now)s::date + 1 - %(callback_days)s
"""
# By which these are found. Made by the first build of a day, as indexes of families are.
_INDEXES: LiteralString = """
create index if not exists int_inquiries_due on build.int_inquiries (first_start_at);
create index if not exists int_inquiries_saved on build.int_inquiries (local_date) where outcome = 'request_saved';
"""

# A rate moves amounts of its currency from its day on, and of the days before it until an earlier one.
_MOVED_BY_CURRENCY: LiteralString = """
with moved as (
    select coalesce(now.currency, was.currency) as currency, min(coalesce(now.valid_from, was.valid_from)) as since
    from build.int_currency_days as now
    full join build.family_currency_days as was
        on now.currency = was.currency and now.valid_from = was.valid_from
        and now.valid_before = was.valid_before and now.rate = was.rate
    where now.currency is null or was.currency is null
    group by coalesce(now.currency, was.currency)
)
insert into pg_temp.seeds
select hashtextextended('payment:' || payment_id, 0)
from build.int_payments as facts inner join moved
    on facts.original_currency = moved.currency and facts.paid_date >= moved.since
union
select hashtextextended('sale:' || sale_id, 0)
from build.int_sales as facts inner join moved
    on facts.original_currency = moved.currency and facts.sold_date >= moved.since
union
select hashtextextended('deal:' || deal_id, 0)
from build.int_deals as facts inner join moved
    on facts.original_currency = moved.currency
    and coalesce(facts.closed_date, facts.created_date, 'infinity') >= moved.since
"""

# A campaign that spend or a tracking row named differently, or for the first time (RULES 12.12).
_MOVED_BY_CAMPAIGN: LiteralString = """
create temporary table moved_campaigns on commit drop as
select coalesce(now.source, was.source) as source, coalesce(now.campaign, was.campaign) as campaign
from build.int_campaign_channels as now
full join build.family_campaign_channels as was
    on now.source = was.source and now.campaign is not distinct from was.campaign and now.channel = was.channel
where now.source is null or was.source is null;
"""
_TOUCHED_BY_CAMPAIGN: LiteralString = """
insert into pg_temp.seeds
select hashtextextended(touches.touch_kind || ':' || touches.record_id, 0)
from build.fct_touches as touches inner join pg_temp.moved_campaigns as moved
    on touches.source = moved.source and touches.campaign is not distinct from moved.campaign
union
select hashtextextended('contact:' || contacts.contact_id, 0)
from build.fct_contacts as contacts inner join pg_temp.moved_campaigns as moved
    on contacts.source = moved.source and contacts.campaign is not distinct from moved.campaign
union
select hashtextextended('deal:' || deals.deal_id, 0)
from build.deal_journal_origins as deals inner join pg_temp.moved_campaigns as moved
    on deals.source = moved.source and deals.campaign is not distinct from moved.campaign
"""


def find(connection: Connection, *, was: datetime, now: datetime, callback_days: int) -> None:
    """Put them into `pg_temp.seeds`, for the caller's transaction. `was`: the moment of the last build."""
    connection.execute("create temporary table seeds (record bigint) on commit drop")
    connection.execute(_INDEXES)
    connection.execute(_MOVED_BY_TIME, {"was": was, "now": now, "callback_days": callback_days})
    connection.execute(_MOVED_BY_CURRENCY)
    connection.execute(_MOVED_BY_CAMPAIGN)
    if connection.execute("select from pg_temp.moved_campaigns limit 1").rowcount:
        connection.execute(_TOUCHED_BY_CAMPAIGN)
