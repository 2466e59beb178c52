"""What VK Реклама has stored: plans, their days, the tokens it gave, and what is left of its limits."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

TOKEN_LIFE = 86_400.0  # seconds
TOKENS_A_USER = 5
RPS_LIMIT, HOURLY_LIMIT, DAILY_LIMIT = 10, 5_000, 50_000


@dataclass(frozen=True, slots=True)
class VkOptions:
    """Both readings of what the vendor's documents leave open.

    `expires_in`: as text or as a number. `money`: as text or as a number. `zero_days`: whether days without anything
    come with zeros. `own_count`: `count` of a list is the number of rows in the answer, not of all. `v3_rows`: v3 tells
    days beside the sum. `deleted_refused`: statistics of a deleted plan are refused. `tells_currency`: whether the user
    has it. `limits`: whether requests a second are counted; `rps`: how many.
    """

    expires_in: Literal["text", "number"] = "text"
    money: Literal["text", "number"] = "text"
    zero_days: bool = True
    own_count: bool = False
    v3_rows: bool = False
    deleted_refused: bool = False
    tells_currency: bool = True
    limits: bool = True
    rps: int = RPS_LIMIT


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign. Its one group of ads is numbered one higher."""

    plan_id: int
    name: str
    status: Literal["active", "blocked", "deleted"] = "active"


@dataclass(frozen=True, slots=True)
class PlanDay:
    """A day of a plan; money in the account's currency."""

    shows: int
    clicks: int
    spent: Decimal


@dataclass(slots=True)
class _Token:
    user: str
    refresh: str
    made_at: float


class VkState:
    """One account and its agency's clients. `clock` gives seconds. Safe between threads."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        plans: list[Plan],
        days: dict[tuple[int, date], PlanDay],
        today: date,
        options: VkOptions,
        clock: Callable[[], float],
        currency: str = "RUB",
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.plans = {plan.plan_id: plan for plan in plans}
        self.days = days
        self.today = today
        self.options = options
        self.currency = currency
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, _Token] = {}
        self._refreshed: dict[str, str] = {}
        self._made = 0
        self._asked: dict[int, int] = defaultdict(int)

    @property
    def tokens_made(self) -> int:
        """Tokens that still count against the five."""
        return len(self._tokens)

    def issue(self, user: str) -> tuple[str, str] | None:
        """A new (token, refresh token) of a user; null for the sixth."""
        with self._lock:
            if sum(token.user == user for token in self._tokens.values()) >= TOKENS_A_USER:
                return None
            return self._new(user)

    def refresh(self, refresh: str) -> tuple[str, str] | None:
        """The same token under a new value; the old value is unknown from now on. Null for an unknown one."""
        with self._lock:
            old = next((value for value, token in self._tokens.items() if token.refresh == refresh), None)
            if old is None:
                return None
            return self._new(self._tokens.pop(old).user)

    def delete_tokens(self) -> None:
        with self._lock:
            self._tokens.clear()

    def standing(self, token: str) -> Literal["alive", "expired_token", "invalid_token"]:
        found = self._tokens.get(token)
        if found is None:
            return "invalid_token"
        return "expired_token" if self._clock() - found.made_at > TOKEN_LIFE else "alive"

    def left_this_second(self) -> int:
        """Requests left after this one; below zero: refused."""
        with self._lock:
            second = int(self._clock())
            self._asked[second] += 1
            return self.options.rps - self._asked[second]

    def _new(self, user: str) -> tuple[str, str]:
        self._made += 1
        value, refresh = f"simulatedVkToken{self._made}", f"simulatedVkRefresh{self._made}"
        self._tokens[value] = _Token(user, refresh, self._clock())
        return value, refresh

    def change(self, plan_id: int, **fields: object) -> None:
        """Rename a plan, or change its status."""
        self.plans[plan_id] = replace(self.plans[plan_id], **fields)  # type: ignore[arg-type]
