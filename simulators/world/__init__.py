"""One invented city, deterministic by seed: the truth that the simulators serve and the tests compare with."""

from simulators.world.build import build_world
from simulators.world.model import World

__all__ = ["World", "build_world"]
