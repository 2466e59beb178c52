"""Telegram and Slack as they are posted to, and their addresses in a connection's fields.

Both are one POST; Airflow's providers for them would bring a client library each. E-mail goes through Airflow's hook
(dags/common/alerts.py), which knows TLS and OAuth. A refusal is told by its status: addresses here hold tokens.
"""

from __future__ import annotations

import logging
from typing import Any

import requests

from extractors.core.errors import ConfigError, TransientError
from warehouse.alerts.tell import Channel

TIMEOUT = (5, 15)  # seconds to connect, to answer
TELEGRAM = "https://api.telegram.org"
SLACK = "https://hooks.slack.com/services"
LONGEST = 4000  # characters; Telegram takes 4096


def telegram(base: str | None, token: str, chat: str) -> Channel:
    """`sendMessage` of a bot: its token, and the chat that it writes to."""
    if not token or not chat:
        raise ConfigError("alerts_telegram: the bot's token is the connection's password, the chat is extra `chat_id`.")

    def send(subject: str, text: str) -> None:
        body = {"chat_id": chat, "text": text[:LONGEST], "disable_web_page_preview": True}
        _post("Telegram", f"{(base or TELEGRAM).rstrip('/')}/bot{token}/sendMessage", body)

    return send


def slack(base: str | None, path: str) -> Channel:
    """An incoming webhook: `path` is the secret end of its address."""
    if not path:
        raise ConfigError("alerts_slack: the end of the webhook's address (T…/B…/…) is the connection's password.")

    def send(subject: str, text: str) -> None:
        _post("Slack", f"{(base or SLACK).rstrip('/')}/{path.lstrip('/')}", {"text": text[:LONGEST]})

    return send


def _post(name: str, address: str, body: dict[str, Any]) -> None:
    # At DEBUG the library below prints the address, and with it the token.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
    try:
        answer = requests.post(address, json=body, timeout=TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        # Its text holds the address.
        raise TransientError(f"{name} does not answer ({type(error).__name__})") from None
    if answer.status_code != 200:
        raise TransientError(f"{name} refused the message with status {answer.status_code}")
