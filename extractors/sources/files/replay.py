"""One row of an import file that was set aside, read and landed after all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from extractors.core.errors import PayloadError
from extractors.kinds import KINDS, Kind
from extractors.sources.files.land import Stamp, land
from extractors.sources.files.load import Job, source_of, surroundings
from extractors.sources.files.mapping_file import read_mapping
from extractors.sources.files.rows import Refusal
from extractors.sources.files.tables import Table

WITHOUT_ID = "its kind has no ids, so it is found by its file only: load the file again, the correction is read there"
LANDED = "its key is landed already: correct the key (`make fix`), or dismiss it"


def replay_row(
    connection: Connection[Any], kind_name: str, file: str, number: int, row: Mapping[str, Any],
    mapping: Path | None, *, is_fixed: bool, run_id: str, now: datetime,
) -> str | None:  # fmt: skip
    """Why the row waits still; null: it is landed. Raises PayloadError where it can be read but may not stand."""
    kind = next(kind for kind in KINDS if kind.name == kind_name)
    if kind.replace_by:
        return WITHOUT_ID
    table = Table(tuple(row), iter([(number, tuple(row.values()))]))
    job = _job(kind, file, mapping)
    around = surroundings(connection, kind)
    reader, _ = source_of(job, around, file=file).reader(table)
    read = reader.read(number, tuple(row.values()))
    if isinstance(read, Refusal):
        return f"{read.column}: {read.reason}" if read.column else read.reason
    if not is_fixed and _is_landed(connection, kind, dict(zip((c.name for c in kind.columns), read, strict=False))):
        return LANDED
    source = source_of(job, around, file=file, table=table)
    (result,) = land(connection, kind, [source], Stamp(run_id=run_id, now=now), replayed=True)
    if result.error is not None or result.rejected:
        raise PayloadError(result.error or "; ".join(why.text for why in result.reasons))
    return None


def _job(kind: Kind, file: str, mapping: Path | None) -> Job:
    """As the mapping reads the file, else by the contract's names."""
    if mapping is not None:
        for entry in read_mapping(mapping).files:
            for output in entry.outputs:
                if entry.claims(file) and output.kind is kind:
                    return Job(kind=kind, path=Path(file), entry=entry, output=output)
    return Job(kind=kind, path=Path(file))


def _is_landed(connection: Connection[Any], kind: Kind, values: Mapping[str, Any]) -> bool:
    same = sql.SQL(" and ").join(
        sql.SQL("{} is not distinct from {}").format(sql.Identifier(name), sql.Literal(values[name]))
        for name in kind.key if name in values
    )  # fmt: skip
    found = connection.execute(
        sql.SQL("select exists (select from {} where {})").format(sql.Identifier("staging", kind.table), same)
    )
    return found.fetchone() == (True,)
