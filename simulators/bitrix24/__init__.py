"""Bitrix24 REST version 2 behind an incoming webhook: deals, contacts, stage history, dictionaries, users."""

from __future__ import annotations

from simulators.bitrix24.routes import Bitrix24
from simulators.bitrix24.state import BitrixOptions, BitrixState
from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.world.model import World

USER, CODE = 1, "simulatedwebhookcode"  # no secret: it opens a simulator on the loopback only


def make(world: World, options: BitrixOptions, clock: Clock) -> Bitrix24:
    return Bitrix24(BitrixState(world.seen_by("bitrix24"), USER, CODE, options, clock))


def endpoint(world: World, base_url: str, vendor: Bitrix24) -> Endpoint:
    return {
        "base_url": f"{base_url}/rest/{USER}/{CODE}",
        "token": CODE,
        "settings": {
            "clinics": {str(clinic.category_id): clinic.clinic_id for clinic in vendor.state.world.clinics},
            "tags_field": "UF_CRM_TAGS",
            "lost_reason_field": "UF_CRM_LOST_REASON",
        },
    }


SIMULATOR = SimulatorSpec(
    "bitrix24", make, endpoint, options=BitrixOptions(), quick=BitrixOptions(burst=0), has_past=True
)
