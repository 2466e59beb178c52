"""Makes a Metabase show each group of employees what it may read; run again, it changes only what differs.

Nothing in Metabase itself keeps rows apart in its open edition: whoever may open a question runs it under the
question's connection. So each group has a connection with a login of its own, and the wall between groups is who may
open which collection. It is built before anything stands behind it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bi.metabase.client import Metabase, StaleRevision, expect, listed
from bi.metabase.fields import field_updates
from bi.metabase.groups import Group
from bi.metabase.questions import Function, card_body, dashboard_body, hash_of, questions_of
from bi.metabase.titles import title_of
from extractors.core.errors import RejectedError, TransientError

NAME = "Chairside: {}"
SYNC_SECONDS = 600.0
STEP = 3.0
REVISIONS = 5  # how often a graph that somebody else changes meanwhile is read again


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    """Where Metabase finds the warehouse: as seen from there, which need not be as seen from here."""

    host: str
    port: int
    database: str
    ssl: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What stands for a group in Metabase."""

    group: int
    database: int
    collection: int


def provision(
    metabase: Metabase,
    warehouse: Warehouse,
    groups: Sequence[Group],
    functions: Sequence[Function],
    *,
    language: str = "en",
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Connections, groups, walls, then field types, questions and dashboards. Raises ChairsideError."""
    places = {}
    for group in groups:
        places[group.name] = Place(
            group=ensure_group(metabase, NAME.format(group.name)),
            database=ensure_database(metabase, warehouse, group),
            collection=ensure_collection(metabase, NAME.format(group.name), group),
        )
    build_walls(metabase, groups, places)
    for group in groups:
        place = places[group.name]
        tables = wait_for_sync(metabase, place.database, group, clock)
        for field, name, update in field_updates(tables, group.relations, group.joins):
            metabase.put(f"/field/{field}", update, f"{group.name}: field {name}")
        for report in group.reports:
            ensure_dashboard(metabase, place, group, report, functions, language)
        put_away(metabase, place, group, functions, language)
        say(f"{group.name}: {len(group.relations)} tables and views as {group.role}")
        for report in group.own_rows_only:
            say(f"{group.name}: {report} is left out, its right is on own rows only")


def ensure_group(metabase: Metabase, name: str) -> int:
    for group in expect(metabase.get("/permissions/group"), list, "permissions/group"):
        if group["name"] == name:
            return int(group["id"])
    return int(metabase.post("/permissions/group", {"name": name}, f"group {name}")["id"])


def ensure_database(metabase: Metabase, warehouse: Warehouse, group: Group) -> int:
    """A connection of the group's login. Metabase does not show its password: where it fails to connect, sent anew."""
    name = NAME.format(group.name)
    details = {
        "host": warehouse.host, "port": warehouse.port, "dbname": warehouse.database, "user": group.role,
        "ssl": warehouse.ssl, "schema-filters-type": "inclusion", "schema-filters-patterns": "marts,reports",
        "tunnel-enabled": False,
    }  # fmt: skip
    body = {"name": name, "engine": "postgres", "details": {**details, "password": group.password}}
    for database in listed(metabase.get("/database"), "database"):
        if database["name"] != name:
            continue
        known = database.get("details") or {}
        differs = {key for key, value in details.items() if known.get(key) != value}
        # Metabase turns ssl on by itself where the server offers it
        if differs - {"ssl"} or metabase.get(f"/database/{database['id']}/healthcheck").get("status") != "ok":
            metabase.put(f"/database/{database['id']}", body, f"connection {name}: changed")
        return int(database["id"])
    created = metabase.post("/database", {**body, "is_full_sync": True, "is_on_demand": False}, f"connection {name}")
    return int(expect(created, dict, "database")["id"])


def ensure_collection(metabase: Metabase, name: str, group: Group) -> int:
    mark = f"chairside:{group.role}"
    for collection in expect(metabase.get("/collection"), list, "collection"):
        if mark in (collection.get("description") or "") and not collection.get("archived"):
            return int(collection["id"])
    body = {"name": name, "description": f"Kept by `make metabase`. {mark}", "parent_id": None}
    return int(metabase.post("/collection", body, f"collection {name}")["id"])


def build_walls(metabase: Metabase, groups: Sequence[Group], places: Mapping[str, Place]) -> None:
    """Each connection and collection is its own group's alone; All Users and every other group are shut out."""
    everybody = {
        int(group["id"])
        for group in expect(metabase.get("/permissions/group"), list, "permissions/group")
        # administrators may everything, and nobody can change that
        if group.get("magic_group_type") != "admin" and group["name"] != "Administrators"
    }

    def data(graph: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Databases by group that are not yet as they should be. What is missing in the graph is the least there is."""
        wanted: dict[str, dict[str, Any]] = {}
        for group in groups:
            place = places[group.name]
            sql = "query-builder-and-native" if group.writes_sql else "query-builder"
            for one in sorted(everybody):
                now = graph.get(str(one), {}).get(str(place.database), {})
                create = sql if one == place.group else "no"
                change: dict[str, Any] = {}
                if now.get("create-queries", "no") != create:
                    change["create-queries"] = create
                if one == place.group and now.get("view-data") != "unrestricted":
                    change["view-data"] = "unrestricted"
                if change:
                    wanted.setdefault(str(one), {})[str(place.database)] = change
        return wanted

    def collections(graph: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        wanted: dict[str, dict[str, Any]] = {}
        for place in places.values():
            for one in sorted(everybody):
                may = "read" if one == place.group else "none"
                if graph.get(str(one), {}).get(str(place.collection), "none") != may:
                    wanted.setdefault(str(one), {})[str(place.collection)] = may
        return wanted

    change_graph(metabase, "/permissions/graph", data, "rights on connections")
    change_graph(metabase, "/collection/graph", collections, "rights on collections")


def change_graph(
    metabase: Metabase, path: str, wanted: Callable[[Mapping[str, Any]], dict[str, dict[str, Any]]], what: str
) -> None:
    """Send what differs with the revision that was read; if somebody was quicker, read again. Raises TransientError."""
    for _attempt in range(REVISIONS):
        graph = expect(metabase.get(path), dict, path)
        change = wanted(graph["groups"])
        if not change:
            return
        try:
            metabase.put(path, {"revision": graph["revision"], "groups": change}, what)
        except StaleRevision:
            continue
        return
    raise TransientError(f"Metabase, {path}: somebody else keeps changing it. Run make metabase again later")


def wait_for_sync(
    metabase: Metabase, database: int, group: Group, clock: Callable[[], float]
) -> list[dict[str, Any]]:
    """The tables that Metabase found, once they are all there. Raises TransientError naming those that are missing."""
    wanted = {
        (relation.schema, relation.name, column.name) for relation in group.relations for column in relation.columns
    }
    end = clock() + SYNC_SECONDS
    asked = False
    while True:
        answer = expect(metabase.get(f"/database/{database}/metadata", include_hidden="true"), dict, "metadata")
        tables = expect(answer["tables"], list, "tables")
        found = {(table["schema"], table["name"], field["name"]) for table in tables for field in table["fields"]}
        missing = sorted({f"{schema}.{name}" for schema, name, _column in wanted - found})
        if not missing:
            return tables
        if not asked:
            metabase.post(f"/database/{database}/sync_schema", {})
            asked = True
        if clock() > end:
            raise TransientError(
                f"Metabase has not found {', '.join(missing[:5])} ({len(missing)} in all) of connection {database}"
                f" after {SYNC_SECONDS:.0f} s. Look at Admin, Databases there, then run make metabase again"
            )
        metabase.sleep(STEP)


def ensure_dashboard(
    metabase: Metabase, place: Place, group: Group, report: str, functions: Iterable[Function], language: str
) -> None:
    """The questions of a report and the dashboard that shows them. A mark in the description says what we sent last."""
    questions = questions_of(report, functions, group.relations, language)
    if not questions:
        return
    items = items_of(metabase, place)
    cards: dict[str, int] = {}
    for question in questions:
        mark = f"chairside:{question.key}#"
        body = card_body(
            question, database=place.database, collection=place.collection, mark=mark + question.hash, language=language
        )
        cards[question.key] = ensure_item(
            metabase, items, "card", mark, question.hash, body, f"{group.name}: question {question.title}"
        )
    title = title_of(report, language)
    mark = f"chairside:{report}/dashboard#"
    shown = dashboard_body(questions, cards, language)
    version = "".join(question.hash[:4] for question in questions) + hash_of(shown["parameters"])[:4]
    first = {"name": title, "description": mark + version, "collection_id": place.collection}
    what = f"{group.name}: dashboard {title}"
    there = find(items, "dashboard", mark)
    if there is None:
        # Marked as finished only with the questions on it: a run that stops between the two is made up for by the next.
        created = metabase.post("/dashboard", {**first, "description": mark, "parameters": shown["parameters"]}, what)
        metabase.put(f"/dashboard/{created['id']}", {**first, **shown})
    elif not there["description"].endswith(mark + version):
        metabase.put(f"/dashboard/{there['id']}", {**first, **shown}, f"{what}: changed")


def ensure_item(
    metabase: Metabase,
    items: Iterable[Mapping[str, Any]],
    model: str,
    mark: str,
    version: str,
    body: Mapping[str, Any],
    what: str,
) -> int:
    there = find(items, model, mark)
    if there is None:
        created = metabase.post(f"/{model}", body, what)
        if not isinstance(created, dict) or "id" not in created:
            raise RejectedError(f"Metabase did not make the {what}")
        return int(created["id"])
    if not there["description"].endswith(mark + version):
        metabase.put(f"/{model}/{there['id']}", body, f"{what}: changed")
    return int(there["id"])


def put_away(
    metabase: Metabase, place: Place, group: Group, functions: Sequence[Function], language: str
) -> None:
    """Questions and dashboards of ours on what the group may no longer read go to the trash, from where they return."""
    kept = {f"chairside:{report}/dashboard#" for report in group.reports} | {
        f"chairside:{question.key}#"
        for report in group.reports
        for question in questions_of(report, functions, group.relations, language)
    }
    for item in items_of(metabase, place):
        mark = re.search(r"chairside:\S+#", item.get("description") or "")
        if mark and mark.group() not in kept:
            metabase.put(f"/{item['model']}/{item['id']}", {"archived": True}, f"{group.name}: {item['name']} put away")


def items_of(metabase: Metabase, place: Place) -> list[dict[str, Any]]:
    path = f"/collection/{place.collection}/items"
    return listed(metabase.get(path, models=["card", "dashboard"]), "collection items")


def find(items: Iterable[Mapping[str, Any]], model: str, mark: str) -> Mapping[str, Any] | None:
    """The item of that kind with our mark, whatever people called it since."""
    return next((item for item in items if item["model"] == model and mark in (item.get("description") or "")), None)
