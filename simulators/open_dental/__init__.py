"""Open Dental REST API: patients, appointments, procedures, payments, plans. Source: the vendor's API pages."""

from __future__ import annotations

from simulators.open_dental.routes import OpenDental
from simulators.open_dental.state import OpenDentalOptions, OpenDentalState
from simulators.open_dental.tables import TYPE_NUMS
from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.world.model import World
from simulators.world.neutral_clinic import CURRENCY

DEVELOPER_KEY, CUSTOMER_KEY = "simulatedDeveloper", "simulatedCustomer"  # no secrets: the loopback only


def make(world: World, options: OpenDentalOptions, clock: Clock) -> OpenDental:
    return OpenDental(OpenDentalState(world.seen_by("open_dental"), DEVELOPER_KEY, CUSTOMER_KEY, options), clock)


def endpoint(world: World, base_url: str, vendor: OpenDental) -> Endpoint:
    clinics = {
        str(clinic.clinic_num): {"clinic_id": clinic.clinic_id, "time_zone": clinic.time_zone}
        for clinic in vendor.state.world.clinics
    }
    return {
        "base_url": f"{base_url}/api/v1",
        "token": f"{DEVELOPER_KEY}/{CUSTOMER_KEY}",
        "settings": {
            "developer_key": DEVELOPER_KEY,
            "customer_key": CUSTOMER_KEY,
            "clinics": clinics,
            "currency": CURRENCY,
            "server_time_zone": vendor.state.options.server_time_zone,
            "directions": {str(number): word for word, number in TYPE_NUMS.items()},
        },
    }


SIMULATOR = SimulatorSpec("open_dental", make, endpoint, options=OpenDentalOptions(), has_past=True)
