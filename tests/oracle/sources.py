"""Where a touch came from: RULES section 2 and section 12, items 11 to 15."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.oracle.people import People
from tests.oracle.rows import Data, Row

SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"
LOOKBACK = timedelta(days=90)
NOT_A_SOURCE = {"advertising", "internet", "other"}  # of `how_learned`


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Source:
    channel: str
    source: str
    medium: str | None = None
    campaign: str | None = None


UNKNOWN = Source("unknown", "unknown")
DIRECT = Source("direct", "direct")


@dataclass(frozen=True)
class Touch:
    """A session or an inbound contact of a person. `contact_id` is None for a session."""

    at: datetime
    id: str
    contact_id: str | None
    source: Source


def host_of(address: str | None) -> str | None:
    """Host of a web address without `www.`; None of a bare path."""
    if not address or (address.startswith("/") and not address.startswith("//")):
        return None
    host = urlsplit(address if "//" in address else "//" + address).hostname
    return host.removeprefix("www.") if host else None


def query_of(address: str | None) -> dict[str, str]:
    """Query parameters of a web address, decoded, names in lower case, first value of each."""
    if not address or "?" not in address:
        return {}
    query = address.split("?", 1)[1].split("#", 1)[0]
    return {name.lower(): values[0].strip() for name, values in reversed(list(parse_qs(query).items()))}


class Sources:
    """Answers for one data set; holds the seeds and the spend and tracking rows that give a channel."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.groupings = sorted(seed("channel_groupings"), key=lambda rule: int(rule["priority"]))
        self.referrers = seed("referrer_groupings")
        self.click_kinds = {rule["kind"]: rule for rule in seed("click_id_kinds")}
        self.sessions_of_client: dict[str, list[Row]] = {}
        for session in sorted(data["sessions"], key=lambda row: (row["started_at"], row["session_id"])):
            if session["client_id"]:
                self.sessions_of_client.setdefault(session["client_id"], []).append(session)
        # Later assignments win: tracking rows, then spend rows, each by date; of one date the channel first by name.
        self.known_channels: dict[tuple[str, str | None], str] = {}
        claims = [(1, str(row["valid_from"] or ""), row) for row in data["tracking_addresses"]]
        claims += [(2, str(row["date_from"]), row) for row in data["ad_spend"]]
        claims.sort(key=lambda claim: claim[2]["channel"] or "", reverse=True)
        for _, _, row in sorted(claims, key=lambda claim: claim[:2]):
            if row["channel"]:
                self.known_channels[(row["source"], row["campaign"])] = row["channel"]

    def channel(self, source: str, medium: str | None, campaign: str | None, day: date) -> str:
        """12.12: the channel of the spend or tracking row with the same source and campaign, else of the seed's first
        rule that matches and is valid on the local day."""
        if (source, campaign) in self.known_channels:
            return self.known_channels[(source, campaign)]
        for rule in self.groupings:
            is_valid = (rule["valid_from"] or "0000") <= day.isoformat() <= (rule["valid_to"] or "9999")
            matches = re.fullmatch(rule["source_pattern"], source.lower()) and re.fullmatch(
                rule["medium_pattern"], (medium or "").lower()
            )
            if is_valid and matches:
                return rule["channel"]
        return "other"

    def _click_kind(self, row: Row, query: dict[str, str]) -> str | None:
        """Kind of the click id of a row; None where there is no click id or its kind is not known."""
        in_query = [kind for kind in self.click_kinds if query.get(kind)]
        if not row["click_id"]:
            return in_query[0] if in_query else None
        if ":" in row["click_id"]:
            kind = row["click_id"].split(":", 1)[0].strip().lower()
            return kind if kind in self.click_kinds else None
        same_value = [kind for kind in in_query if query[kind] == row["click_id"]]
        return next(iter(same_value + in_query), None)

    def _by_tags(self, row: Row, day: date) -> Source | None:
        """Click id, then UTM tags (12.13)."""
        query = query_of(row["landing_page"])
        source = row["utm_source"] or query.get("utm_source")
        medium = row["utm_medium"] or query.get("utm_medium")
        campaign = row["utm_campaign"] or query.get("utm_campaign")
        kind = self._click_kind(row, query)
        if kind:
            rule = self.click_kinds[kind]
            return Source(rule["channel"], rule["source"], medium, campaign)
        if source:
            return Source(self.channel(source, medium, campaign, day), source, medium, campaign)
        return None

    def _by_referrer(self, referrer: str | None, site: str | None) -> Source | None:
        host = host_of(referrer)
        if not host or host == site:
            return None
        for rule in self.referrers:
            if re.fullmatch(rule["host_pattern"], host.lower()):
                return Source(rule["channel"], rule["source"])
        return Source("referral_site", host.lower())

    def _by_called_address(self, contact: Row) -> Source | None:
        """Static call and e-mail tracking; a row of the clinic beats the network's, a later one an earlier."""
        day = self.data.local_date(contact["occurred_at"], contact["clinic_id"])
        valid = [
            row
            for row in self.data["tracking_addresses"]
            if contact["called_address"]
            and row["address"] == contact["called_address"]
            and row["clinic_id"] in (None, contact["clinic_id"])
            and (row["valid_from"] is None or row["valid_from"] <= day)
            and (row["valid_to"] is None or day <= row["valid_to"])
        ]
        if not valid:
            return None
        names = ("source", "campaign", "medium", "channel")
        first_by_name = sorted(valid, key=lambda row: [(row[name] is None, row[name] or "") for name in names])
        ends_first = sorted(first_by_name, key=lambda row: str(row["valid_to"] or "9999"))
        row = max(ends_first, key=lambda row: (row["clinic_id"] is not None, str(row["valid_from"] or "")))
        channel = row["channel"] or self.channel(row["source"], row["medium"], row["campaign"], day)
        return Source(channel, row["source"], row["medium"], row["campaign"])

    def of_session(self, session: Row) -> Source:
        site = host_of(session["site"]) or host_of(session["landing_page"])
        day = self.data.local_date(session["started_at"], None)
        return self._by_tags(session, day) or self._by_referrer(session["referrer"], site) or DIRECT

    def session_of_contact(self, contact: Row) -> Row | None:
        """The client's last session begun before the contact."""
        before = [
            session
            for session in self.sessions_of_client.get(contact["client_id"] or "", [])
            if session["started_at"] < contact["occurred_at"]
        ]
        return before[-1] if before else None

    def of_contact(self, contact: Row) -> Source:
        session = self.session_of_contact(contact)
        return (
            self._by_tags(contact, self.data.local_date(contact["occurred_at"], contact["clinic_id"]))
            or (self.of_session(session) if session else None)
            or self._by_called_address(contact)
            or self._by_referrer(contact["referrer"], host_of(contact["landing_page"]))
            or of_how_learned(contact["how_learned"])
        )


def of_how_learned(value: str | None) -> Source:
    """12.14. A touch that only a recommendation explains is in channel `referral`, like its inquiry."""
    if not value or value in NOT_A_SOURCE:
        return UNKNOWN
    return Source("referral" if value.startswith("referral_") else "how_learned", value)


def touches_by_person(data: Data, people: People, sources: Sources) -> dict[str, list[Touch]]:
    """All touches of every person in time order; sessions before contacts of the same moment. Outbound is no touch."""
    touches: dict[str, list[Touch]] = {}
    for session in data["sessions"]:
        touch = Touch(session["started_at"], session["session_id"], None, sources.of_session(session))
        touches.setdefault(people.of_session[session["session_id"]], []).append(touch)
    for contact in data["contacts"]:
        if contact["direction"] == "inbound":
            id_ = contact["contact_id"]
            touch = Touch(contact["occurred_at"], id_, id_, sources.of_contact(contact))
            for person in people.of_contact[id_]:
                touches.setdefault(person, []).append(touch)
    for path in touches.values():
        path.sort(key=lambda touch: (touch.at, touch.contact_id is not None, touch.id))
    return touches


def path_to(deciding: Touch, touches: list[Touch]) -> list[Touch]:
    """12.15: touches with a source, 90 days up to the deciding contact; that one itself always, and last."""
    earlier = [
        touch
        for touch in touches
        if touch != deciding and touch.source != UNKNOWN and deciding.at - LOOKBACK <= touch.at <= deciding.at
    ]
    return [*earlier, deciding]


def weights(path: list[Touch], model: str) -> list[Fraction]:
    """Credit of every touch of a path, in sum exactly 1."""
    count = len(path)
    chosen: int | None = None
    if model == "first_touch":
        chosen = 0
    elif model == "last_touch":
        chosen = count - 1
    elif model == "last_non_direct":
        ranks = [0 if t.source == UNKNOWN else 1 if t.source.channel == "direct" else 2 for t in path]
        chosen = max(range(count), key=lambda place: (ranks[place], place))
    elif (model == "position_based" and count <= 2) or model == "linear":
        return [Fraction(1, count)] * count
    elif model == "w_shaped":
        # the path of an inquiry ends where it is made and booked from: its last touch is both
        between = [Fraction(10, max(count - 2, 1))] * (count - 2)
        raw = [Fraction(1)] if count == 1 else [Fraction(30), *between, Fraction(60)]
        return [weight / sum(raw) for weight in raw]
    elif model == "position_based":
        return [Fraction(2, 5), *[Fraction(1, 5) / (count - 2)] * (count - 2), Fraction(2, 5)]
    elif model == "time_decay":
        raw = []
        with localcontext() as context:
            context.prec = 50
            for touch in path:
                seconds = Decimal(str((path[-1].at - touch.at).total_seconds()))
                raw.append(Fraction(Decimal(2) ** (-seconds / (7 * 86400))))
        return [weight / sum(raw) for weight in raw]
    else:
        raise ValueError(f"attribution model {model!r} is not part of the oracle")
    return [Fraction(int(place == chosen)) for place in range(count)]
