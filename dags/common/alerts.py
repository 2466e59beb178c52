"""Airflow's side of alerts: where messages go, by Airflow's connections, and the notifier that DAGs call.

    alerts_telegram   password: the bot's token; extra: {"chat_id": "…"}
    alerts_slack      password: the end of the webhook's address (T…/B…/…)
    alerts_email      conn_type smtp as Airflow's provider reads it; extra: {"from_email": "…", "to": ["…"]}

Any of them, or none: then messages are only in the log. `host` of the first two: another server than the vendor's own.
What is wrong, and whether it is news, is decided in warehouse/alerts; docs/decisions/alerts_by_state.md.
"""

from __future__ import annotations

import html
import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier
from airflow.sdk.exceptions import AirflowNotFoundException

from dags.common.settings import TIME_ZONE, warehouse_url
from extractors.core.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from warehouse.alerts.tell import Channel, Rules

log = logging.getLogger(__name__)
EMAIL = "alerts_email"


class AlertsNotifier(BaseNotifier):  # type: ignore[misc] # Airflow's imports are not followed by the type checker
    """For `on_failure_callback` of a DAG: its run will not be tried again, so what it left wrong is told at once."""

    def notify(self, context: Any) -> None:  # noqa: ANN401 - Airflow's context
        tell_what_is_wrong(ended_run=f"{context['dag'].dag_id}/{context['run_id']}")


def tell_what_is_wrong(ended_run: str | None = None) -> int:
    """Look into the warehouse and tell what is news; how many messages were due.

    Raises TransientError where a channel did not take one, and at the end ConfigError where a connection does not say
    all that its channel needs.
    """
    from warehouse.alerts.tell import tell

    found, incomplete = channels()
    due = tell(warehouse_url(), found, rules(os.environ), now=datetime.now(UTC), ended_run=ended_run)
    if incomplete:
        raise ConfigError(" ".join(incomplete))
    return len(due)


def rules(environ: Mapping[str, str]) -> Rules:
    """How people are told, by the environment (dags/common/settings.py)."""
    from warehouse.alerts.tell import Rules

    by = environ.get("CHAIRSIDE_MARTS_BY") or "09:00"
    return Rules(
        time_zone=TIME_ZONE,
        marts_by=None if by.lower() == "none" else time.fromisoformat(by),
        repeat_after=timedelta(hours=float(environ.get("CHAIRSIDE_ALERT_REPEAT_HOURS") or 24)),
        docs=environ.get("CHAIRSIDE_DOCS_URL", ""),
    )


def channels() -> tuple[dict[str, Channel], list[str]]:
    """What the connections name, nothing where nobody set one; and what the incomplete ones lack, in words."""
    from warehouse.alerts.channels import slack, telegram

    known: dict[str, tuple[str, Callable[[Any], Channel]]] = {
        "Telegram": (
            "alerts_telegram",
            lambda bot: telegram(bot.host, bot.password or "", str(bot.extra_dejson.get("chat_id") or "")),
        ),
        "Slack": ("alerts_slack", lambda webhook: slack(webhook.host, webhook.password or "")),
        "e-mail": (EMAIL, lambda mail: email(mail.extra_dejson.get("to") or [], mail.extra_dejson.get("from_email"))),
    }
    found: dict[str, Channel] = {}
    incomplete = []
    for name, (connection, channel) in known.items():
        if (fields := _connection(connection)) is not None:
            try:
                found[name] = channel(fields)
            except ConfigError as error:
                incomplete.append(str(error))
    return found, incomplete


def email(to: list[str], sender: str | None) -> Channel:
    """By Airflow's hook, with the connection `alerts_email`. Raises ConfigError where nobody is to get it."""
    if not to:
        raise ConfigError('alerts_email: extra `to` is the list of addresses, e.g. {"to": ["on-call@example.org"]}.')

    def send(subject: str, text: str) -> None:
        from airflow.providers.smtp.hooks.smtp import SmtpHook

        try:
            with SmtpHook(smtp_conn_id=EMAIL) as hook:
                hook.send_email_smtp(
                    to=to, subject=subject, html_content=f"<pre>{html.escape(text)}</pre>", from_email=sender
                )
        except Exception as error:
            # The hook raises what smtplib, sockets and TLS do; the text may hold the login.
            raise TransientError(f"the mail server did not take the message ({type(error).__name__})") from None

    return send


def _connection(name: str) -> Any:  # noqa: ANN401 - Airflow's connection
    from airflow.sdk import Connection

    try:
        return Connection.get(name)
    except AirflowNotFoundException:
        return None
