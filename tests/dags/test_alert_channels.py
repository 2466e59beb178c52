"""Airflow's connections say where messages go; the notifier of a failed run sends them there, without a secret."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import time, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from extractors.core.errors import ConfigError
from runtime.airflow import warehouse_connection
from tests.warehouse.receiver import Receiver, running_receiver
from warehouse.migrate import migrate

BOT_TOKEN, WEBHOOK = "1234567890:AAsecret-of-the-bot", "T0000/B0000/secret-of-the-hook"


class MailServer(socketserver.ThreadingTCPServer):
    """As much of SMTP as a client needs to leave a message. State: the messages."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), MailTalk)
        self.messages: list[tuple[str, str, str]] = []


class MailTalk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 local\r\n")
        while line := self.rfile.readline().strip():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line)
                mail = message_from_bytes(b"".join(lines), policy=default)
                body = mail.get_body(("html",))
                assert isinstance(self.server, MailServer) and body is not None
                self.server.messages.append((str(mail["To"]), str(mail["Subject"]), str(body.get_content())))
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def chat() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def failing(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A warehouse one of whose vendors refuses, known to Airflow."""
    migrate(fresh_database)
    with psycopg.connect(fresh_database) as connection:
        connection.execute(
            "insert into ops.loads (run_id, source, stream, window_from, window_to, started_at, finished_at, status,"
            " error, message)"
            " values ('extract_calltouch/today', 'calltouch', 'calls', current_date, current_date, now(), now(),"
            " 'failed', 'TransientError', 'calltouch: no answer')"
        )
    connection_json = json.dumps(warehouse_connection(fresh_database))
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", connection_json)
    monkeypatch.setenv("CHAIRSIDE_MARTS_BY", "none")
    return fresh_database


def test_the_notifier_of_a_failed_run_tells_every_channel_that_a_connection_names(
    failing: str, chat: Receiver, mail: MailServer, dag_bag: Any,  # noqa: ANN401 - Airflow's types are not followed
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    notify = dag_bag.dags["extract_calltouch"].on_failure_callback

    def ended(run_id: str) -> None:
        notify({"dag": dag_bag.dags["extract_calltouch"], "run_id": run_id, "reason": "task_failure"})

    fields = {"conn_type": "http", "host": chat.url}
    monkeypatch.setenv(
        "AIRFLOW_CONN_ALERTS_TELEGRAM", json.dumps({**fields, "password": BOT_TOKEN, "extra": {"chat_id": "-100200"}})
    )
    monkeypatch.setenv("AIRFLOW_CONN_ALERTS_SLACK", json.dumps({**fields, "password": WEBHOOK}))
    extra = {"from_email": "load@example.org", "to": ["on-call@example.org"], "disable_tls": True, "disable_ssl": True}
    monkeypatch.setenv(
        "AIRFLOW_CONN_ALERTS_EMAIL",
        json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": mail.server_address[1], "extra": extra}),
    )
    ended("another_run")
    assert chat.taken == [] == mail.messages  # it may still be tried again

    ended("today")
    assert sorted(urlsplit(path).path for path, _ in chat.taken) == sorted(
        (f"/{WEBHOOK}", f"/bot{BOT_TOKEN}/sendMessage")
    )
    texts = {str(body["text"]) for _, body in chat.taken}
    (text,) = texts
    assert text.startswith("[chairside] calltouch: the vendor or the network does not answer\nStreams: calls\n")
    ((to, subject, body),) = mail.messages
    assert (to, subject) == ("on-call@example.org", text.splitlines()[0])
    assert text in body

    ended("today")
    assert len(chat.taken) == 2 and len(mail.messages) == 1
    for secret in (BOT_TOKEN, WEBHOOK):
        assert secret not in text + body + caplog.text


def test_a_dead_mail_server_is_told_by_its_kind_and_the_message_waits(
    failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dags.common.alerts import tell_what_is_wrong
    from extractors.core.errors import TransientError

    extra = {"from_email": "a@example.org", "to": ["b@example.org"], "disable_tls": True, "disable_ssl": True}
    monkeypatch.setenv(
        "AIRFLOW_CONN_ALERTS_EMAIL",
        json.dumps(
            {"conn_type": "smtp", "host": "127.0.0.1", "port": 1, "login": "me", "password": "s3cret", "extra": extra}
        ),
    )
    with pytest.raises(TransientError, match=r"e-mail: the mail server did not take the message \(\w+\)") as caught:
        tell_what_is_wrong("extract_calltouch/today")
    assert "s3cret" not in str(caught.value)
    with psycopg.connect(failing) as connection:
        assert connection.execute("select times_told from ops.alerts").fetchall() == [(0,)]


def test_a_channel_whose_connection_is_incomplete_is_named_and_the_others_are_told(
    failing: str, chat: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dags.common.alerts import tell_what_is_wrong

    monkeypatch.setenv("AIRFLOW_CONN_ALERTS_TELEGRAM", json.dumps({"conn_type": "http", "password": BOT_TOKEN}))
    monkeypatch.setenv(
        "AIRFLOW_CONN_ALERTS_SLACK", json.dumps({"conn_type": "http", "host": chat.url, "password": WEBHOOK})
    )
    for _ in range(2):  # the second time nothing is due any more
        with pytest.raises(ConfigError, match="the chat is extra `chat_id`"):
            tell_what_is_wrong("extract_calltouch/today")
    assert len(chat.taken) == 1


def test_the_environment_says_the_hour_the_repeat_and_where_the_runbooks_are() -> None:
    from dags.common.alerts import rules

    assert rules({}).marts_by == time(9) == rules({"CHAIRSIDE_MARTS_BY": ""}).marts_by
    docs = "https://docs.example.org"
    told = rules({"CHAIRSIDE_MARTS_BY": "10:30", "CHAIRSIDE_ALERT_REPEAT_HOURS": "6", "CHAIRSIDE_DOCS_URL": docs})
    assert (told.marts_by, told.repeat_after, told.docs) == (time(10, 30), timedelta(hours=6), docs)
    assert rules({"CHAIRSIDE_MARTS_BY": "none"}).marts_by is None


def test_every_dag_that_loads_or_builds_calls_the_notifier_and_one_watches(dag_bag: Any) -> None:  # noqa: ANN401
    from dags.common.alerts import AlertsNotifier

    for name, dag in dag_bag.dags.items():
        called = dag.on_failure_callback
        assert isinstance(called, AlertsNotifier) == (name != "watch"), name
    assert set(dag_bag.dags["watch"].task_dict) == {"tell"}
