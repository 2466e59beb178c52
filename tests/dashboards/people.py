"""Five viewers of the city, and a Superset that serves them."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import requests
from psycopg import sql

from bi.superset.ahead import LOOK_SECONDS
from runtime import superset
from runtime.home import Home, open_home
from runtime.progress import Progress
from runtime.supervise import stop_services, wait_until
from runtime.warehouse import role_url
from tests.city import City

# kind: (reports or null for all, clinics, own rows only, personal data)
RIGHTS: dict[str, tuple[tuple[str, ...] | None, list[str] | None, bool, bool]] = {
    "director": (None, None, False, True),
    "marketer": (("channels_and_sources", "ad_payback", "attribution", "service_sales", "traffic_influence"),
                 None, False, False),
    "head": (("administrator_conversion", "inquiry_history", "client_path", "direction_load"), ["C1"], False, True),
    "administrator": (("administrator_conversion", "inquiry_history"), None, True, False),
    "nobody": ((), None, False, False),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A Superset over a warehouse, and its viewers' roles by kind."""

    url: str
    warehouse: str
    home: Home
    roles: dict[str, str]

    def owner(self, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Ask or change something as the warehouse's owner."""
        with psycopg.connect(self.warehouse, autocommit=True) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def reports(self, kind: str) -> set[str]:
        found = self.owner("select report from access.effective_rights where database_role = %s", (self.roles[kind],))
        return {report for (report,) in found}

    def as_role(self, kind: str) -> psycopg.Connection[Any]:
        """A connection of the viewer's own, as with any SQL tool."""
        return psycopg.connect(role_url(self.warehouse, self.roles[kind]), autocommit=True)

    def password(self, kind: str) -> str:
        return str(self.owner("select access.sign_in_password(%s)", (self.roles[kind],))[0][0])

    def signed_in(self, kind: str) -> Api:
        return Api(self.url, self.roles[kind], self.password(kind))


class Api:
    """Superset's REST API as one viewer."""

    def __init__(self, url: str, role: str, password: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        body = {"username": role, "password": password, "provider": "db"}
        answer = self.session.post(f"{url}/api/v1/security/login", json=body, timeout=120)
        self.status = answer.status_code
        if answer.ok:
            self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str) -> requests.Response:
        return self.session.get(f"{self.url}/api/v1/{path}", timeout=120)

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        return self.session.post(f"{self.url}/api/v1/{path}", json=body, timeout=120)

    def change(self, method: str, path: str, body: dict[str, Any]) -> requests.Response:
        """A request that writes, as a page's scripts send it: without the page's token each is refused whoever asks."""
        page = self.session.get(f"{self.url}/login/", timeout=120).text
        (token,) = re.findall(r'id="csrf_token"\s+value="([^"]+)"', page)
        return self.session.request(
            method, f"{self.url}/api/v1/{path}", json=body, headers={"X-CSRFToken": token}, timeout=120
        )

    def charts(self, slug: str) -> list[dict[str, Any]]:
        """A dashboard's charts with their parameters; none where it is not open to the viewer."""
        answer = self.get(f"dashboard/{slug}/charts")
        return [each["form_data"] for each in answer.json()["result"]] if answer.ok else []

    def data(self, chart: dict[str, Any], time_range: str, *, form: str = "json", **query: Any) -> requests.Response:  # noqa: ANN401
        """What a chart asks for when its dashboard is open."""
        asked = {"columns": columns_of(chart), "metrics": metrics_of(chart), "row_limit": 10000, "orderby": [],
                 "filters": [], "extras": {}, "time_range": time_range, **query}  # fmt: skip
        dataset = int(chart["datasource"].split("__")[0])
        body = {"datasource": {"id": dataset, "type": "table"}, "queries": [asked], "result_format": form,
                "result_type": "full", "form_data": chart}  # fmt: skip
        return self.post("chart/data", body)


def columns_of(chart: dict[str, Any]) -> list[str]:
    if chart["viz_type"] == "table":
        return list(chart["all_columns"])
    return [*filter(None, [chart.get("x_axis")]), *chart.get("groupby", [])]


def metrics_of(chart: dict[str, Any]) -> list[str]:
    return list(chart.get("metrics") or ([chart["metric"]] if "metric" in chart else []))


@contextmanager
def served_city(city: City, server_url: str, folder: Path) -> Iterator[Served]:
    """Superset over that city with five viewers, until the end of the block."""
    mark = f"bi{uuid.uuid4().hex[:8]}"
    metadata = f"test_{mark}_superset"
    home = open_home({"CHAIRSIDE_HOME": str(folder / "home")})
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(metadata)))
    metadata_url = urlsplit(server_url)._replace(path=f"/{metadata}").geturl()
    roles = {kind: f"{mark}_{kind}" for kind in RIGHTS}
    served = Served(url="", warehouse=city.url, home=home, roles=roles)
    give_rights(served, mark)
    try:
        superset.install(Progress())
        bridge = superset.open_bridge(home, city.url)
        environ = superset.environment(home, metadata_url=metadata_url, warehouse=city.url, bridge_role=bridge)
        superset.prepare(home, environ, metadata_url, Progress())
        url, service = superset.start(home, environ)
        try:
            wait_until(lambda: superset.answers(url), [service], "Starting Superset", seconds=600)
            yield Served(url=url, warehouse=city.url, home=home, roles=roles)
        finally:
            stop_services([service])
    finally:
        served.owner("select access.remove_employee(database_role) from access.employees")
        served.owner("select access.close_bridge()")
        with psycopg.connect(server_url, autocommit=True) as admin:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(metadata)))


def give_rights(served: Served, mark: str) -> None:
    every = [report for (report,) in served.owner("select report from access.known_reports")]
    busiest = served.owner(
        "select administrator_id from reports.administrator_conversion_inquiries where administrator_id <> 'unknown'"
        " group by 1 order by count(*) desc, 1 limit 1"
    )[0][0]
    for kind, (reports, clinics, own_rows, personal) in RIGHTS.items():
        for report in every if reports is None else reports:
            if report not in ("marts", "deal_entry"):
                served.owner(
                    "select access.allow(%s, %s, %s, %s, %s)", (f"{mark} {kind}s", report, clinics, own_rows, personal)
                )
        served.owner(
            "select access.add_employee(%s, %s, %s, %s)",
            (served.roles[kind], f"The {kind}", f"{mark} {kind}s", busiest if kind == "administrator" else None),
        )


def asked_ahead(log: Path, since: int, seconds: float = 240.0) -> None:
    """Wait until Superset asked ahead what there is to ask, by its log from that byte on. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    before = 0
    while time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS + 2)
        said = log.read_bytes()[since:]
        begun = said.count(b"asking ahead")
        if begun == before > 0 and said.rfind(b"asked ahead in") > said.rfind(b"asking ahead"):
            return
        before = begun
    raise TimeoutError(said[-2000:].decode(errors="replace"))
