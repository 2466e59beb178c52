"""What the advertising account has stored, and the queue of reports."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from simulators.world.advertising import AdDay, Campaign
from simulators.world.model import World
from simulators.world.setting import NETWORK_LOGIN, vat_rate

REPORT_LIFE = 5 * 3600.0  # seconds a finished offline report stays
RATE_WINDOW, RATE_LIMIT = 10.0, 20  # seconds, requests per user
QUEUE_LIMIT = 5
KOPECK = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class DirectOptions:
    """Both readings of what the vendor's documents leave open, and how patient the queue is.

    `auto`: what `processingMode: auto` chooses. `polls`: requests until an offline report is ready (3: 201, 202, 200;
    1: ready at once). `retry_in`: the header of 201 and 202, seconds, or junk text, or null to leave it out.
    `auth_status`: HTTP status of errors 53 and 54. `reused_name_code`: error code when a report's name comes back with
    other parameters. `rate_code`: error code of the 21st request in 10 seconds. `limits`: whether they are enforced.
    """

    auto: Literal["online", "offline"] = "offline"
    polls: int = 3
    retry_in: int | str | None = 1
    auth_status: int = 400
    reused_name_code: int = 4000
    rate_code: int = 56
    limits: bool = True


@dataclass(slots=True)
class _Report:
    parameters: str
    polls: int
    made_at: float


class DirectState:
    """Accounts (logins), their statistics and reports. `clock` gives seconds; safe between threads."""

    def __init__(self, world: World, token: str, options: DirectOptions, clock: Callable[[], float]) -> None:
        self.world = world
        self.token = token
        self.options = options
        self.clock = clock
        self.logins: dict[str, str | None] = {clinic.direct_login: clinic.clinic_id for clinic in world.clinics}
        self.logins[NETWORK_LOGIN] = None
        self.campaigns: dict[int, Campaign] = {campaign.campaign_id: campaign for campaign in world.campaigns}
        self.ad_days: list[AdDay] = list(world.ad_days)
        self.corrections: dict[int, date] = {}
        self._lock = threading.Lock()
        self._reports: dict[tuple[str, str], _Report] = {}
        self._requests: deque[float] = deque()

    def too_fast(self) -> bool:
        """Counts a request to Reports; true when it is the 21st within 10 seconds."""
        with self._lock:
            now = self.clock()
            while self._requests and now - self._requests[0] > RATE_WINDOW:
                self._requests.popleft()
            self._requests.append(now)
            return self.options.limits and len(self._requests) > RATE_LIMIT

    def poll(self, login: str, name: str, parameters: str) -> tuple[str, int]:
        """('created' | 'building' | 'ready' | 'queue full' | 'name taken', reports in the queue)."""
        with self._lock:
            now = self.clock()
            for key in [key for key, report in self._reports.items() if now - report.made_at > REPORT_LIFE]:
                del self._reports[key]
            report = self._reports.get((login, name))
            if report is not None and report.parameters != parameters:
                return "name taken", self._queued()
            if report is None:
                if self.options.limits and self._queued() >= QUEUE_LIMIT:
                    return "queue full", self._queued()
                report = self._reports[login, name] = _Report(parameters, 0, now)
            report.polls += 1
            if report.polls >= self.options.polls:
                return "ready", self._queued()
            return ("created" if report.polls == 1 else "building"), self._queued()

    def _queued(self) -> int:
        return sum(report.polls < self.options.polls for report in self._reports.values())

    def correct(self, campaign_id: int, day: date, share: Decimal) -> None:
        """The vendor takes back a share of a past day's clicks and money; a day left without anything vanishes."""
        kept: list[AdDay] = []
        for ad in self.ad_days:
            if (ad.campaign_id, ad.day) != (campaign_id, day):
                kept.append(ad)
            elif share < 1:
                cost = (ad.cost * (1 - share)).quantize(KOPECK, ROUND_HALF_UP)
                kept.append(replace(ad, clicks=int(ad.clicks * (1 - share)), cost=cost))
        self.ad_days = kept
        self.corrections[campaign_id] = min(day, self.corrections.get(campaign_id, day))

    def rename(self, campaign_id: int, name: str) -> None:
        """Reports show the name of the moment they are made, for past days too."""
        self.campaigns[campaign_id] = replace(self.campaigns[campaign_id], name=name)


def without_vat(ad: AdDay) -> Decimal:
    return (ad.cost / (1 + vat_rate(ad.day))).quantize(KOPECK, ROUND_HALF_UP)
