"""Bitrix24: deals, their stages, products and clients.

REST version 2 over an incoming webhook made by an administrator: what its owner may not see is silently absent.
Limits: 50 rows a page, two requests a second with a burst of 50, a ceiling on a method's time in ten minutes. Times
carry the portal's offset. Deals, contacts and leads are read by change date; the portal tells of no deletions, so the
numbers of all deals and leads are listed every night.

Data flow: POST …/crm.deal.list, crm.contact.list, crm.stagehistory.list, … → staging.bitrix24__* →
stg_bitrix24__deals, stg_bitrix24__deal_stages, stg_bitrix24__deal_items, stg_bitrix24__deal_leads.
By hand: python -m extractors bitrix24 deals --from 2026-06-01 --to 2026-06-30
Not taken: CLOSEDATE, which is a plan until somebody makes it a fact (MOVED_TIME is the fact); activities and
telephony, because the call tracker knows the calls; traces of end-to-end analytics, which cannot be read.
"""

from extractors.core.spec import SourceSpec
from extractors.sources.bitrix24.client import Bitrix24Client
from extractors.sources.bitrix24.ids import DEAL_IDS, LEAD_IDS
from extractors.sources.bitrix24.items import DEAL_ITEMS
from extractors.sources.bitrix24.streams import (
    CATEGORIES,
    CONTACTS,
    DEAL_STAGE_HISTORY,
    DEALS,
    LEADS,
    STAGES,
    USERS,
)

SOURCE = SourceSpec(
    name="bitrix24",
    description="Deals of Bitrix24",
    streams=(CATEGORIES, STAGES, USERS, CONTACTS, LEADS, DEALS, DEAL_STAGE_HISTORY, DEAL_ITEMS, DEAL_IDS, LEAD_IDS),
    client=Bitrix24Client,
    time_zone="Europe/Moscow",
)
