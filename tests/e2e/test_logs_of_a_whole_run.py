"""From landing to publication, well or refused at every gate: no person is in what is said, logged or kept of it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from extractors.core.errors import ChairsideError, PublicationRefused
from runtime.progress import Progress
from tests.city import MOMENT, City
from tests.people_in_logs import everything_logged, kept_words, people_of
from warehouse import pipeline
from warehouse.alerts.tell import Rules, tell


def run(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_person_is_in_what_is_said_of_a_load_that_fails_at_every_step(own_city: City) -> None:
    url, out = own_city.url, io.StringIO()
    say = Progress(out=out, as_json=True).say
    now = MOMENT + timedelta(days=1)
    told = ""

    def fails(kind: type[Exception]) -> str:
        with pytest.raises(kind) as caught:
            pipeline.build_and_publish(url, run_id="run", now=now, folder=own_city.dbt, say=say)
        assert isinstance(caught.value, ChairsideError)
        # what a log would print of the exception, with those behind it
        error, texts = caught.value, []
        while error is not None:
            texts.append(str(error))
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)  # type: ignore[assignment]
        return "\n".join(texts)

    with everything_logged() as logged:
        pipeline.load_files(url, own_city.files, None, run_id="run", now=now, say=say)
        # the first gate: a payment in a currency without a rate
        one = "(select min(ctid) from staging.files__payments)"
        run(url, f"update staging.files__payments set currency = 'XTS' where ctid = {one}")
        told += fails(PublicationRefused)
        run(url, "update staging.files__payments set currency = 'RUB'")
        # the build: people whose cards cannot be made
        run(url, "alter table build.dim_patients_personal add constraint nobody check (full_name is null)")
        run(url, "update staging.files__patients set full_name = full_name || ' Вторая'")
        told += fails(ChairsideError)
        run(url, "alter table build.dim_patients_personal drop constraint if exists nobody")
        # publication: readers' tables take no names
        run(url, "alter table marts.dim_patients_personal add constraint nobody check (full_name is null) not valid")
        told += fails(pipeline.StepFailed)
        tell(url, {}, Rules(), now=datetime.now(UTC))
    told += out.getvalue() + logged.getvalue() + kept_words(url)
    people = people_of(url)
    assert len(people) > 100
    assert "dim_patients_personal" in told
    assert not [person for person in people if person in told]
