"""Faults fire where and when they were planned, at every vendor, and then the vendor is well again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from simulators.faults import Fault, FaultKind
from simulators.http import json_response, text_response
from simulators.running import SIMULATORS, Simulators, running_simulators
from simulators.world import World
from simulators.yandex_direct.state import DirectOptions
from tests.simulators.reading import bitrix_call, direct_report
from tests.simulators.reading_dental import dental_get

ROOT = Path(__file__).parents[2]
Ask = Callable[[Simulators, int], requests.Response]


def calltouch(running: Simulators, page: int) -> requests.Response:
    endpoint = running.endpoints["calltouch"]
    query = {"clientApiId": endpoint["token"], "dateFrom": "01/08/2026", "dateTo": "31/08/2026", "page": str(page),
             "limit": "20"}  # fmt: skip
    return requests.get(f"{endpoint['base_url']}/calls-service/RestAPI/11001/calls-diary/calls", query, timeout=10)


def direct(running: Simulators, page: int) -> requests.Response:
    world = running.world
    part = {"Limit": 20, "Offset": 20 * (page - 1)}
    endpoint = running.endpoints["yandex_direct"]
    return direct_report(endpoint, "chairside-c1", world.date_from, world.date_to, name=f"page {page}", Page=part)


def bitrix(running: Simulators, page: int) -> requests.Response:
    return bitrix_call(running.endpoints["bitrix24"], "crm.deal.list", start=50 * (page - 1))


def dental(running: Simulators, page: int) -> requests.Response:
    return dental_get(running.endpoints["open_dental"], "appointments", Offset=str(100 * (page - 1)))


SOURCES: dict[str, Ask] = {"calltouch": calltouch, "yandex_direct": direct, "bitrix24": bitrix, "open_dental": dental}
AT_ONCE = {"yandex_direct": DirectOptions(polls=1)}
each_source = pytest.mark.parametrize("source", list(SOURCES))


def rows(source: str, answer: requests.Response) -> list[Any]:
    if source == "yandex_direct":
        return answer.text.splitlines()[1:]
    body = answer.json()
    return list(body["records"] if source == "calltouch" else body["result"] if source == "bitrix24" else body)


@each_source
@pytest.mark.parametrize(
    ("kind", "status"), [("unauthorized", 401), ("too_many_requests", 429), ("server_error", 500), ("html", 200)]
)
def test_a_refusal_fires_once_and_the_next_request_is_answered(
    city: World, source: str, kind: FaultKind, status: int
) -> None:
    with running_simulators(city, faults=[Fault(kind, source)], options=AT_ONCE) as running:
        broken, well = SOURCES[source](running, 1), SOURCES[source](running, 1)
    assert broken.status_code == (503 if (source, kind) == ("bitrix24", "too_many_requests") else status)
    assert ("<html" in broken.text.lower()) == (kind == "html")
    assert well.status_code == 200 and rows(source, well)


@each_source
@pytest.mark.parametrize("retry_after", [None, 3])
def test_too_many_requests_comes_with_and_without_retry_after(
    city: World, source: str, retry_after: int | None
) -> None:
    faults = [Fault("too_many_requests", source, retry_after=retry_after)]
    with running_simulators(city, faults=faults, options=AT_ONCE) as running:
        assert SOURCES[source](running, 1).headers.get("Retry-After") == (str(retry_after) if retry_after else None)


@each_source
def test_a_cut_body_breaks_the_connection_and_a_truncated_one_does_not(city: World, source: str) -> None:
    faults = [Fault("cut_body", source), Fault("truncated_json", source)]
    with running_simulators(city, faults=faults, options=AT_ONCE) as running:
        with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
            SOURCES[source](running, 1)
        short, whole = SOURCES[source](running, 1), SOURCES[source](running, 1)
    assert short.status_code == 200
    assert whole.content.startswith(short.content[:20]) and len(short.content) < len(whole.content)
    if source != "yandex_direct":
        # half a body may end inside a letter
        with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
            json.loads(short.content)


@each_source
def test_a_repeated_page_and_an_empty_page_in_the_middle(city: World, source: str) -> None:
    faults = [Fault("repeated_page", source, after=1), Fault("empty_page", source, after=1)]
    with running_simulators(city, faults=faults, options=AT_ONCE) as running:
        first, second, third, last = (SOURCES[source](running, page) for page in (1, 2, 2, 2))
    assert rows(source, second) == rows(source, first)
    assert third.status_code == 200 and rows(source, third) == []
    assert rows(source, last) and rows(source, last) != rows(source, first)


def test_a_slow_answer_is_slow_and_good(city: World) -> None:
    with running_simulators(city, faults=[Fault("slow", "calltouch", seconds=0.2)]) as running:
        started = time.perf_counter()
        answer = calltouch(running, 1)
        assert time.perf_counter() - started >= 0.2
    assert rows("calltouch", answer)


def test_a_vendors_special_refusal_can_be_planned_word_for_word(city: World) -> None:
    spent = json_response({"error": "OPERATION_TIME_LIMIT", "time": {"operating_reset_at": 1_790_000_000}}, 429)
    balancer = text_response("<html>502 Bad Gateway</html>", 502, "text/html")
    faults = [Fault("answer", "bitrix24", response=spent), Fault("answer", "bitrix24", response=balancer)]
    with running_simulators(city, faults=faults) as running:
        first, second, third = (bitrix(running, 1) for _ in range(3))
    assert (first.status_code, first.json()["error"]) == (429, "OPERATION_TIME_LIMIT")
    assert (second.status_code, third.status_code) == (502, 200)


def test_a_fault_knows_its_source_its_address_and_its_turn(city: World) -> None:
    fault = Fault("server_error", "bitrix24", matching="crm.contact", times=2, after=1)
    with running_simulators(city, faults=[fault]) as running:
        endpoint = running.endpoints["bitrix24"]
        assert dental(running, 1).status_code == bitrix(running, 1).status_code == 200
        statuses = [bitrix_call(endpoint, "crm.contact.list").status_code for _ in range(4)]
        running.faults.add(Fault("server_error", times=-1))
        assert {bitrix(running, 1).status_code for _ in range(3)} == {500}
        assert [entry[2] for entry in running.servers["bitrix24"].journal][1:5] == statuses
    assert statuses == [200, 500, 500, 200]
    assert running.faults.fired[:2] == [fault, fault]


def test_the_process_writes_its_state_when_all_serve_and_stops_on_sigterm(tmp_path: Path) -> None:
    state = tmp_path / "run" / "state.json"
    command = [sys.executable, "-m", "simulators", "--seed", "2", "--days", "10", "--state", str(state)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        waited = time.monotonic() + 20
        while not state.exists() and time.monotonic() < waited:
            time.sleep(0.05)
        endpoints = json.loads(state.read_text(encoding="utf-8"))
        assert list(endpoints) == list(SIMULATORS)
        assert state.stat().st_mode & 0o077 == 0
        assert dental_get(endpoints["open_dental"], "clinics").status_code == 200
        assert os.listdir(state.parent) == ["state.json"]  # noqa: PTH208 - the draft of the file is gone too
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
