"""Yandex Metrica: the Logs API of visits, and the counter's zone. Source: the vendor's pages and its clients."""

from __future__ import annotations

from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.world.model import World
from simulators.yandex_metrica.routes import YandexMetrica
from simulators.yandex_metrica.state import MetricaOptions, MetricaState

TOKEN = "simulated-metrica-token"  # noqa: S105 - no secret: it opens a simulator on the loopback only


def make(world: World, options: MetricaOptions, clock: Clock) -> YandexMetrica:
    return YandexMetrica(MetricaState(world, TOKEN, options))


def endpoint(world: World, base_url: str, vendor: YandexMetrica) -> Endpoint:
    counters = {str(number): clinic_id for number, clinic_id in vendor.state.counters.items()}
    return {"base_url": base_url, "token": TOKEN, "settings": {"counters": counters, "poll_seconds": 0.2}}


SIMULATOR = SimulatorSpec("yandex_metrica", make, endpoint, options=MetricaOptions(), quick=MetricaOptions(polls=1))
