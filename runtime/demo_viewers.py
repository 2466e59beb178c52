"""Invented employees of the demo, one of each kind of right: somebody for the dashboards to show themselves to."""

from __future__ import annotations

import psycopg

# group: (reports or null for all, clinics, own rows only, personal data)
RIGHTS: dict[str, tuple[tuple[str, ...] | None, list[str] | None, bool, bool]] = {
    "demo directors": (None, None, False, True),
    "demo marketers": (
        (
            "channels_and_sources", "ad_payback", "attribution", "traffic_influence", "service_sales", "service_dips",
            "lead_plan", "freshness",
        ),
        None, False, False,
    ),
    "demo head administrators": (
        ("administrator_conversion", "inquiry_history", "client_path", "direction_load"), ["C1", "C2"], False, True,
    ),
    "demo administrators": (("administrator_conversion", "inquiry_history"), None, True, True),
}  # fmt: skip
PEOPLE = {
    "demo_director": ("Дана Директорова", "demo directors"),
    "demo_marketer": ("Марк Маркетологов", "demo marketers"),
    "demo_head": ("Глафира Главная", "demo head administrators"),
    "demo_administrator": ("Анна Администраторова", "demo administrators"),
}
NOT_FOR_READING = ("marts", "deal_entry")


def add_demo_viewers(warehouse: str) -> None:
    """The employees and their groups' rights; those who are there already stay as somebody may have changed them."""
    with psycopg.connect(warehouse) as owner:
        known = {name for (name,) in owner.execute("select report from access.known_reports").fetchall()}
        groups = {name for (name,) in owner.execute("select employee_group from access.employee_groups").fetchall()}
        roles = {name for (name,) in owner.execute("select database_role from access.employees").fetchall()}
        for group, (reports, clinics, own_rows, personal) in RIGHTS.items():
            if group in groups:
                continue
            # Rights first: nobody is in the group yet, so nothing is granted seventeen times.
            for report in sorted(known - set(NOT_FOR_READING) if reports is None else known & set(reports)):
                owner.execute(
                    "select access.allow(%s, %s, %s, %s, %s)", (group, report, clinics, own_rows, personal)
                )
        busiest = owner.execute(
            "select administrator_id from reports.administrator_conversion_inquiries"
            " where administrator_id <> 'unknown' group by 1 order by count(*) desc, 1 limit 1"
        ).fetchone()
        for role, (name, group) in PEOPLE.items():
            if role not in roles:
                employee_id = busiest[0] if busiest and role == "demo_administrator" else None
                owner.execute("select access.add_employee(%s, %s, %s, %s)", (role, name, group, employee_id))
