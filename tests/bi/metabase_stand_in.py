"""A Metabase for tests, written from its API pages and its source (versions 50 to 58), not from our client.

An HTTP server that knows the endpoints that setting up needs and no others, and is as strict as Metabase: who asks,
which fields a body may have and of what type, ids that must exist, revisions of both permission graphs. Its sync asks
the warehouse, as the connection's login, with the same questions to the catalog that Metabase's driver asks. What it
does not have: everything else. It is no proof that a real Metabase does the same.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.bi.metabase_shapes import (
    CARD,
    COLLECTION,
    DASHBOARD,
    DASHBOARD_CHANGE,
    DASHCARD,
    DATABASE,
    DB_PERMS,
    FIELD,
    FIELDS,
    FOREIGN_KEYS,
    GRAPH,
    LIST,
    MAP,
    NUMBER,
    SEMANTIC_TYPES,
    TABLES,
    TAG_TYPES,
    TEXT,
    YES,
    Refused,
    checked,
    guessed,
    known,
)

USER, PASSWORD, API_KEY = "admin@example.org", "an-invented-password", "mb_an-invented-key"
ADMINISTRATORS, ALL_USERS = 2, 1


@dataclass(slots=True)
class StandIn:
    """What this Metabase holds, and every request that it answered: (method, path, status)."""

    sessions: set[str] = field(default_factory=set)
    groups: dict[int, dict[str, Any]] = field(default_factory=dict)
    databases: dict[int, dict[str, Any]] = field(default_factory=dict)
    tables: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    collections: dict[int, dict[str, Any]] = field(default_factory=dict)
    cards: dict[int, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[int, dict[str, Any]] = field(default_factory=dict)
    data_graph: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    collection_graph: dict[str, dict[str, str]] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=lambda: {"data": 1, "collections": 1})
    log: list[tuple[str, str, int]] = field(default_factory=list)
    before_put: list[Callable[[], None]] = field(default_factory=list)
    is_superuser: bool = True
    fail_next: list[int] = field(default_factory=list)
    _last_id: int = 100
    _lock: Any = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.groups = {
            ALL_USERS: {"id": ALL_USERS, "name": "All Users", "magic_group_type": "all-internal-users"},
            ADMINISTRATORS: {"id": ADMINISTRATORS, "name": "Administrators", "magic_group_type": "admin"},
            3: {"id": 3, "name": "Bookkeepers", "magic_group_type": None},
        }

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    # ---- the routes, each with what the API page says of it

    def session(self, body: dict[str, Any]) -> dict[str, Any]:
        checked(body, {"username": (TEXT, True), "password": (TEXT, True)})
        if (body["username"], body["password"]) != (USER, PASSWORD):
            raise Refused(401, {"errors": {"password": "did not match stored password"}})
        token = secrets.token_hex(16)
        self.sessions.add(token)
        return {"id": token}

    def add_group(self, body: dict[str, Any]) -> dict[str, Any]:
        checked(body, {"name": (TEXT, True), "is_tenant_group": (YES, False)})
        if body["name"] in {group["name"] for group in self.groups.values()}:
            raise Refused(400, {"errors": {"name": "a group with that name already exists"}})
        number = self.next_id()
        self.groups[number] = {"id": number, "name": body["name"], "magic_group_type": None}
        return self.groups[number]

    def shown_database(self, number: int) -> dict[str, Any]:
        database = self.databases[number]
        return {**database, "details": {**database["details"], "password": "**MetabasePass**"}}

    def put_database(self, number: int | None, body: dict[str, Any]) -> dict[str, Any]:
        checked(body, DATABASE if number is None else {name: (kind, False) for name, (kind, _) in DATABASE.items()})
        details = dict(body["details"])
        if number is not None and details.get("password") == "**MetabasePass**":
            details["password"] = self.databases[number]["details"]["password"]
        if body["engine"] != "postgres" or not self.connects(details):
            raise Refused(400, {"errors": {"password": "did not connect"}, "message": "FATAL"})
        number = number or self.next_id()
        self.databases[number] = {"id": number, "name": body["name"], "engine": "postgres", "details": details}
        if number not in self.tables:
            self.tables[number] = []
            # of a new database everybody may ask everything, until somebody says no
            for group in self.groups:
                self.data_graph.setdefault(str(group), {})[str(number)] = {
                    "view-data": "unrestricted", "create-queries": "query-builder-and-native",
                }  # fmt: skip
            self.sync(number)
        return self.shown_database(number)

    def connects(self, details: Mapping[str, Any]) -> bool:
        try:
            self.connect(details).close()
        except psycopg.Error:
            return False
        return True

    def connect(self, details: Mapping[str, Any]) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host=details["host"], port=details["port"], dbname=details["dbname"], user=details["user"],
            password=details["password"], autocommit=True,
        )  # fmt: skip

    def sync(self, number: int) -> dict[str, Any]:
        """As the connection's login, with the catalog queries of Metabase's driver; what people set on fields stays."""
        details = self.databases[number]["details"]
        if details.get("schema-filters-type") != "inclusion":
            raise Refused(400, {"errors": {"details": "all schemas would be read"}})
        schemas = details["schema-filters-patterns"].split(",")
        kept = {(t["schema"], t["name"], f["name"]): f for t in self.tables[number] for f in t["fields"]}
        ids = {(t["schema"], t["name"]): t["id"] for t in self.tables[number]}
        with self.connect(details) as connection:
            tables = connection.execute(TABLES, (schemas,)).fetchall()
            fields = connection.execute(FIELDS, (schemas,)).fetchall()
            keys = connection.execute(FOREIGN_KEYS, (schemas,)).fetchall()
        found = {
            (schema, name): {
                "id": ids.get((schema, name)) or self.next_id(), "schema": schema, "name": name,
                "description": description, "fields": [],
            }
            for schema, name, description in tables
        }  # fmt: skip
        for schema, table, column, kind, is_key, comment in fields:
            if (schema, table) in found:
                known = kept.get((schema, table, column))
                found[schema, table]["fields"].append(known or {
                    "id": self.next_id(), "name": column, "database_type": kind, "description": comment,
                    "semantic_type": "type/PK" if is_key else guessed(column), "fk_target_field_id": None,
                    "settings": None,
                })  # fmt: skip
        place = {(t["schema"], t["name"], f["name"]): f for t in found.values() for f in t["fields"]}
        for schema, table, column, to_schema, to_table, to_column in keys:
            child, parent = place.get((schema, table, column)), place.get((to_schema, to_table, to_column))
            if child and parent and (schema, table, column) not in kept:
                child |= {"semantic_type": "type/FK", "fk_target_field_id": parent["id"]}
        self.tables[number] = list(found.values())
        return {"status": "ok"}

    def put_field(self, number: int, body: dict[str, Any]) -> dict[str, Any]:
        checked(body, FIELD)
        everywhere = {f["id"]: f for tables in self.tables.values() for t in tables for f in t["fields"]}
        known(everywhere, number)
        if body.get("semantic_type") not in {None, *SEMANTIC_TYPES}:
            raise Refused(400, {"errors": {"semantic_type": "unknown"}})
        if body.get("fk_target_field_id") is not None and body["fk_target_field_id"] not in everywhere:
            raise Refused(400, {"errors": {"fk_target_field_id": "Invalid target field"}})
        everywhere[number].update(body)
        return {**everywhere[number]}

    def add_collection(self, body: dict[str, Any]) -> dict[str, Any]:
        checked(body, COLLECTION)
        number = self.next_id()
        self.collections[number] = {"id": number, "archived": False, "location": "/", **body}
        # a collection begins with the permissions of its parent: all users may write where they may write at the root
        for group in self.groups:
            if group != ADMINISTRATORS:
                self.collection_graph.setdefault(str(group), {})[str(number)] = "write"
        return self.collections[number]

    def items(self, number: int, query: Mapping[str, list[str]]) -> dict[str, Any]:
        known(self.collections, number)
        models = query.get("models", ["card", "dashboard"])
        found = [
            {"model": model, "id": item["id"], "name": item["name"], "description": item.get("description")}
            for model, held in (("card", self.cards), ("dashboard", self.dashboards))
            if model in models
            for item in held.values()
            if item.get("collection_id") == number and not item.get("archived")
        ]
        return {"total": len(found), "data": found, "models": models, "limit": None, "offset": None}

    def put_card(self, number: int | None, body: dict[str, Any]) -> dict[str, Any]:
        shape = {**CARD, "archived": (YES, False)}
        checked(body, CARD if number is None else {name: (kind, False) for name, (kind, _) in shape.items()})
        if query := body.get("dataset_query"):
            checked(query, {"type": (TEXT, True), "database": (NUMBER, True), "native": (MAP, True)})
            known(self.databases, query["database"])
            checked(query["native"], {"query": (TEXT, True), "template-tags": (MAP, False)})
            variables = set(re.findall(r"{{\s*(\w+)\s*}}", query["native"]["query"]))
            tags = query["native"]["template-tags"]
            if set(tags) != variables:
                raise Refused(400, {"errors": {"template-tags": "differ from the variables of the query"}})
            for name, tag in tags.items():
                checked(tag, {"id": (TEXT, True), "name": (TEXT, True), "display-name": (TEXT, True),
                              "type": (TEXT, True), "required": (YES, False), "default": (TEXT, False)})  # fmt: skip
                if tag["name"] != name or tag["type"] not in TAG_TYPES:
                    raise Refused(400, {"errors": {"template-tags": name}})
        if body.get("collection_id") is not None:
            known(self.collections, body["collection_id"])
        number = number if number is not None else self.next_id()
        self.cards[number] = {"id": number, **self.cards.get(number, {}), **body}
        return self.cards[number]

    def put_dashboard(self, number: int | None, body: dict[str, Any]) -> dict[str, Any]:
        checked(body, DASHBOARD if number is None else DASHBOARD_CHANGE)
        names = [parameter["id"] for parameter in body.get("parameters", ())]
        for parameter in body.get("parameters", ()):
            checked(parameter, {"id": (TEXT, True), "name": (TEXT, True), "slug": (TEXT, True), "type": (TEXT, True),
                                "sectionId": (TEXT, False), "default": (TEXT, False)})  # fmt: skip
        if len(set(names)) != len(names):
            raise Refused(400, {"errors": {"parameters": "the same id twice"}})
        for dashcard in body.get("dashcards", ()):
            checked(dashcard, DASHCARD)
            known(self.cards, dashcard["card_id"])
            if dashcard["col"] + dashcard["size_x"] > 24:
                raise Refused(400, {"errors": {"size_x": "beyond the grid"}})
            tags = self.cards[dashcard["card_id"]]["dataset_query"]["native"]["template-tags"]
            for mapping in dashcard["parameter_mappings"]:
                checked(mapping, {"parameter_id": (TEXT, True), "card_id": (NUMBER, False), "target": (LIST, True)})
                kind, (tag_kind, tag) = mapping["target"]
                if (kind, tag_kind) != ("variable", "template-tag") or tag not in tags:
                    raise Refused(400, {"errors": {"target": str(mapping["target"])}})
                if mapping["parameter_id"] not in names:
                    raise Refused(400, {"errors": {"parameter_id": "of no parameter"}})
        number = number if number is not None else self.next_id()
        self.dashboards[number] = {"id": number, **self.dashboards.get(number, {}), **body}
        return self.dashboards[number]

    def shown_data_graph(self) -> dict[str, Any]:
        """The least permission of a kind is left out, as Metabase does."""
        groups = {
            group: {
                database: {kind: value for kind, value in perms.items() if value != "no"}
                for database, perms in databases.items()
            }
            for group, databases in self.data_graph.items()
        }
        return {"revision": self.revisions["data"], "groups": groups}

    def put_graph(self, which: str, body: dict[str, Any]) -> dict[str, Any]:
        checked(body, GRAPH)
        for interfere in self.before_put[:]:
            self.before_put.remove(interfere)
            interfere()
        if body.get("revision") != self.revisions[which]:
            raise Refused(409, "Looks like someone else edited the permissions and your data is out of date.")
        for group, changes in body["groups"].items():
            known(self.groups, int(group))
            if int(group) == ADMINISTRATORS:
                raise Refused(400, "You cannot change the permissions of administrators.")
            for thing, value in changes.items():
                if which == "collections":
                    known(self.collections, int(thing))
                    if value not in ("read", "write", "none"):
                        raise Refused(400, {"errors": {"groups": value}})
                    self.collection_graph.setdefault(group, {})[thing] = value
                    continue
                known(self.databases, int(thing))
                for kind, level in value.items():
                    if kind == "view-data" and level == "blocked":
                        raise Refused(402, "only enabled if you have a premium token")
                    if kind not in DB_PERMS or level not in DB_PERMS[kind]:
                        raise Refused(400, {"errors": {"groups": kind}})
                self.data_graph.setdefault(group, {}).setdefault(thing, {}).update(value)
        self.revisions[which] += 1
        return self.shown_data_graph() if which == "data" else self.shown_collection_graph()

    def shown_collection_graph(self) -> dict[str, Any]:
        return {"revision": self.revisions["collections"], "groups": self.collection_graph}

    # ---- who asks for what

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: dict[str, Any]
    ) -> tuple[int, Any]:
        with self._lock:
            parts = urlsplit(target)
            try:
                status, found = 200, self.route(method, parts.path, parse_qs(parts.query), headers, body)
                if found is None:
                    status = 204
            except Refused as refused:
                status, found = refused.status, refused.body
            self.log.append((method, parts.path, status))
            return status, found

    def route(
        self, method: str, path: str, query: Mapping[str, list[str]], headers: Mapping[str, str], body: dict[str, Any]
    ) -> Any:  # noqa: ANN401 - whatever JSON holds
        if self.fail_next:
            raise Refused(self.fail_next.pop(0))
        if (method, path) == ("GET", "/api/session/properties"):
            return {"has-user-setup": True, "version": {"tag": "v0.58.0"}}
        if (method, path) == ("POST", "/api/session"):
            return self.session(body)
        token = headers.get("X-Metabase-Session")
        if headers.get("x-api-key") != API_KEY and token not in self.sessions:
            raise Refused(401, "Unauthenticated")
        if (method, path) == ("DELETE", "/api/session"):
            self.sessions.discard(str(token))
            return None
        if (method, path) == ("GET", "/api/user/current"):
            return {"id": 1, "email": USER, "is_superuser": self.is_superuser}
        if not self.is_superuser:
            raise Refused(403, "You don't have permissions to do that.")
        for pattern, handle in self.routes(method, query, body).items():
            if found := re.fullmatch(pattern, path):
                return handle(*map(int, found.groups()))
        raise Refused(404, "API endpoint does not exist.")

    def routes(
        self, method: str, query: Mapping[str, list[str]], body: dict[str, Any]
    ) -> dict[str, Callable[..., Any]]:
        if method == "GET":
            return {
                r"/api/permissions/group": lambda: [{**g, "member_count": 0} for g in self.groups.values()],
                r"/api/permissions/graph": self.shown_data_graph,
                r"/api/collection/graph": self.shown_collection_graph,
                r"/api/collection": lambda: [{"id": "root", "name": "Our analytics"}, *self.collections.values()],
                r"/api/collection/(\d+)/items": lambda number: self.items(number, query),
                r"/api/database": lambda: {
                    "data": [self.shown_database(number) for number in self.databases], "total": len(self.databases),
                },
                r"/api/database/(\d+)/healthcheck": lambda number: {
                    "status": "ok" if self.connects(self.databases[number]["details"]) else "error"
                },
                r"/api/database/(\d+)/metadata": lambda number: {
                    **self.shown_database(number), "tables": self.tables[number],
                },
            }  # fmt: skip
        if method == "POST":
            return {
                r"/api/permissions/group": lambda: self.add_group(body),
                r"/api/collection": lambda: self.add_collection(body),
                r"/api/database": lambda: self.put_database(None, body),
                r"/api/database/(\d+)/sync_schema": self.sync,
                r"/api/card": lambda: self.put_card(None, body),
                r"/api/dashboard": lambda: self.put_dashboard(None, body),
            }
        if method == "PUT":
            return {
                r"/api/permissions/graph": lambda: self.put_graph("data", body),
                r"/api/collection/graph": lambda: self.put_graph("collections", body),
                r"/api/database/(\d+)": lambda number: self.put_database(known(self.databases, number), body),
                r"/api/field/(\d+)": lambda number: self.put_field(number, body),
                r"/api/card/(\d+)": lambda number: self.put_card(known(self.cards, number), body),
                r"/api/dashboard/(\d+)": lambda number: self.put_dashboard(known(self.dashboards, number), body),
            }
        return {}


@contextmanager
def serving(metabase: StandIn) -> Iterator[str]:
    """Its address on this machine, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, found = metabase.answer(self.command, self.path, self.headers, body)  # type: ignore[arg-type]
            sent = b"" if status == 204 else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *arguments: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
