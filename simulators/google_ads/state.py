"""What the advertising accounts have stored, and which access tokens are good."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from simulators.world.advertising import AdDay, Campaign
from simulators.world.model import World

KOPECK = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class GoogleAdsOptions:
    """Both readings of what the vendor's documents leave open.

    `zeros`: whether a number that is zero is left out of a row. `nothing`: how an answer without rows looks.
    `errors`: an error of searchStream in an array, or alone. `batch_rows`: rows of one batch. `resource_names`: sent
    although they were not asked for. `token_seconds`: life of an access token. `time_zone`: of every account.
    """

    zeros: Literal["omitted", "sent"] = "omitted"
    nothing: Literal["empty_results", "empty_array", "no_results"] = "empty_results"
    errors: Literal["array", "object"] = "array"
    batch_rows: int = 100
    resource_names: bool = False
    token_seconds: int = 3600
    time_zone: str = "Europe/Moscow"


class GoogleAdsState:
    """Accounts, their campaigns and days. `clock` gives seconds."""

    def __init__(
        self, world: World, options: GoogleAdsOptions, clock: Callable[[], float], *, refresh_token: str
    ) -> None:
        self.world = world
        self.options = options
        self.clock = clock
        self.refresh_token = refresh_token
        self.campaigns: dict[int, Campaign] = {
            campaign.campaign_id: campaign for campaign in world.campaigns if campaign.platform == "google_ads"
        }
        self.ad_days: list[AdDay] = [ad for ad in world.ad_days if ad.campaign_id in self.campaigns]
        self.customers: dict[str, str | None] = {
            campaign.login: campaign.clinic_id for campaign in self.campaigns.values()
        }
        self.currency = {campaign.login: campaign.currency for campaign in self.campaigns.values()}
        self.time_zone = dict.fromkeys(self.customers, options.time_zone)
        self.disabled: set[str] = set()
        self.removed: set[int] = set()
        self._lock = threading.Lock()
        self._tokens: dict[str, float] = {}

    # tokens -------------------------------------------------------------------------------------------------------
    def new_token(self) -> str:
        with self._lock:
            token = f"simulated-access-{len(self._tokens) + 1}"
            self._tokens[token] = self.clock() + self.options.token_seconds
            return token

    def token_is_good(self, token: str) -> bool:
        with self._lock:
            return self.clock() < self._tokens.get(token, 0.0)

    # what happens later -------------------------------------------------------------------------------------------
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

    def rename(self, campaign_id: int, name: str) -> None:
        """Reports show the name of the moment they are made, for past days too."""
        self.campaigns[campaign_id] = replace(self.campaigns[campaign_id], name=name)
