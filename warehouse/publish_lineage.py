"""What a trace needs beside the rows of reports: the loads that wrote rows, and the versions of the metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from extractors.registry import all_streams
from warehouse.define import Definition, read_definitions
from warehouse.define_trace import TRACE_PREFIX, trace_text
from warehouse.define_versions import Version, hashes, read_versions
from warehouse.publish_manifest import Manifest
from warehouse.publish_reports import ReportFile
from warehouse.publish_tables import Connection

# A load that was still running at the last publication may have begun before one that had ended by then.
LONGEST_LOAD_DAYS = 3


def trace_files(folder: Path) -> tuple[ReportFile, ...]:
    """The trace function of each report that `folder` defines; none where there is no such folder."""
    versions = read_versions(folder)
    return tuple(
        ReportFile(name=f"{TRACE_PREFIX}{one.report}.sql", report=one.right, text=trace_text(one, versions))
        for one in read_definitions(folder)
    )


def record_lineage(connection: Connection, publication_id: int, manifest: Manifest, folder: Path) -> None:
    """Open new loads to readers, number the rules of this publication, keep the definitions it was made with."""
    open_loads(connection, manifest.stream_kinds)
    connection.execute(
        """
        update history.publications as kept
        set rule_version = 1 + (
            select count(*) from ops.publications_with_new_rules as changed
            where changed.publication_id <= kept.publication_id
        )
        where kept.publication_id = %s
        """,
        (publication_id,),
    )
    _record_metrics(connection, publication_id, read_definitions(folder), read_versions(folder))


def open_loads(connection: Connection, kinds: Mapping[tuple[str, str], Sequence[str]]) -> None:
    windows = {(stream.source, stream.name) for stream in all_streams() if stream.replace == "window"}
    connection.execute(
        """
        insert into history.loads (
            run_id, source, stream, kinds, window_from, window_to, replaces_window, started_at, finished_at
        )
        select
            loads.run_id, loads.source, loads.stream, array(select jsonb_array_elements_text(known.kinds)),
            loads.window_from, loads.window_to, known.replaces_window, loads.started_at, loads.finished_at
        from ops.loads
        inner join jsonb_to_recordset(%s::jsonb)
            as known (source text, stream text, kinds jsonb, replaces_window boolean)
            on known.source = loads.source and known.stream = loads.stream
        where
            loads.status = 'succeeded'
            and loads.rows_written > 0
            and loads.started_at > coalesce(
                -- of a clock that went ahead once nothing follows
                (
                    select max(earlier.started_at) from history.loads as earlier
                    where earlier.started_at <= clock_timestamp()
                ) - make_interval(days => %s),
                '-infinity'
            )
            and not exists (
                select from history.loads as opened
                where opened.started_at = loads.started_at and opened.run_id = loads.run_id
                    and opened.source = loads.source and opened.stream = loads.stream
                    and opened.window_from is not distinct from loads.window_from
                    and opened.window_to is not distinct from loads.window_to
            )
        """,
        (
            json.dumps(
                [
                    {"source": source, "stream": stream, "kinds": made, "replaces_window": (source, stream) in windows}
                    for (source, stream), made in kinds.items()
                ]
            ),
            LONGEST_LOAD_DAYS,
        ),
    )


def _record_metrics(
    connection: Connection,
    publication_id: int,
    definitions: Sequence[Definition],
    versions: Mapping[str, Sequence[Version]],
) -> None:
    now = hashes(definitions)
    rows = []
    for one in definitions:
        for name, metric in one.metrics.items():
            for version in versions.get(f"{one.report}.{name}", ()):
                is_now = version.hash == now[f"{one.report}.{name}"]
                said = (metric.words.en, metric.words.ru, metric.owner, metric.formula) if is_now else (None,) * 4
                rows.append(
                    (one.report, name, version.number, version.on, version.hash, version.what, *said,
                     publication_id if is_now else None)
                )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.metric_versions (report, metric, version, defined_on, definition_hash, what_changed,"
            " words_en, words_ru, owner, formula, first_published_in)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            rows,
        )
