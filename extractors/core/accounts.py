"""Advertising accounts of a connection: whose clinic each is, and which currency and time zone it must have.

    "accounts": {"1234567890": "C1", "9876543210": null,
                 "5555555555": {"clinic_id": "C2", "currency": "EUR", "time_zone": "Europe/Berlin"}}

null is spend of the whole network. `currency` and `time_zone` of the connection hold for accounts without their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from extractors.core.errors import ConfigError, GuardError
from extractors.core.spec import Context


@dataclass(frozen=True, slots=True)
class Account:
    """One account to read. `currency` and `time_zone` are what a person expects; null: whatever the vendor says."""

    account_id: str
    clinic_id: str | None
    currency: str | None
    time_zone: str | None


def accounts(context: Context, source: str, setting: str = "accounts") -> tuple[Account, ...]:
    """The accounts named in the setting that are read now, ids without dashes and `act_`.

    Raises ConfigError where the setting names none.
    """
    given = context.settings.get(setting)
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(
            f"{source}: the setting `{setting}` must map each account's number to a clinic id or null. See "
            f"docs/sources/{source}.md."
        )
    named = (_account(context, source, setting, str(number), value) for number, value in given.items())
    return tuple(account for account in named if context.reads(account.account_id))


def account_ids(context: Context, source: str, setting: str = "accounts") -> tuple[str, ...]:
    """The numbers of the accounts alone."""
    return tuple(account.account_id for account in accounts(context, source, setting))


def _account(context: Context, source: str, setting: str, number: str, value: object) -> Account:
    own: Mapping[str, Any] = value if isinstance(value, Mapping) else {"clinic_id": value}
    account_id = number.removeprefix("act_").replace("-", "").strip()
    if not (account_id.isascii() and account_id.isdigit()):
        raise ConfigError(f"{source}: the setting `{setting}` names {number!r}, which is no account's number.")

    def word(name: str) -> str | None:
        found = own.get(name) or (context.settings.get(name) if name != "clinic_id" else None)
        return str(found) if found else None

    return Account(account_id, word("clinic_id"), word("currency"), word("time_zone"))


def check_account(account: Account, currency: str, time_zone: str, where: str) -> None:
    """Refuse an account that is not the one a person meant. Raises GuardError; nothing was written."""
    for name, expected, found in (
        ("currency", account.currency, currency), ("time_zone", account.time_zone, time_zone),
    ):
        if expected and expected != found:
            raise GuardError(
                f"{where}: the account {account.account_id} has the {name} {found!r}, but the connection says "
                f"{expected!r}. Nothing was written. Correct `{name}` in the connection, or the account's number."
            )
