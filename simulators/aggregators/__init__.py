"""The aggregators' feed as docs/sources/aggregators.md defines it: JSON in pages and CSV."""

from __future__ import annotations

from simulators.aggregators.routes import AggregatorsFeed, FeedOptions
from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.world.model import World

TOKEN = "simulated-aggregators-token"  # noqa: S105 - no secret: it opens a simulator on the loopback only


def make(world: World, options: FeedOptions, clock: Clock) -> AggregatorsFeed:
    branches = {clinic.clinic_id: f"branch-{clinic.clinic_num}" for clinic in world.clinics}
    rows = [
        {
            "id": contact.contact_id.partition(":")[2], "aggregator": contact.aggregator,
            "clinic": branches[contact.clinic_id], "at": contact.occurred_at, "name": contact.client_name,
            "phone": contact.phone, "email": contact.email, "topic": contact.topic,
            "administrator": contact.administrator_id, "outcome": contact.outcome,
            "refusal_reason": contact.refusal_reason, "tags": list(contact.tags), "note": contact.note,
        }
        for contact in world.contacts if contact.system == "aggregators"
    ]  # fmt: skip
    return AggregatorsFeed(TOKEN, rows, options)


def endpoint(world: World, base_url: str, vendor: AggregatorsFeed) -> Endpoint:
    clinics = {f"branch-{clinic.clinic_num}": clinic.clinic_id for clinic in world.clinics}
    return {"base_url": base_url, "token": TOKEN, "settings": {"clinics": clinics}}


SIMULATOR = SimulatorSpec("aggregators", make, endpoint, options=FeedOptions())
