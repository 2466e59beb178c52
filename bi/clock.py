"""Moments on the clock of the clinic where they happened: the days of all figures are its local days, so the hours
beside them must be too.
"""

from __future__ import annotations

from collections.abc import Mapping

from bi.identity import literal

NETWORK = ""  # under this name: the zone of what has no clinic


def on_the_clock(column: str, zones: Mapping[str, str], clinic: str | None = None) -> str:
    """SQL of a moment as the wall of that row's clinic shows it. `clinic`: the column that names it."""
    of_network = zones.get(NETWORK, "UTC")
    others = {name: zone for name, zone in sorted(zones.items()) if name and zone != of_network}
    if clinic is None or not others:
        return f"({column} at time zone {literal(of_network)})"
    whens = " ".join(f"when {literal(name)} then {literal(zone)}" for name, zone in others.items())
    return f"({column} at time zone case {clinic} {whens} else {literal(of_network)} end)"
