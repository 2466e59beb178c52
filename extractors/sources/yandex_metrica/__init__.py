"""Yandex Metrica: every visit to the clinics' sites, by the Logs API.

https://api-metrika.yandex.net, `/management/v1/counter/{id}/logrequest…`: look for what an earlier run left behind,
evaluate, create, wait, download in parts, clean. Limits: 10 requests a second per address, 3 at once and 5000 a day per
user, a year and 3000 characters of fields a request, 10 GB of prepared logs per counter. Days and times are the
counter's. Today cannot be asked for. Visits change for about three days after they began, so a week is read again each
day and each window replaces itself.

Data flow: visits of every counter → staging.yandex_metrica__visits → stg_yandex_metrica__sessions.
By hand: python -m extractors yandex_metrica visits --from 2026-06-01 --to 2026-06-30
Not taken: hits, goals, purchases, spend (the platforms' own reports have it).
"""

from extractors.core.spec import SourceSpec
from extractors.sources.yandex_metrica.client import MetricaClient
from extractors.sources.yandex_metrica.streams import VISITS

SOURCE = SourceSpec(
    name="yandex_metrica",
    description="Visits to the sites, as Yandex Metrica counted them",
    streams=(VISITS,),
    client=MetricaClient,
    time_zone="Europe/Moscow",
    clinics_setting="counters",
)
