"""A FHIR R4 server: patients, bookings, visits, services, bills, payments, the schedule, and its history."""

from __future__ import annotations

from simulators.fhir.routes import Fhir
from simulators.fhir.state import FhirOptions, FhirState
from simulators.fhir.wire import EXTENSIONS
from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.world.model import World
from simulators.world.neutral_clinic import CURRENCY

TOKEN, SECRET = "simulated-fhir-token", "simulated-fhir-secret"  # no secrets: a simulator only


def make(world: World, options: FhirOptions, clock: Clock) -> Fhir:
    return Fhir(FhirState(world.seen_by("fhir"), TOKEN, SECRET, options))


def endpoint(world: World, base_url: str, vendor: Fhir) -> Endpoint:
    clinics = vendor.state.world.clinics
    return {
        "base_url": f"{base_url}/fhir",
        "token": TOKEN,
        "settings": {
            "clinics": {
                f"{kind}/{clinic.clinic_num}": clinic.clinic_id
                for clinic in clinics
                for kind in ("Organization", "Location")
            },
            "time_zone": clinics[0].time_zone if clinics else "Europe/Moscow",
            "currency": CURRENCY,
            "extensions": EXTENSIONS,
        },
    }


SIMULATOR = SimulatorSpec("fhir", make, endpoint, options=FhirOptions(), has_past=True)
