"""Superset's metadata made what this version of the project says: tables, roles, dashboards. Safe to run again.

Run by Superset's own Python: python -m bi.superset.prepare
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

from bi.superset.security import VIEWER, report_role

# What a viewer may do: look, filter, drill into rows, download, change his language. Nothing that writes or runs SQL.
VIEWER_MAY = {
    ("can_read", "Chart"), ("can_read", "Dashboard"), ("can_read", "Dataset"), ("can_read", "Database"),
    ("can_read", "CurrentUserRestApi"), ("can_read", "AvailableDomains"), ("can_read", "DashboardFilterStateRestApi"),
    ("can_write", "DashboardFilterStateRestApi"), ("can_read", "DashboardPermalinkRestApi"),
    ("can_write", "DashboardPermalinkRestApi"), ("can_read", "ExploreFormDataRestApi"),
    ("can_write", "ExploreFormDataRestApi"), ("can_get", "Datasource"), ("can_external_metadata", "Datasource"),
    ("can_get_column_values", "Datasource"), ("can_samples", "Datasource"), ("can_time_range", "Api"),
    ("can_query", "Api"), ("can_query_form_data", "Api"), ("can_dashboard", "Superset"), ("can_csv", "Superset"),
    ("can_drill", "Dashboard"), ("can_export_data", "Superset"), ("can_export_image", "Superset"),
    ("can_copy_clipboard", "Superset"), ("can_view_chart_as_table", "Dashboard"), ("can_view_query", "Dashboard"),
    ("can_log", "Superset"), ("can_language_pack", "Superset"), ("can_slice", "Superset"),
    ("can_get_drill_info", "Dataset"), ("can_recent_activity", "Log"),
    ("can_show", "DynamicPlugin"), ("can_list", "DynamicPlugin"), ("can_get_embedded", "Dashboard"),
    ("can_read", "CssTemplate"), ("can_read", "Theme"), ("can_read", "Tag"),
    ("menu_access", "Dashboards"), ("menu_access", "Home"),
    ("can_userinfo", "UserDBModelView"), ("can_read", "user"),
}  # fmt: skip
MAINTAINER = "chairside"  # owns the dashboards; nobody can sign in as it (security.py)


def set_permissions(manager: Any, role_name: str, wanted: Iterable[tuple[str, str]]) -> None:  # noqa: ANN401
    """A role that holds exactly these permissions, of those that this Superset knows."""
    role = manager.add_role(role_name)
    found = [manager.find_permission_view_menu(permission, view) for permission, view in sorted(wanted)]
    role.permissions = [each for each in found if each is not None]
    manager.session.commit()


def maintainer(manager: Any) -> Any:  # noqa: ANN401 - FAB's user
    user = manager.find_user(username=MAINTAINER)
    if user is None:
        admin = manager.find_role("Admin")
        user = manager.add_user(MAINTAINER, "Chairside", "", f"{MAINTAINER}@chairside.invalid", admin, password=None)
    return user


def import_dashboards() -> None:
    """All assets, and which report's right opens each dashboard. What the project no longer has is removed."""
    from superset import db, security_manager
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.dashboard import Dashboard
    from superset.models.slice import Slice
    from superset.utils.core import override_user

    from bi.assets import superset_assets

    bundle = superset_assets()
    with override_user(maintainer(security_manager)):
        ImportAssetsCommand(bundle.files).run()
        for report in bundle.reports:
            datasets = [
                ("datasource_access", table.perm)
                for table in db.session.query(SqlaTable).all()
                if bundle.report_of_dataset.get(str(table.uuid)) == report
            ]
            set_permissions(security_manager, report_role(report), datasets)
        for dashboard in db.session.query(Dashboard).all():
            opened_by = bundle.report_of_dashboard.get(str(dashboard.uuid))
            if opened_by is None:
                db.session.delete(dashboard)
                continue
            dashboard.roles = [security_manager.find_role(report_role(opened_by))]
            dashboard.published = True
        for model, known in ((Slice, bundle.charts), (SqlaTable, set(bundle.report_of_dataset))):
            for each in db.session.query(model).all():
                if str(each.uuid) not in known:
                    db.session.delete(each)
        db.session.commit()


def main() -> int:
    from superset.app import create_app

    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)

    app = create_app()
    with app.app_context():
        from flask_migrate import upgrade
        from superset import appbuilder, security_manager

        say("metadata")
        upgrade()
        say("roles")
        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        set_permissions(security_manager, VIEWER, VIEWER_MAY)
        say("dashboards")
        import_dashboards()
        say("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
