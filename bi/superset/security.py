"""Superset's users and roles follow the warehouse's employees and rights, at every request.

No password of an employee is kept by Superset, and no right is decided here: PostgreSQL decides, under the viewer's own
login. What Superset knows of rights only hides what would be refused.
"""

from __future__ import annotations

import hmac
import os
import threading
from codecs import BOM_UTF8
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, g, has_request_context, request, session
from flask_babel import get_locale
from flask_login import current_user, user_logged_in
from jinja2 import ChoiceLoader, FileSystemLoader
from superset.extensions import manifest_processor
from superset.security import SupersetSecurityManager

from bi.clock import on_the_clock
from bi.identity import literal
from bi.superset import lighter
from bi.superset.ahead import OPTIONS, ask_ahead, file_in
from bi.superset.answers import AHEAD, keep_answers
from bi.superset.bridge import Bridge, Viewer, login_of
from bi.superset.openings import Opening, Openings
from bi.superset.signed_in import NAME, counts_still, mark_of_password
from bi.superset.static_files import DASHBOARD_STYLES, FOR_DASHBOARDS, PREFIX

TEMPLATES = Path(__file__).resolve().parent / "templates"
DASHBOARDS = "/superset/dashboard/"
VIEWER = "Chairside viewer"  # the role that everybody has


def report_role(report: str) -> str:
    """Name of the Superset role that opens a report's dashboards."""
    return f"Report {report}"


def bridge() -> Bridge:
    """This server's bridge."""
    return bridge_of(current_app)


def bridge_of(app: Any) -> Bridge:  # noqa: ANN401 - Flask's application
    found: Bridge = app.config["CHAIRSIDE_BRIDGE"]
    return found


def viewer_of(username: str | None) -> Viewer | None:
    """The viewer, asked once a request: a page's charts are requests of their own, so a right taken counts at once."""
    known: dict[str | None, Viewer | None] = g.setdefault("chairside_viewers", {})
    if username not in known:
        known[username] = bridge().viewer(username)
    return known[username]


def viewer_asking() -> Viewer | None:
    """For whom a question to a dataset is made."""
    return viewer_of(getattr(getattr(g, "user", None), "username", None))


def may(report: str) -> bool:
    """For datasets' Jinja: whether the viewer holds the right. Only spares him an error: PostgreSQL decides."""
    viewer = viewer_asking()
    return viewer is not None and report in viewer.reports


def clock(column: str, clinic: str | None = None) -> str:
    """For datasets' Jinja: SQL of a moment on the clock of its clinic."""
    viewer = viewer_asking()
    return on_the_clock(column, viewer.zones if viewer else {}, clinic)


def currency() -> str:
    """For datasets' Jinja: SQL of the name of the currency that all amounts are in."""
    viewer = viewer_asking()
    return literal(viewer.currency if viewer else "")


def mark_of(viewer: Viewer | None) -> str | None:
    """What every kept answer is kept under: changes with the viewer, his rights, each publication and the day, from
    which "the last 90 days" count.
    """
    today = datetime.now().date()  # noqa: DTZ005 - as Superset counts
    return f"{viewer.database_role} {viewer.rights_version} {today}" if viewer else None


def own_mark() -> str | None:
    """Of whom the browser's cookie stands for; null for nobody, and for programs, which come with a token."""
    if "Authorization" in request.headers:
        return None
    return mark_of(viewer_of(getattr(current_user, "username", None)))


def password_mark(viewer: Viewer | None) -> str:
    """What a cookie or a token of that viewer carries."""
    return mark_of_password(current_app.config["SECRET_KEY"], viewer.sign_in_password if viewer else "")


def remember_password(_app: Flask, user: Any) -> None:  # noqa: ANN401 - FAB's user
    """At each sign-in: a new password ends what was signed in with the one before."""
    session[NAME] = password_mark(viewer_of(user.username))


def is_ahead() -> bool:
    """Whether Superset itself asks, before a viewer does."""
    return has_request_context() and bool(request.environ.get(AHEAD))


def open_as_viewer(uri: Any, params: dict[str, Any], username: str | None, *_others: Any) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401 - Superset's types
    """DB_CONNECTION_MUTATOR: the same warehouse, opened by the viewer's own login, wherever the asset points."""
    user, password = login_of(lambda: viewer_of(username))
    address = current_app.config["CHAIRSIDE_WAREHOUSE"].address()
    host, port, database = address["host"], address["port"], address["dbname"]
    query = {key: value for key, value in address.items() if key.startswith("ssl")}
    opened = uri.set(username=user, password=password, host=host, port=port, database=database, query=query)
    if is_ahead():
        given = params.get("connect_args", {})
        options = f"{given.get('options', '')} {OPTIONS}".strip()
        params = {**params, "connect_args": {**given, "options": options, "application_name": "chairside ahead"}}
    return opened, params


class EmployeesOnly(SupersetSecurityManager):  # type: ignore[misc]
    """Signs employees in, and nobody else."""

    giving = threading.Lock()
    role_names: frozenset[str] | None = None  # of the roles that `prepare` made: a start follows each change of them

    def __init__(self, appbuilder: Any) -> None:  # noqa: ANN401 - FAB's
        self._known_permissions: dict[int, frozenset[tuple[str, str]]] = {}
        super().__init__(appbuilder)

    def auth_user_db(self, username: str | None, password: str | None) -> Any:  # noqa: ANN401 - FAB's user
        """The user, made on the first sign-in; null for a wrong password or somebody who is no employee (any more)."""
        viewer = bridge().viewer(username)
        expected = viewer.sign_in_password if viewer else "x" * 27
        if not hmac.compare_digest(expected.encode(), (password or "").encode()) or viewer is None:
            return None
        user = self.find_user(username=viewer.database_role)
        if user is None:
            user = self.add_user(
                viewer.database_role, viewer.full_name, "", f"{viewer.database_role}@chairside.invalid", []
            )
        if not user:
            return None
        self.give_roles(user, viewer)
        self.update_user_auth_stat(user, True)
        return user

    def create_login_manager(self, app: Flask) -> Any:  # noqa: ANN401 - flask-login's
        manager = super().create_login_manager(app)
        manager.user_loader(self.user_of_cookie)
        user_logged_in.connect(remember_password)  # not of `app`: it stands for the application, and is not it
        return manager

    def create_jwt_manager(self, app: Flask) -> Any:  # noqa: ANN401 - flask-jwt-extended's
        manager = super().create_jwt_manager(app)
        manager.additional_claims_loader(self.claims_of)
        return manager

    def claims_of(self, pk: str) -> dict[str, str]:
        """What each token says beside whose it is."""
        user = self.get_user_by_id(int(pk))
        return {NAME: password_mark(viewer_of(user.username) if user else None)}

    def user_of_cookie(self, pk: int) -> Any:  # noqa: ANN401 - FAB's user
        return self._signed_in_still(pk, session.get(NAME))

    def load_user_jwt(self, _header: Any, claims: dict[str, Any]) -> Any:  # noqa: ANN401 - FAB's user
        if user := self._signed_in_still(int(claims["sub"]), claims.get(NAME)):
            g.user = user  # as FAB does: a token comes after the request began
        return user

    def _signed_in_still(self, pk: int, carried: object) -> Any:  # noqa: ANN401 - FAB's user
        """The user; null where his password was made anew since that cookie or token."""
        user = self.load_user(pk)
        viewer = viewer_of(user.username) if user else None
        if viewer is None or not counts_still(carried, current_app.config["SECRET_KEY"], viewer.sign_in_password):
            return None
        return user

    def load_user(self, pk: int) -> Any:  # noqa: ANN401 - FAB's user
        """Who a cookie or a token stands for, at each request: his roles become what his rights say now. Null for
        somebody who is no employee any more.
        """
        user = super().load_user(pk)
        viewer = viewer_of(user.username) if user else None
        if viewer is None:
            return None
        self.give_roles(user, viewer)
        return user

    def give_roles(self, user: Any, viewer: Viewer) -> None:  # noqa: ANN401 - FAB's user
        """Superset's roles of a user, made equal to his rights."""
        if self.role_names is None:
            self.role_names = frozenset(role.name for role in self.get_all_roles())
        wanted = self.role_names & {VIEWER, *map(report_role, viewer.reports)}
        if {role.name for role in user.roles} == wanted:
            return
        with self.giving:
            self.session.refresh(user)  # a page asks eight things at once: another of them may have been here
            if {role.name for role in user.roles} != wanted:
                user.roles = [self.find_role(name) for name in sorted(wanted)]
                self.session.commit()

    def get_rls_cache_key(self, datasource: Any) -> list[str]:  # noqa: ANN401 - Superset's dataset
        """Part of every cache key: an answer kept under other rights, or of an earlier load, is never shown. What is
        asked ahead is always asked of PostgreSQL, which refuses it personal data.
        """
        mark = mark_of(viewer_asking()) or "nobody"
        return [f"{mark} ahead" if is_ahead() else mark]

    def get_rls_filters(self, table: Any) -> list[Any]:  # noqa: ANN401 - Superset's dataset
        """None: rows are PostgreSQL's business, and nobody here can make Superset's filters."""
        return []

    def exist_permission_on_roles(self, view_name: str, permission_name: str, role_ids: Sequence[int]) -> bool:
        """Asked a dozen times a chart, of roles that only `prepare` changes."""
        return any((permission_name, view_name) in self._permissions(role_id) for role_id in role_ids)

    def _permissions(self, role_id: int) -> frozenset[tuple[str, str]]:
        known = self._known_permissions
        if role_id not in known:
            role = self.session.get(self.role_model, role_id)
            held = role.permissions if role else ()
            known[role_id] = frozenset((each.permission.name, each.view_menu.name) for each in held)
        return known[role_id]


def files_of_pages() -> dict[str, Any]:
    """For the templates: what a page needs, what a dashboard needs beside it."""
    return {
        "page_files": manifest_processor.get_manifest_files("spa", "js"),
        "dashboard_files": [PREFIX + name for name in FOR_DASHBOARDS],
        "dashboard_styles": PREFIX + DASHBOARD_STYLES,
    }


def finish(app: Flask) -> None:
    """FLASK_APP_MUTATOR: less work, kept answers, our part of each page's head, the page's language, and a byte order
    mark before CSV, without which Excel takes it for cp1251; Superset's own setting for it (CSV_EXPORT) changes nothing
    in 6.1.
    """
    lighter.apply()
    openings = Openings(file_in(os.environ.get("SUPERSET_HOME", ".")))
    keep_answers(app, own_mark, lambda dashboard, question: openings.note(current_user.username, dashboard, question))

    def asked_before() -> dict[str, Any]:
        """For a browser that does not know it yet: what this viewer's browsers asked when they opened this page."""
        if not has_request_context() or not request.path.startswith(DASHBOARDS) or own_mark() is None:
            return {"asked_before": []}
        opening = Opening(current_user.username, request.path, str(session.get("locale")))
        asked = [(f"{each.path}?{each.query}".rstrip("?"), each.method, each.body) for each in openings.of(opening)]
        return {"asked_before": asked}

    app.context_processor(asked_before)
    if os.environ.get("CHAIRSIDE_BI_SERVES") and os.environ.get("CHAIRSIDE_BI_AHEAD", "on") != "off":
        ask_ahead(app, bridge_of(app), mark_of, openings)
    app.jinja_loader = ChoiceLoader([FileSystemLoader(TEMPLATES), app.jinja_loader])
    app.context_processor(files_of_pages)

    def finished(response: Response) -> Response:
        if response.is_streamed:
            return response
        if response.mimetype == "text/csv":
            body = response.get_data()
            if not body.startswith(BOM_UTF8):
                response.set_data(BOM_UTF8 + body)
        elif response.mimetype == "text/html":
            # For screen readers; Superset 6.1 does not say it.
            response.set_data(response.get_data().replace(b"<html>", f'<html lang="{get_locale()}">'.encode(), 1))
        return response

    app.after_request(finished)
