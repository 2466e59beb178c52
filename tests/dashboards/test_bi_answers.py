"""An answer that Superset keeps is one viewer's, while his rights and the publication last, five minutes at most."""

from __future__ import annotations

import json

import pytest

from bi.superset.answers import DATA, SECONDS, Answers, is_kept, key_of

CHART = json.dumps({"queries": [], "force": False, "result_format": "json"}).encode()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", DATA, CHART),
        ("GET", "/api/v1/dashboard/ad_payback-en", b""),
        ("GET", "/api/v1/dashboard/ad_payback-en/charts", b""),
        ("GET", "/api/v1/dataset/7/drill_info/", b""),
    ],
)
def test_what_a_dashboard_asks_for_when_it_opens_is_kept(method: str, path: str, body: bytes) -> None:
    assert is_kept(method, path, body)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", DATA, CHART.replace(b"false", b"true")),  # the reader asked for fresh figures
        ("POST", DATA, CHART.replace(b'"json"', b'"xlsx"')),
        ("POST", DATA, b"no json"),
        ("POST", "/api/v1/dashboard/1/filter_state", CHART),
        ("GET", "/api/v1/dashboard/1/filter_state", b""),
        ("GET", "/api/v1/me/", b""),
        ("GET", "/login/", b""),
        ("PUT", "/api/v1/dashboard/ad_payback-en", b""),
    ],
)
def test_nothing_else_is_kept(method: str, path: str, body: bytes) -> None:
    assert not is_kept(method, path, body)


def test_another_viewer_right_publication_or_language_is_another_question() -> None:
    asked = [
        (mark, language, "POST", target, body)
        for mark in ("anna 1", "boris 1", "anna 2")
        for language in ("en", "ru")
        for target in (f"{DATA}?dashboard_id=1", f"{DATA}?dashboard_id=2")
        for body in (CHART, CHART + b" ")
    ]
    assert len({key_of(*each) for each in asked}) == len(asked)


def test_an_answer_lives_five_minutes() -> None:
    clock = [0.0]
    answers = Answers(now=lambda: clock[0])
    answers.keep("key", b"figures", "application/json")
    clock[0] = SECONDS - 1
    found = answers.get("key")
    assert found is not None and found.body == b"figures"
    clock[0] = SECONDS
    assert answers.get("key") is None


def test_the_oldest_goes_where_there_is_no_room() -> None:
    answers = Answers(now=lambda: 0.0, largest=10)
    answers.keep("first", b"12345", "text/plain")
    answers.keep("first", b"12345", "text/plain")  # asked again: it is not counted twice
    answers.keep("second", b"12345", "text/plain")
    assert answers.get("first") and answers.get("second")
    answers.keep("third", b"1", "text/plain")
    assert answers.get("first") is None and answers.get("second") and answers.get("third")
