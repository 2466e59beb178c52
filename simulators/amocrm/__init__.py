"""amoCRM API v4: leads (deals), contacts, events, funnels, users, reasons of loss, and the renewal of tokens."""

from __future__ import annotations

from simulators.amocrm.routes import Amocrm
from simulators.amocrm.state import AmocrmOptions, AmocrmState
from simulators.amocrm.wire import FIRST_REQUEST_FIELD, SOURCES, pipeline_id
from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.world.model import World
from simulators.world.neutral_clinic import CURRENCY
from simulators.world.neutral_crm import CONTACT_KINDS

TOKEN, REFRESH = "simulated-amocrm-token", "simulated-amocrm-refresh"  # no secrets: a simulator only


def make(world: World, options: AmocrmOptions, clock: Clock) -> Amocrm:
    return Amocrm(AmocrmState(world.seen_by("amocrm"), TOKEN, REFRESH, options, clock))


def endpoint(world: World, base_url: str, vendor: Amocrm) -> Endpoint:
    clinics = vendor.state.world.clinics
    return {
        "base_url": base_url,
        "token": TOKEN,
        "settings": {
            "clinics": {str(pipeline_id(clinic.category_id)): clinic.clinic_id for clinic in clinics},
            "currency": CURRENCY,
            "contact_kinds": {str(number): CONTACT_KINDS[code] for code, number in SOURCES.items()},
            "first_request_field": str(FIRST_REQUEST_FIELD),
        },
    }


SIMULATOR = SimulatorSpec(
    "amocrm", make, endpoint, options=AmocrmOptions(), quick=AmocrmOptions(per_second=0), has_past=True
)
