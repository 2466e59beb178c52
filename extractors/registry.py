"""Every source that can be loaded. Adding one is one import and one name here."""

from __future__ import annotations

from extractors.core.errors import ConfigError
from extractors.core.spec import SourceSpec, StreamSpec
from extractors.sources import bitrix24, calltouch, open_dental, yandex_direct

SOURCES: dict[str, SourceSpec] = {
    module.SOURCE.name: module.SOURCE for module in (yandex_direct, calltouch, bitrix24, open_dental)
}


def source(name: str) -> SourceSpec:
    """The source of that name. Raises ConfigError listing the known ones."""
    if name not in SOURCES:
        raise ConfigError(f"There is no source {name!r}. Known: {', '.join(SOURCES)}.")
    return SOURCES[name]


def all_streams() -> tuple[StreamSpec, ...]:
    """Streams of all sources; `warehouse.migrate` makes a landed table of each."""
    return tuple(stream for spec in SOURCES.values() for stream in spec.streams)
