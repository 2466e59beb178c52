"""The audit of UTM tags, and the channel rules it rests on."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.templates import Template, copied

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reports" / "utm_audit.md"
RULES = ROOT / "dbt_project" / "seeds" / "channel_groupings.csv"
CASES = Path(os.environ.get("CHAIRSIDE_SHARED") or ROOT.parent / "shared") / "data" / "channel_grouping"
# What each rule is for, in the order of the seed: a rule that wins none of these is hidden behind an earlier one.
EXAMPLES = (
    ("(direct)", "(none)", "direct"), ("2gis", "cpc", "maps"), ("prodoctorov.ru", "cpc", "aggregator"),
    ("telegram", "bot", "messenger"), ("crm", "email", "email"), ("unisender", "june", "email"),
    ("metro", "billboard", "offline"), ("radio", "", "offline"), ("vk", "cpc", "paid_social"),
    ("somebody", "paid_social", "paid_social"), ("somebody", "banner", "display"), ("yandex", "cpc", "paid_search"),
    ("somebody", "paid search", "paid_search"), ("google", "organic", "organic"), ("vk", "", "social"),
    ("somebody", "smm", "social"), ("somebody", "chat", "messenger"), ("somebody", "seo", "organic"),
    ("somebody", "partner", "referral_site"), ("somebody", "aggregator", "aggregator"), ("somebody", "map", "maps"),
)  # fmt: skip
# GA4's groups in our channels. It has groups that a clinic has no channel for: those are `other`, and cases that GA4
# decides by the campaign's name are not asked, since our rules read source and medium.
OURS = {
    "Direct": "direct", "Paid Search": "paid_search", "Paid Social": "paid_social", "Paid Video": "paid_social",
    "Display": "display", "Paid Other": "other", "Organic Social": "social", "Organic Video": "social",
    "Organic Search": "organic", "Referral": "referral_site", "Email": "email", "Affiliates": "other",
    "Audio": "other", "SMS": "other", "Mobile Push Notifications": "other", "Unassigned": "other",
}  # fmt: skip
# On purpose: a search engine without a medium is its advertising in a clinic's files, and a social network's banner is
# paid social.
DIFFERENT_ON_PURPOSE = {("bing", ""): "paid_search", ("youtube.com", "display"): "paid_social"}


def rules(day: str = "2026-06-15") -> list[dict[str, str]]:
    """Those valid on a day; what a rule of another time said is no other rule."""
    with RULES.open(encoding="utf-8") as opened:
        return [
            rule
            for rule in csv.DictReader(opened)
            if (rule["valid_from"] or "0000") <= day <= (rule["valid_to"] or "9999")
        ]


def winner(source: str, medium: str) -> dict[str, str]:
    for rule in rules():
        if re.fullmatch(rule["source_pattern"], source.lower()) and re.fullmatch(
            rule["medium_pattern"], medium.lower()
        ):
            return rule
    return {"priority": "none", "channel": "other"}


def test_every_channel_rule_has_a_place_of_its_own_and_is_not_hidden_by_an_earlier_one() -> None:
    priorities = [int(rule["priority"]) for rule in rules()]
    assert priorities == sorted(set(priorities)), "two rules of one priority overlap by chance"
    won = {}
    for source, medium, channel in EXAMPLES:
        rule = winner(source, medium)
        assert rule["channel"] == channel, (source, medium)
        won[rule["priority"]] = (source, medium)
    assert won.keys() == {rule["priority"] for rule in rules()}, "a rule without an example"


@pytest.mark.skipif(not CASES.is_dir(), reason="the published cases are not beside this checkout")
def test_the_channel_rules_have_no_gap_against_ga4s_default_grouping() -> None:
    with (CASES / "cases_expected.csv").open(encoding="utf-8") as opened:
        cases = [case for case in csv.DictReader(opened) if case["agrees"] == "True"]
    asked = [case for case in cases if case["expected_upstream"] in OURS]
    assert len(asked) >= 20
    for case in asked:
        pair = (case["source"], case["medium"])
        expected = DIFFERENT_ON_PURPOSE.get(pair, OURS[case["expected_upstream"]])
        assert winner(*pair)["channel"] == expected, case


@pytest.fixture
def june(pg_server_url: str, more_than_june_template: Template) -> Iterator[str]:
    """June with sessions whose tags spoil figures, and spend that nobody came of."""
    with copied(more_than_june_template.url, pg_server_url) as url:
        yield url


def test_the_audit_finds_what_spoils_the_figures_of_june(june: str) -> None:
    def ask(query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(june) as connection:
            return connection.execute(query.encode()).fetchall()

    found = ask(
        "select finding, source, campaign, other_source, other_campaign"
        " from reports.utm_audit(date '2026-06-01', date '2026-06-30')"
    )
    assert ("spend_without_visits", "ok", "nobody-came", None, None) in found
    assert ("visits_without_spend", "google", "brand", None, None) in found
    assert ("near_miss", "Yandex", "Implants_June", "yandex", "implants-june") in found
    assert ("near_miss", "yandex", "implant-june", "yandex", "implants-june") in found
    assert ("no_channel_rule", "strange", None, None, None) in found
    sane = {row[1:3] for row in found if row[0] in ("spend_without_visits", "visits_without_spend", "no_channel_rule")}
    assert not sane & {("yandex", "implants-june"), ("yandex", "therapy-june"), ("vk", "family")}
    assert not [row for row in found if row[0] == "near_miss" and row[2] in ("brand", "family")]

    # a threshold given as null is the usual one
    unasked = "select 1 from reports.utm_audit(date '2026-06-01', date '2026-06-30', least_likeness => null)"
    assert len(ask(unasked)) == len(found)

    likeness = "select reports.text_likeness('implants c1', 'implants c2'), reports.text_likeness('Word', 'two words')"
    assert ask(likeness) == [(0, ask("select round(4 / 11.0, 3)")[0][0])]  # pg_trgm: similarity('word', 'two words')
    (query,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(ask(query)) == len(found)
    differs = ask(
        "select sum(spend) <> (select sum(spend) from marts.fct_ad_spend)"
        " or sum(sessions) <> (select count(*) from marts.fct_sessions) from reports.utm_audit_daily"
    )
    assert differs == [(False,)]
