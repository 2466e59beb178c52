"""IDENT: a folder of report files, as a clinic exports them every evening."""

from __future__ import annotations

from simulators.ident.routes import Ident
from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.world.model import World
from simulators.world.neutral_clinic import CURRENCY


def make(world: World, options: None, clock: Clock) -> Ident:
    return Ident(world.seen_by("ident"))


def endpoint(world: World, base_url: str, vendor: Ident) -> Endpoint:
    clinics = vendor.state.world.clinics
    return {
        "base_url": base_url,
        "token": "",
        "settings": {
            "inbox": str(vendor.state.folder),
            "clinics": {
                clinic.name: {"clinic_id": clinic.clinic_id, "time_zone": clinic.time_zone} for clinic in clinics
            },
            "currency": CURRENCY,
            "doctors": {name: str(number) for number, name in vendor.state.doctors().items()},
        },
    }


SIMULATOR = SimulatorSpec("ident", make, endpoint, has_past=True)
