"""Superset's users and roles follow the warehouse's employees and rights, at every request.

No password of an employee is kept by Superset, and no right is decided here: PostgreSQL decides, under the viewer's own
login. What Superset knows of rights only hides what would be refused.
"""

from __future__ import annotations

import hmac
from codecs import BOM_UTF8
from typing import Any

from flask import Flask, Response, current_app, g
from superset.security import SupersetSecurityManager

from bi.superset.bridge import Bridge, Viewer, login_of

VIEWER = "Chairside viewer"  # the role that everybody has


def report_role(report: str) -> str:
    """Name of the Superset role that opens a report's dashboards."""
    return f"Report {report}"


def bridge() -> Bridge:
    """This server's bridge."""
    found: Bridge = current_app.config["CHAIRSIDE_BRIDGE"]
    return found


def viewer_of(username: str | None) -> Viewer | None:
    """The viewer, asked once a request: a page's charts are requests of their own, so a right taken counts at once."""
    known: dict[str | None, Viewer | None] = g.setdefault("chairside_viewers", {})
    if username not in known:
        known[username] = bridge().viewer(username)
    return known[username]


def may(report: str) -> bool:
    """For datasets' Jinja: whether the viewer holds the right. Only spares him an error: PostgreSQL decides."""
    viewer = viewer_of(getattr(getattr(g, "user", None), "username", None))
    return viewer is not None and report in viewer.reports


def open_as_viewer(uri: Any, params: dict[str, Any], username: str | None, *_others: Any) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401 - Superset's types
    """DB_CONNECTION_MUTATOR: the same warehouse, opened by the viewer's own login, wherever the asset points."""
    user, password = login_of(lambda: viewer_of(username))
    address = current_app.config["CHAIRSIDE_WAREHOUSE"].address()
    host, port, database = address["host"], address["port"], address["dbname"]
    query = {key: value for key, value in address.items() if key.startswith("ssl")}
    opened = uri.set(username=user, password=password, host=host, port=port, database=database, query=query)
    return opened, params


class EmployeesOnly(SupersetSecurityManager):  # type: ignore[misc]
    """Signs employees in, and nobody else."""

    role_names: frozenset[str] | None = None  # of the roles that `prepare` made: a start follows each change of them

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
        if {role.name for role in user.roles} != wanted:
            user.roles = [self.find_role(name) for name in sorted(wanted)]
            self.session.commit()

    def get_rls_cache_key(self, datasource: Any) -> list[str]:  # noqa: ANN401 - Superset's dataset
        """Part of every cache key: an answer kept under other rights, or of an earlier load, is never shown."""
        user = getattr(g, "user", None)
        viewer = viewer_of(getattr(user, "username", None))
        mark = f"{viewer.database_role} {viewer.rights_version}" if viewer else "nobody"
        return [mark, *super().get_rls_cache_key(datasource)]


def finish(app: Flask) -> None:
    """FLASK_APP_MUTATOR: CSV begins with a byte order mark, without which Excel takes it for cp1251. Superset's own
    setting for it (CSV_EXPORT) changes nothing in 6.1.
    """

    def marked(response: Response) -> Response:
        if response.mimetype == "text/csv" and not response.is_streamed:
            body = response.get_data()
            if not body.startswith(BOM_UTF8):
                response.set_data(BOM_UTF8 + body)
        return response

    app.after_request(marked)
