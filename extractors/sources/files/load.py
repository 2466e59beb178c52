"""Loading a folder of import files: which file is which kind, in what order, and what is written in the journal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
from psycopg import Connection

from extractors.core.errors import ConfigError
from extractors.kinds import KINDS, Kind
from extractors.sources.files.aliases import match_headers
from extractors.sources.files.land import Source, Stamp, land
from extractors.sources.files.mapping import FileMapping, Inline, Mapped, Output, cell_at
from extractors.sources.files.mapping_file import apply_settings, read_mapping
from extractors.sources.files.readers import Binding
from extractors.sources.files.rows import RowReader, Surroundings
from extractors.sources.files.summary import FileResult, LoadSummary
from extractors.sources.files.tables import SUFFIXES, Options, Table, open_table

MAPPING_NAMES = ("mapping.yml", "mapping.yaml")
_QUIET = re.compile(
    r"(?:\..*|~\$.*|readme(?:\..*)?|source\.md|expected\.yml|mapping\.ya?ml|desktop\.ini|thumbs\.db)\Z", re.I
)


def load_inbox(url: str, inbox: Path, *, mapping: Path | None = None, run_id: str, now: datetime) -> LoadSummary:
    """Load every import file of a folder; the warehouse must have been migrated.

    `mapping` says how somebody's own files are read; null: `mapping.yml` of the folder, if there is one. A kind is
    one transaction. Raises ConfigError when the folder or the mapping is wrong; a file that cannot be read is an
    error in the summary, a row that cannot be understood is in `staging.rejected_rows`.
    """
    if not inbox.is_dir():
        raise ConfigError(f"There is no folder {inbox}. Give the folder that holds the import files.")
    if mapping is None:
        mapping = next((path for name in MAPPING_NAMES if (path := inbox / name).is_file()), None)
    mapped = read_mapping(mapping) if mapping is not None else Mapped()
    jobs, skipped, notes = plan(inbox, mapped)
    if not jobs:
        raise ConfigError(
            f"The folder {inbox} holds no import file. Name files by their kind (contacts.csv, contacts_2026-06.xlsx), "
            "or say in mapping.yml what they are. Kinds: " + ", ".join(kind.name for kind in KINDS) + "."
        )
    stamp = Stamp(run_id=run_id, now=now)
    results: list[FileResult] = []
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("select to_regclass('staging.settings')").fetchone() == (None,):
            raise ConfigError("The warehouse has no tables yet. Run warehouse.migrate first (`make load` does).")
        apply_settings(connection, mapped.settings)
        for kind in KINDS:  # clinics come first: the others need their zones
            if not any(job.kind is kind for job in jobs):
                continue
            around = surroundings(connection, kind)
            sources = [source_of(job, around) for job in jobs if job.kind is kind]
            found = land(connection, kind, sources, stamp)
            _journal(connection, kind, found, stamp)
            results.extend(found)
    return LoadSummary(run_id=run_id, files=tuple(results), skipped=tuple(skipped), warnings=tuple(notes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file as one kind: as the contract names its columns, as a mapping says, or rows of the mapping itself."""

    kind: Kind
    path: Path | None = None
    entry: FileMapping | None = None
    output: Output | None = None
    inline: Inline | None = None


def plan(inbox: Path, mapped: Mapped) -> tuple[list[Job], list[str], list[str]]:
    """What to read as what, names of unknown files, notes. A mapping's claim beats a file's name.

    Files go in order of their names without case, `contacts.csv` before `contacts_2026-06.csv`; of equal keys the
    later one wins.
    """
    paths = sorted(
        (path for path in inbox.iterdir() if path.is_file()), key=lambda path: (path.stem.casefold(), path.name)
    )
    paths += beside(inbox, mapped, paths)
    jobs = [Job(kind=inline.kind, inline=inline) for inline in mapped.inline]
    skipped: list[str] = []
    for path in paths:
        claims = [entry for entry in mapped.files if entry.claims(path.name)]
        if claims:
            jobs.extend(
                Job(kind=output.kind, path=path, entry=entry, output=output)
                for entry in claims
                for output in entry.outputs
            )
        elif _QUIET.match(path.name) or mapped.ignores(path.name):
            continue
        elif (kind := kind_of(path.name)) is not None:
            jobs.append(Job(kind=kind, path=path))
        else:
            skipped.append(path.name)
    notes = [
        f"the mapping names '{entry.pattern}', and no file of the folder is called so"
        for entry in mapped.files
        if not any(entry.claims(path.name) for path in paths)
    ]
    return jobs, skipped, notes


def beside(inbox: Path, mapped: Mapped, paths: Sequence[Path]) -> list[Path]:
    """Files in folders of the inbox that the mapping names, where the inbox itself has none of that name."""
    found = {
        path
        for entry in mapped.files
        if entry.folder and not any(entry.claims(path.name) for path in paths)
        for path in (inbox / entry.folder).glob("*")
        if path.is_file() and entry.claims(path.name)
    }
    return sorted(found)


def kind_of(name: str) -> Kind | None:
    """The kind that a file's name begins with: `contacts.csv`, `Contacts 2026-06.xlsx`, `ad_spend-2026.csv`."""
    path = Path(name)
    if path.suffix.lower() not in SUFFIXES:
        return None
    stem = re.sub(r"[\s\-]+", "_", path.stem.casefold())
    fitting = [kind for kind in KINDS if stem == kind.name or re.match(rf"{kind.name}[^a-zа-я]", stem)]
    return max(fitting, key=lambda kind: len(kind.name), default=None)


def surroundings(connection: Connection, kind: Kind) -> Surroundings:
    """Clinics, zones and settings as the warehouse knows them now."""
    settings: dict[str, str | None] = dict(connection.execute("select name, value from staging.settings").fetchall())
    zones = {
        clinic: ZoneInfo(zone)
        for clinic, zone in sorted(
            connection.execute("select clinic_id, time_zone from staging.files__clinics").fetchall()
        )
    }
    deal_clinics: dict[str, str] = {}
    if kind.name in ("deal_stages", "deal_leads") and len(set(zones.values())) > 1:
        deal_clinics = dict(
            connection.execute(
                "select deal_id, clinic_id from staging.files__deals where clinic_id is not null"
            ).fetchall()
        )
    default = settings.get("default_time_zone")
    return Surroundings(
        zones=zones,
        region=settings.get("phone_region") or "RU",
        default_zone=ZoneInfo(default) if default else None,
        deal_clinics=deal_clinics,
    )


def source_of(job: Job, around: Surroundings, *, file: str | None = None, table: Table | None = None) -> Source:
    """The job as what can be landed. `table`: rows of that file that are known already; the file is not opened."""
    opened: Callable[[], Table]
    if file is not None:
        name, opened = file, partial(_known, table)
    elif job.inline is not None:
        name, opened = job.inline.name, job.inline.table
    elif job.path is not None:
        options = job.entry.options if job.entry is not None else Options()
        name, opened = job.path.name, partial(open_table, job.path, options)
    else:
        raise AssertionError("a job has a path or rows of its own")
    return Source(
        file=name,
        kind=job.kind,
        open=opened,
        reader=partial(_reader, job, name, around),
        once_per_key=job.output is not None and job.output.once_per_key,
    )


def _known(table: Table | None) -> Table:
    assert table is not None  # noqa: S101 - a source without rows is asked for its reader only
    return table


def _reader(job: Job, file: str, around: Surroundings, table: Table) -> tuple[RowReader, tuple[str, ...]]:
    extras: Mapping[str, int]
    if job.output is not None and job.entry is not None:
        bindings, extras = job.output.bind(table.headers, where=file)
        around = job.entry.zoned(around)
    else:
        found = match_headers(job.kind, table.headers, where=file)
        bindings = [Binding(name, cell_at(position)) for name, position in found.columns.items()]
        extras = found.extras
    reader = RowReader(job.kind, bindings, extras, around, width=len(table.headers), separated=table.separated)
    return reader, tuple(name for name, position in extras.items() if table.headers[position])


def _journal(connection: Connection, kind: Kind, found: Sequence[FileResult], stamp: Stamp) -> None:
    errors = [file.error for file in found if file.error is not None]
    connection.execute(
        """
        insert into ops.loads
            (run_id, source, stream, started_at, finished_at, rows_read, rows_written, rows_rejected, status, message)
        values (%s, 'files', %s, %s, clock_timestamp(), %s, %s, %s, %s, %s)
        """,
        [
            stamp.run_id, kind.name, stamp.now, sum(file.read for file in found), sum(file.written for file in found),
            sum(file.rejected for file in found), "failed" if errors else "succeeded", _message(found, errors),
        ],
    )  # fmt: skip


def _message(found: Iterable[FileResult], errors: Sequence[str]) -> str | None:
    notes: Mapping[str, int] = {f"{file.file}: {text}": count for file in found for text, count in file.warnings}
    return "\n".join((*errors, *(f"{text} ({count})" for text, count in notes.items()))) or None
