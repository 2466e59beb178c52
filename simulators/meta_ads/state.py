"""What the advertising accounts have stored, and the reports that are being built."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from simulators.world.advertising import AdDay, Campaign
from simulators.world.model import World

CENT = Decimal("0.01")
FIRST_RUN = 1_571_860_060_019_548


@dataclass(frozen=True, slots=True)
class MetaOptions:
    """Both readings of what the vendor's documents leave open, and how patient the queue is.

    `polls`: questions until a report is done (1: at once). `unseen`: of these, how many first ones answer 100/33.
    `failing`: how many of the first reports end in `Job Failed`. `failing_days`: reports of more days than that always
    fail (null: none). `accepts`: where the token may stand. `page_rows`: most rows of a page, whatever was asked.
    `most_limit`: a larger `limit` is "too much data" (null: none is). `last_cursors`: the last page has cursors too.
    `usage`: percent that the usage headers tell. `zero_rows`: whether an ad without delivery has a row of zeros.
    `time_zone`: of every account.
    """

    polls: int = 2
    unseen: int = 0
    failing: int = 0
    failing_days: int | None = None
    accepts: Literal["both", "query", "header"] = "both"
    page_rows: int = 40
    most_limit: int | None = None
    last_cursors: bool = True
    usage: int = 12
    zero_rows: bool = False
    time_zone: str = "Europe/Moscow"


@dataclass(slots=True)
class Run:
    """A report: what was asked, how often it was looked at, and its rows as they were when it was done."""

    account: str
    params: dict[str, str]
    polls: int = 0
    failed: bool = False
    rows: list[dict[str, Any]] | None = None


class MetaState:
    """Accounts, their campaigns and days, and reports. Safe between threads."""

    def __init__(self, world: World, token: str, options: MetaOptions) -> None:
        self.world = world
        self.token = token
        self.options = options
        self.campaigns: dict[int, Campaign] = {
            campaign.campaign_id: campaign for campaign in world.campaigns if campaign.platform == "meta_ads"
        }
        self.ad_days: list[AdDay] = [ad for ad in world.ad_days if ad.campaign_id in self.campaigns]
        self.accounts: dict[str, str | None] = {
            campaign.login: campaign.clinic_id for campaign in self.campaigns.values()
        }
        self.currency = {campaign.login: campaign.currency for campaign in self.campaigns.values()}
        self.time_zone = dict.fromkeys(self.accounts, options.time_zone)
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}

    def make(self, account: str, params: dict[str, str], days: int) -> str:
        """The number of a new report over so many days."""
        with self._lock:
            number = str(FIRST_RUN + len(self._runs))
            too_long = self.options.failing_days is not None and days > self.options.failing_days
            failed = too_long or len(self._runs) < self.options.failing
            self._runs[number] = Run(account, params, failed=failed)
            return number

    def run(self, number: str) -> Run | None:
        return self._runs.get(number)

    def look(self, run: Run) -> str | None:
        """The report's status once more nearer its end; null while nobody sees it."""
        with self._lock:
            run.polls += 1
            if run.polls <= self.options.unseen:
                return None
            if run.polls - self.options.unseen >= self.options.polls:
                return "Job Failed" if run.failed else "Job Completed"
            return "Job Not Started" if run.polls - self.options.unseen == 1 else "Job Running"

    def correct(self, ad_id: int, day: date, share: Decimal) -> None:
        """The vendor takes back a share of a past day's clicks and money; a day left without anything vanishes."""
        kept: list[AdDay] = []
        for ad in self.ad_days:
            if (ad.ad_id, ad.day) != (ad_id, day):
                kept.append(ad)
            elif share < 1:
                cost = (ad.cost * (1 - share)).quantize(CENT, ROUND_HALF_UP)
                kept.append(replace(ad, clicks=int(ad.clicks * (1 - share)), cost=cost))
        self.ad_days = kept

    def rename(self, campaign_id: int, name: str) -> None:
        """Reports show the name of the moment they are made, for past days too."""
        self.campaigns[campaign_id] = replace(self.campaigns[campaign_id], name=name)
