"""Aggregators (НаПоправку, 32top and the like): requests for an appointment that their sites pass on.

They have no public interface, so this one is ours: a feed over HTTP, JSON in pages or CSV, that a clinic's own script,
its integrator or the aggregator fills (docs/sources/aggregators.md). What became of a request is written later, so 30
days are read again and each window replaces itself.

Data flow: GET <feed>?from=…&to=… → staging.aggregators__requests → stg_aggregators__contacts.
By hand: python -m extractors aggregators requests --from 2026-06-01 --to 2026-06-30
Not taken: the client's name (the clinic system has it); what the aggregator charges is an import file, ad_spend.
"""

from extractors.core.spec import SourceSpec
from extractors.sources.aggregators.client import FeedClient
from extractors.sources.aggregators.streams import REQUESTS

SOURCE = SourceSpec(
    name="aggregators",
    description="Requests that aggregators pass on",
    streams=(REQUESTS,),
    client=FeedClient,
    time_zone="Europe/Moscow",
)
