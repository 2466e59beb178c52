"""Every source that can be loaded: the packages of `extractors.sources` that have a SOURCE, sorted by name."""

from __future__ import annotations

from extractors import sources
from extractors.core.discovery import exposed
from extractors.core.errors import ConfigError
from extractors.core.spec import SourceSpec, StreamSpec

SOURCES: dict[str, SourceSpec] = exposed(sources, "SOURCE")
# All that has a DAG, a schedule and rows set aside: the sources, and the import files.
WITH_FILES = (*SOURCES, "files")


def source(name: str) -> SourceSpec:
    """The source of that name. Raises ConfigError listing the known ones."""
    if name not in SOURCES:
        raise ConfigError(f"There is no source {name!r}. Known: {', '.join(SOURCES)}.")
    return SOURCES[name]


def require_known(name: str) -> None:
    """Raises ConfigError, listing the known ones, for what is neither a source nor `files`."""
    if name not in WITH_FILES:
        raise ConfigError(f"There is no source {name!r}. Known: {', '.join(WITH_FILES)}")


def all_streams() -> tuple[StreamSpec, ...]:
    """Streams of all sources; `warehouse.migrate` makes a landed table of each."""
    return tuple(stream for spec in SOURCES.values() for stream in spec.streams)
