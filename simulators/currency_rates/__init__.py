"""The central bank of Russia: XML_daily and XML_dynamic. Source of the format: the bank's public documents."""

from __future__ import annotations

from simulators.currency_rates.routes import CentralBank, RatesOptions
from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.world.model import World


def make(world: World, options: RatesOptions, clock: Clock) -> CentralBank:
    rates = {(rate.currency, rate.day): (rate.nominal, rate.value) for rate in world.currency_rates}
    return CentralBank(rates, options)


def endpoint(world: World, base_url: str, vendor: CentralBank) -> Endpoint:
    return {"base_url": base_url, "token": "", "settings": {"currencies": sorted({code for code, _ in vendor.rates})}}


SIMULATOR = SimulatorSpec("currency_rates", make, endpoint, options=RatesOptions())
