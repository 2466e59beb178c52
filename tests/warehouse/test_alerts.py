"""People are told once per cause what is wrong, in which window and what to do; again if it lasts; and its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractors.core.errors import ConfigError, TransientError
from tests.warehouse.receiver import Receiver, running_receiver
from tests.warehouse.small_warehouse import Warehouse
from warehouse.alerts.channels import slack, telegram
from warehouse.alerts.tell import Message, Rules, tell
from warehouse.cut_off import AGAIN

ROOT = Path(__file__).resolve().parents[2]
# Ten in the morning in Moscow.
MORNING = datetime(2026, 6, 30, 7, tzinfo=UTC)
TOKEN = "1234567890:AAsecret-of-the-bot"
HOUR = timedelta(hours=1)


@dataclass
class Watched:
    """A warehouse whose journal a test writes, and the chat that is told."""

    warehouse: Warehouse
    chat: Receiver
    rules: Rules = field(default_factory=lambda: Rules(marts_by=None))
    runs: int = 0

    def load(self, source: str, *streams: str, at: datetime, error: str | None = None, said: str = "") -> str:
        """A run of the source that read these streams, or failed for `error`; its name."""
        self.runs += 1
        run_id = f"extract_{source}/{self.runs}"
        for stream in streams:
            self.warehouse.run(
                "insert into ops.loads (run_id, source, stream, window_from, window_to, started_at, finished_at,"
                " status, error, message) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    run_id, source, stream, at.date() - timedelta(days=7), at.date(), at, at + timedelta(seconds=5),
                    "failed" if error else "succeeded", error, said or None,
                ),
            )  # fmt: skip
            if not error:
                self.warehouse.run(
                    "insert into ops.bookmarks values (%s, %s, %s, %s, %s) on conflict (source, stream) do update"
                    " set read_to = excluded.read_to, written_at = excluded.written_at",
                    (source, stream, at.date(), run_id, at),
                )
        return run_id

    def step(self, step: str, status: str, *, at: datetime, message: str = "") -> None:
        self.warehouse.run(
            "insert into ops.steps (run_id, step, started_at, finished_at, status, message)"
            " values (%s, %s, %s, %s, %s, %s)",
            ("build_warehouse/1", step, at, at, status, message),
        )

    def check(self, now: datetime, *, ended_run: str | None = None) -> list[str]:
        """Look once; the messages that the chat got."""
        channels = {"Telegram": telegram(self.chat.url, TOKEN, "-100200")}
        tell(self.warehouse.url, channels, self.rules, now=now, ended_run=ended_run)
        return self.chat.texts()


@pytest.fixture
def watched(warehouse: Warehouse) -> Iterator[Watched]:
    with running_receiver() as chat:
        yield Watched(warehouse, chat)


def test_three_streams_of_a_vendor_that_fail_alike_are_one_message_with_window_and_runbook(watched: Watched) -> None:
    watched.load("calltouch", "calls", "requests", "sessions", at=MORNING - 30 * HOUR)
    watched.load("bitrix24", "deals", at=MORNING)
    watched.load(
        "calltouch", "calls", "requests", "sessions", at=MORNING - HOUR, error="TransientError",
        said="calltouch: no answer in 30 s",
    )  # fmt: skip
    assert watched.check(MORNING) == [
        "[chairside] calltouch: the vendor or the network does not answer\n"
        "Streams: calls, requests, sessions\n"
        "Window: 2026-06-23..2026-06-30\n"
        "Said: calltouch: no answer in 30 s\n"
        "Reports show calltouch as of 2026-06-29 04:00; other sources go on.\n"
        "Since: 2026-06-30 09:00 (Europe/Moscow)\n"
        "What to do: docs/runbooks/vendor_down.md"
    ]


def test_the_same_cause_is_not_said_again_until_it_lasted_a_while_and_its_end_is_said_once(watched: Watched) -> None:
    for hours in range(4):
        watched.load("calltouch", "calls", at=MORNING + hours * HOUR, error="RejectedError", said="401")
        told = watched.check(MORNING + hours * HOUR + HOUR / 2)
        assert len(told) == (hours == 0)
    assert watched.check(MORNING + 24 * HOUR) == []
    (still,) = watched.check(MORNING + 25 * HOUR)
    assert still.startswith("[chairside] still: calltouch: the vendor refuses the request\n")
    watched.load("calltouch", "calls", at=MORNING + 26 * HOUR)
    assert watched.check(MORNING + 26 * HOUR) == [
        "[chairside] over: calltouch: the vendor refuses the request\n"
        "It lasted from 2026-06-30 10:00 to 2026-07-01 12:00."
    ]
    assert watched.check(MORNING + 27 * HOUR) == []
    # and if it comes again, it is news
    watched.load("calltouch", "calls", at=MORNING + 28 * HOUR, error="RejectedError", said="401")
    assert len(watched.check(MORNING + 28 * HOUR)) == 1


def test_how_long_the_same_is_not_said_again_is_a_setting(watched: Watched) -> None:
    watched.rules = Rules(marts_by=None, repeat_after=2 * HOUR)
    watched.load("calltouch", "calls", at=MORNING, error="ConfigError", said="no token")
    assert [len(watched.check(MORNING + hours * HOUR)) for hours in range(5)] == [1, 0, 1, 0, 1]


def test_other_causes_are_other_messages(watched: Watched) -> None:
    watched.load("calltouch", "calls", at=MORNING - HOUR, error="TransientError", said="503")
    watched.load("calltouch", "requests", at=MORNING - HOUR, error="PayloadError", said="no list")
    watched.load("bitrix24", "deals", at=MORNING - HOUR, error="TransientError", said="503")
    assert sorted(text.splitlines()[0] for text in watched.check(MORNING)) == [
        "[chairside] bitrix24: the vendor or the network does not answer",
        "[chairside] calltouch: the answer has a shape that nobody knows",
        "[chairside] calltouch: the vendor or the network does not answer",
    ]


def test_a_passing_failure_is_told_when_its_run_has_ended_not_while_it_is_tried_again(watched: Watched) -> None:
    run_id = watched.load("calltouch", "calls", at=MORNING, error="TransientError", said="503")
    assert watched.check(MORNING + timedelta(minutes=2)) == []
    assert watched.check(MORNING + timedelta(minutes=3), ended_run="extract_bitrix24/9") == []
    assert len(watched.check(MORNING + timedelta(minutes=4), ended_run=run_id)) == 1


def test_a_step_that_passes_is_told_when_its_run_has_ended_not_while_it_is_tried_again(watched: Watched) -> None:
    watched.step("build", "failed", at=MORNING, message=f"build: the warehouse ended its sessions meanwhile. {AGAIN}")
    watched.step("forecast", "failed", at=MORNING, message="a series without days")
    (forecast,) = watched.check(MORNING + timedelta(minutes=2))
    assert forecast.startswith("[chairside] the step forecast")
    assert watched.check(MORNING + timedelta(minutes=3), ended_run="extract_bitrix24/9") == []
    (build,) = watched.check(MORNING + timedelta(minutes=4), ended_run="build_warehouse/1")
    assert build.startswith("[chairside] the step build")


def test_one_refused_account_of_two_is_told_although_the_other_went_well(watched: Watched) -> None:
    watched.load("vk_ads", "ad_performance", at=MORNING - 24 * HOUR)
    run = watched.load("vk_ads", "ad_performance", at=MORNING, error="RejectedError", said="account 11: 403")
    watched.warehouse.run("update ops.loads set account = '11' where run_id = %s", (run,))
    watched.warehouse.run(
        "insert into ops.loads (run_id, source, stream, window_from, window_to, started_at, finished_at, status,"
        " account) select run_id, source, stream, window_from, window_to, started_at + interval '1 s', finished_at,"
        " 'succeeded', '12' from ops.loads where account = '11'"
    )
    (text,) = watched.check(MORNING)
    assert "Said: account 11: 403" in text


def test_a_refused_build_and_refused_rows_name_their_rules_and_no_row(watched: Watched) -> None:
    watched.warehouse.run(
        "insert into ops.checks (run_id, gate, rule, table_name, severity, is_passed, rows_failed, examples,"
        " checked_at)"
        " values ('r1', 'landed', 'clinic_is_known', 'staging.calltouch__calls', 'stop', false, 7,"
        " '[\"+79000000001\"]', %s),"
        " ('r1', 'landed', 'volume', 'staging.calltouch__calls', 'warn', false, 1, null, %s),"
        " ('b1', 'marts', 'revenue_is_whole', 'build.fct_payments', 'stop', false, 1, null, %s)",
        (MORNING, MORNING, MORNING),
    )
    watched.warehouse.run(
        "insert into ops.builds (run_id, started_at, finished_at, status, gate)"
        " values ('b1', %s, %s, 'whole', 'refused')",
        (MORNING, MORNING),
    )
    landed, marts = sorted(watched.check(MORNING))
    assert "Rule: clinic_is_known of staging.calltouch__calls, 7 rows" in landed
    assert "volume" not in landed
    assert "Rule: revenue_is_whole of build.fct_payments" in marts
    assert landed.endswith("docs/runbooks/gate_refused.md") and marts.endswith("docs/runbooks/gate_refused.md")
    assert "7900" not in landed + marts
    watched.warehouse.run("update ops.builds set gate = 'released'")
    (over,) = watched.check(MORNING + HOUR)
    assert over.startswith("[chairside] over: the gate refuses to publish")


def test_no_person_and_no_secret_is_in_a_message(watched: Watched) -> None:
    watched.step(
        "build", "failed", at=MORNING,
        message='model dim_patients: invalid input for type date: "Иванова Анна", \'Anna Ivanova\', +7 900 000-00-01,'
        " anna@example.org, Bearer abc.def, postgresql://owner:s3cret@host/db\nDETAIL: Key (full_name)=(Пётр) exists",
    )  # fmt: skip
    watched.load("calltouch", "calls", at=MORNING, error="RejectedError", said='401 {"token": "tok-123"} 79000000002')
    told = "\n".join(watched.check(MORNING))
    assert "model dim_patients" in told and "401" in told
    for secret in ("Иванова", "Ivanova", "Пётр", "900", "example.org", "abc.def", "s3cret", "tok-123", TOKEN):
        assert secret not in told, secret
    assert TOKEN not in str(watched.warehouse.run("select * from ops.alerts"))


def test_marts_that_are_not_published_by_the_hour_are_told_with_what_seems_to_be_the_reason(watched: Watched) -> None:
    watched.rules = Rules(marts_by=time(9))
    watched.load("calltouch", "calls", at=MORNING - 26 * HOUR)
    watched.warehouse.run(
        "insert into ops.publications (run_id, published_at, rows_inserted, rows_deleted, tables)"
        " values ('b0', %s, 0, 0, '[]')", (MORNING - 25 * HOUR,),
    )  # fmt: skip
    watched.load("calltouch", "calls", at=MORNING - 3 * HOUR)
    watched.step("build", "failed", at=MORNING - 2 * HOUR, message="dbt: 1 of 200 failed")
    nine = MORNING - HOUR
    assert [text.splitlines()[0] for text in watched.check(nine - timedelta(minutes=1))] == [
        "[chairside] the step build of the warehouse failed; marts keep the last publication"
    ]
    assert watched.check(nine) == [
        "[chairside] marts were not published by 09:00\n"
        "Published last: 2026-06-29 09:00\n"
        "Because, it seems: the step build of the warehouse failed; marts keep the last publication\n"
        "Since: 2026-06-30 09:00 (Europe/Moscow)\n"
        "What to do: docs/runbooks/marts_are_late.md"
    ]
    # the next night it is still so; with a publication it is over
    assert watched.check(MORNING + 16 * HOUR) == []
    watched.warehouse.run(
        "insert into ops.publications (run_id, published_at, rows_inserted, rows_deleted, tables)"
        " values ('b1', %s, 0, 0, '[]')", (MORNING + 17 * HOUR,),
    )  # fmt: skip
    watched.load("calltouch", "calls", at=MORNING + 17 * HOUR)
    watched.step("build", "done", at=MORNING + 17 * HOUR)
    assert [text.splitlines()[0] for text in watched.check(MORNING + 17 * HOUR)] == [
        "[chairside] over: the step build of the warehouse failed; marts keep the last publication",
        "[chairside] over: marts were not published by 09:00",
    ]


def test_a_source_that_nobody_loads_any_more_is_told_but_not_beside_its_failure(watched: Watched) -> None:
    watched.load("calltouch", "calls", at=MORNING - 27 * HOUR)
    watched.load("bitrix24", "deals", at=MORNING - 27 * HOUR)
    watched.load("bitrix24", "deals", at=MORNING - HOUR, error="TransientError", said="503")
    assert sorted(text.splitlines()[0] for text in watched.check(MORNING)) == [
        "[chairside] bitrix24: the vendor or the network does not answer",
        "[chairside] calltouch: nothing was loaded lately, and nothing failed",
    ]


def test_a_message_that_no_channel_takes_is_sent_by_the_next_check(watched: Watched) -> None:
    watched.load("calltouch", "calls", at=MORNING, error="RejectedError", said="401")
    watched.chat.status = 503
    with pytest.raises(TransientError, match="Telegram refused the message with status 503") as caught:
        watched.check(MORNING)
    assert TOKEN not in str(caught.value)
    watched.chat.status = 200
    assert len(watched.check(MORNING + HOUR)) == 1
    watched.load("calltouch", "calls", at=MORNING + 2 * HOUR)
    watched.chat.status = 500
    with pytest.raises(TransientError):
        watched.check(MORNING + 2 * HOUR)
    watched.chat.status = 200
    (over,) = watched.check(MORNING + 3 * HOUR)
    assert "over: calltouch" in over


def test_a_channel_that_is_dead_does_not_keep_the_others_silent_nor_make_them_say_it_twice(watched: Watched) -> None:
    watched.load("calltouch", "calls", at=MORNING, error="RejectedError", said="401")
    channels = {
        "Telegram": telegram("http://127.0.0.1:1", TOKEN, "1"), "Slack": slack(watched.chat.url, "T0/B0/secret"),
    }  # fmt: skip
    with pytest.raises(TransientError, match="Telegram does not answer") as caught:
        tell(watched.warehouse.url, channels, watched.rules, now=MORNING)
    assert TOKEN not in str(caught.value)
    assert [path for path, _ in watched.chat.taken] == ["/T0/B0/secret"]
    assert tell(watched.warehouse.url, channels, watched.rules, now=MORNING + HOUR) == []


def test_a_channel_without_its_secret_says_which_field_is_missing() -> None:
    with pytest.raises(ConfigError, match="chat_id"):
        telegram(None, TOKEN, "")
    with pytest.raises(ConfigError, match="password"):
        slack(None, "")


def test_every_runbook_that_a_message_names_is_there() -> None:
    import warehouse.alerts.causes as causes

    for name in (causes.VENDOR_DOWN, causes.GATE_REFUSED, causes.MARTS_ARE_LATE, causes.FILES):
        assert (ROOT / name).is_file(), name


outcomes = st.lists(
    st.tuples(
        st.sampled_from(("calltouch", "bitrix24")),
        st.sampled_from(("a", "b")),
        st.sampled_from((None, "RejectedError", "PayloadError")),
        st.integers(0, 30),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(outcomes)
def test_whatever_happens_each_cause_is_said_when_it_begins_and_when_it_ends(
    warehouse: Warehouse, happened: list[tuple[str, str, str | None, int]]
) -> None:
    warehouse.run("truncate ops.loads, ops.bookmarks, ops.alerts")
    watched = Watched(warehouse, Receiver())
    open_now: set[str] = set()
    now = MORNING
    for source, stream, error, hours in happened:
        now += hours * HOUR + timedelta(minutes=1)
        watched.load(source, stream, at=now, error=error, said="no")
        # Logged only: nobody has to be asked.
        due: list[Message] = tell(warehouse.url, {}, Rules(marts_by=None, repeat_after=1000 * HOUR), now=now)
        for message in due:
            assert (message.cause in open_now) == (message.news == "over")
            open_now ^= {message.cause}
        with psycopg.connect(warehouse.url) as connection:
            known = connection.execute("select cause from ops.alerts where recovered_at is null").fetchall()
        assert open_now == {cause for (cause,) in known}
        assert (f"source:{source}:{error}" in open_now) == (error is not None)
