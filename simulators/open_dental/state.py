"""The practice's database as rows in the API's own columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from simulators.open_dental import wire
from simulators.world.model import World

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OpenDentalOptions:
    """`server_time_zone`: of `DateTStamp` and `serverDateTime`. `seconds_between`: the throttle (0: none; the lowest
    tier has 5, others 1). `largest_page`: rows per answer."""

    server_time_zone: str = "Europe/Moscow"
    seconds_between: float = 0.0
    largest_page: int = 100


class OpenDentalState:
    """Resource → rows. Rows are plain dictionaries so that a test may edit them as a receptionist would."""

    def __init__(self, world: World, developer_key: str, customer_key: str, options: OpenDentalOptions) -> None:
        self.world = world
        self.authorization = f"ODFHIR {developer_key}/{customer_key}"
        self.options = options
        self.server_zone = ZoneInfo(options.server_time_zone)
        self.rows: dict[str, list[Row]] = wire.tables(world, self.server_zone)

    def server_time(self) -> str:
        return self.world.now.astimezone(self.server_zone).strftime("%Y-%m-%d %H:%M:%S")

    def touch(self, resource: str, key: str, number: int, **changes: object) -> Row:
        """Edits a row and moves its stamp to now, if it has one (payments have none)."""
        row = next(row for row in self.rows[resource] if row[key] == number)
        row.update(changes)
        if "DateTStamp" in row:
            row["DateTStamp"] = self.server_time()
        return row

    def delete_appointment(self, apt_num: int) -> None:
        """The row vanishes; its trace is in /histappointments with the action `Deleted`."""
        row = next(row for row in self.rows["appointments"] if row["AptNum"] == apt_num)
        self.rows["appointments"].remove(row)
        number = len(self.rows["histappointments"]) + 1
        trace = {"HistApptNum": number, "HistDateTStamp": self.server_time(), "HistApptAction": "Deleted"}
        self.rows["histappointments"].append({**row, **trace, "DateTStamp": self.server_time()})
