"""Visits to the clinic's site: where they came from and what the link carried."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from simulators.world import advertising, model
from simulators.world.city import City, Household
from simulators.world.vocabulary import Topic

# (what the visit is, weight as the visit of a contact, weight as an earlier visit)
VISIT_KINDS = (
    ("direct_ad", 26, 20),
    ("google_ad", 8, 6),
    ("vk_ad", 10, 14),
    ("meta_ad", 4, 6),
    ("organic_yandex", 20, 22),
    ("organic_google", 8, 10),
    ("direct", 16, 14),
    ("referral_site", 4, 6),
    ("brand_ad", 4, 2),
)
# Kind of visit → (platform, source, medium, where the ad is shown, the click's parameter in the link)
AD_VISITS = {
    "direct_ad": ("yandex_direct", "yandex", "cpc", "https://yandex.ru/", "yclid"),
    "brand_ad": ("yandex_direct", "yandex", "cpc", "https://yandex.ru/", "yclid"),
    "google_ad": ("google_ads", "google", "cpc", "https://www.google.com/", "gclid"),
    "vk_ad": ("vk_ads", "vk", "cpc", "https://vk.com/", None),
    "meta_ad": ("meta_ads", "facebook", "cpc", "https://l.facebook.com/", "fbclid"),
}


def browse(city: City, household: Household, clinic_id: str, topic: Topic, contact_at: datetime) -> tuple[int, ...]:
    """The client's visits up to a contact, the one it was made in last; up to three new earlier ones are invented."""
    rng = city.rng
    past = [
        index
        for index in household.sessions
        if city.sessions[index].clinic_id == clinic_id and city.sessions[index].started_at <= contact_at
    ]
    earliest = max((city.sessions[index].started_at for index in past), default=contact_at - timedelta(days=60))
    if city.systems[clinic_id].site == "yandex_metrica":
        earliest = max(earliest, city.at(clinic_id, city.date_from, 12))  # the counter began to count that day
    own = contact_at - timedelta(minutes=rng.randrange(1, 15), seconds=rng.randrange(60))
    if own > earliest:
        days = sorted((rng.uniform(0.5, 25) for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3)))), reverse=True)
        for moment in ((contact_at - timedelta(days=back)).replace(microsecond=0) for back in days):
            if moment > earliest:
                past.append(_visit(city, household, clinic_id, topic, moment, own=False))
        past.append(_visit(city, household, clinic_id, topic, own, own=True))
        household.sessions = sorted(set(household.sessions) | set(past))
    return tuple(past)


def _visit(city: City, household: Household, clinic_id: str, topic: Topic, started_at: datetime, *, own: bool) -> int:
    rng = city.rng
    kind = city.weighted([(name, mine if own else earlier) for name, mine, earlier in VISIT_KINDS])
    page = f"https://{clinic_id.lower()}.clinic.example/{topic.word}"
    utm: dict[str, str] = {}
    extra: dict[str, str] = {}
    referrer: str | None = None
    source, medium = "(direct)", "<не указано>"
    campaign_id = ad_id = None
    if kind in AD_VISITS:
        platform, source, medium, referrer, click = AD_VISITS[kind]
        campaign = _campaign(city, platform, None if kind == "brand_ad" else topic, clinic_id)
        campaign_id, ad_id = campaign.campaign_id, rng.choice(campaign.ad_ids)
        utm = {"utm_source": source, "utm_medium": medium, "utm_campaign": campaign.name}
        if kind != "vk_ad":
            utm |= {"utm_content": str(ad_id)}
        if medium == "cpc" and source in ("yandex", "google"):
            utm |= {"utm_term": topic.search_word}
        if click:
            extra = {click: str(rng.randrange(10**18, 9 * 10**18))}
    elif kind == "organic_yandex":
        source, medium, referrer = "yandex", "organic", "https://yandex.ru/"
    elif kind == "organic_google":
        source, medium, referrer = "google", "organic", "https://www.google.com/"
    elif kind == "referral_site":
        source, medium, referrer = "city-news.example", "referral", "https://city-news.example/dentists"
    query = utm | extra
    session = model.Session(
        session_id=len(city.sessions),
        client_id=household.client_id,
        ct_client_id=household.ct_client_id,
        started_at=started_at,
        landing_page=f"{page}?{urlencode(query)}" if query else page,
        referrer=referrer,
        source=source,
        medium=medium,
        utm_source=utm.get("utm_source"),
        utm_medium=utm.get("utm_medium"),
        utm_campaign=utm.get("utm_campaign"),
        utm_content=utm.get("utm_content"),
        utm_term=utm.get("utm_term"),
        campaign_id=campaign_id,
        ad_id=ad_id,
        clinic_id=clinic_id,
    )
    city.sessions.append(session)
    return session.session_id


def _campaign(city: City, platform: str, topic: Topic | None, clinic_id: str) -> advertising.Campaign:
    """The clinic's campaign of that topic, else any of its own there, else (or without a topic) the network's."""
    known = [campaign for campaign in city.campaigns if campaign.platform == platform]
    if topic is not None:
        own = [campaign for campaign in known if campaign.clinic_id == clinic_id]
        exact = [campaign for campaign in own if campaign.topic == topic.word]
        if exact or platform != "yandex_direct":
            return (exact or own)[0]
    return next(campaign for campaign in known if campaign.clinic_id is None)
