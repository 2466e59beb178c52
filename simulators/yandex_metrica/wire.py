"""Logs as the vendor writes them: TSV with a line of names, text escaped as ClickHouse does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from simulators.world.model import Session
from simulators.yandex_metrica.state import MetricaState, OrderedLog

ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "'": "\\'"}
FIELDS = frozenset(
    f"ym:s:{name}"
    for name in (
        "visitID", "counterID", "clientID", "date", "dateTime", "dateTimeUTC", "isNewUser", "startURL", "endURL",
        "referer", "pageViews", "visitDuration", "bounce", "UTMSource", "UTMMedium", "UTMCampaign", "UTMContent",
        "UTMTerm", "lastTrafficSource", "lastAdvEngine", "lastReferalSource", "lastSearchEngineRoot",
        "lastSocialNetwork", "lastDirectClickOrder", "watchIDs",
    )
)  # fmt: skip
TRAFFIC = {"cpc": "ad", "organic": "organic", "referral": "referral", "social": "social"}


def cells(state: MetricaState, counter: int, visit: Session) -> dict[str, str]:
    """Every field of a visit that can be asked for: FIELDS."""
    begun = state.local(visit.started_at)
    shifted = visit.started_at.replace(tzinfo=None) + timedelta(hours=state.options.utc)
    traffic = TRAFFIC.get(visit.medium, "direct")
    host = (urlsplit(visit.referrer).hostname or "") if visit.referrer else ""
    return {
        "ym:s:visitID": str(visit.session_id),
        "ym:s:counterID": str(counter),
        "ym:s:clientID": visit.client_id,
        "ym:s:date": f"{begun:%Y-%m-%d}",
        "ym:s:dateTime": f"{begun:%Y-%m-%d %H:%M:%S}",
        "ym:s:dateTimeUTC": f"{shifted:%Y-%m-%d %H:%M:%S}",
        "ym:s:isNewUser": "0",
        "ym:s:startURL": visit.landing_page,
        "ym:s:endURL": visit.landing_page,
        "ym:s:referer": visit.referrer or "",
        "ym:s:pageViews": "3",
        "ym:s:visitDuration": "95",
        "ym:s:bounce": "0",
        "ym:s:UTMSource": visit.utm_source or "",
        "ym:s:UTMMedium": visit.utm_medium or "",
        "ym:s:UTMCampaign": visit.utm_campaign or "",
        "ym:s:UTMContent": visit.utm_content or "",
        "ym:s:UTMTerm": visit.utm_term or "",
        "ym:s:lastTrafficSource": traffic,
        "ym:s:lastAdvEngine": "ya_direct" if traffic == "ad" and visit.source == "yandex" else "",
        "ym:s:lastReferalSource": host if traffic == "referral" else "",
        "ym:s:lastSearchEngineRoot": visit.source if traffic == "organic" else "",
        "ym:s:lastSocialNetwork": visit.source if traffic == "social" else "",
        "ym:s:lastDirectClickOrder": str(visit.campaign_id) if visit.source == "yandex" and visit.campaign_id else "0",
        "ym:s:watchIDs": f"[{visit.session_id}1,{visit.session_id}2]",
    }


def part(state: MetricaState, made: OrderedLog, number: int) -> bytes:
    """The names, then a visit a line; the last line ends like the others."""
    lines = ["\t".join(made.fields)]
    for visit in made.parts[number]:
        known = cells(state, made.counter, visit)
        lines.append("\t".join(escape(known[name], state.options.escaped) for name in made.fields))
    return "".join(f"{line}\n" for line in lines).encode()


def log_request(state: MetricaState, made: OrderedLog) -> dict[str, Any]:
    ready = made.status == "processed"
    sizes = [len(part(state, made, number)) for number in range(len(made.parts))] if ready else []
    told: dict[str, Any] = {
        "request_id": made.request_id,
        "counter_id": made.counter,
        "source": ["visits"] if state.options.source_as_list else "visits",
        "date1": made.first.isoformat(),
        "date2": made.last.isoformat(),
        "fields": list(made.fields),
        "status": made.status,
        "attribution": "LASTSIGN",
    }
    if ready:
        told |= {
            "size": sum(sizes),
            "parts": [{"part_number": number, "size": size} for number, size in enumerate(sizes)],
        }
    return told


def escape(text: str, escaped: bool = True) -> str:
    """A cell as it is written."""
    return "".join(ESCAPES.get(letter, letter) for letter in text) if escaped else text
