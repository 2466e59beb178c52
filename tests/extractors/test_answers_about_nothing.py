"""An answer that says nothing of what was asked takes nothing away: no body, null, a word, an object without the list.

Each stream is loaded once, then again while its vendor answers so from some request on, for ever. It must end in words
with every landed row in its place; only words that a vendor itself documents for "no rows" may be taken for them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from extractors.core.errors import ChairsideError
from simulators.faults import Fault
from simulators.http import Response
from tests.extractors.faulty_city import STREAMS, City, running_city
from tests.templates import Template

BODIES = {
    "no body": b"", "null": b"null", "a word": b'"ok"', "an object": b"{}", "another object": b'{"status": "ok"}',
    "null inside": b'{"result": null, "response": null, "data": null, "items": null, "records": null, "error": null}',
    "a list of null": b"[null]",
}  # fmt: skip


@pytest.fixture(scope="module")
def city(pg_server_url: str, migrated_template: Template) -> Iterator[City]:
    with running_city(pg_server_url, migrated_template, attempts=3) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", STREAMS)
def test_an_answer_about_nothing_ends_in_words_and_takes_nothing_away(city: City, name: str, body: str) -> None:
    stream = STREAMS[name]
    clean, requests = city.clean(stream)
    city.load(stream)
    for after in sorted({*range(min(requests, 4)), requests - 1}):
        met = len(city.simulators.faults.fired)
        told = city.disturbed(
            stream, Fault("answer", stream.source, after=after, times=-1, response=Response(200, BODIES[body]))
        )
        assert city.landed(stream) == clean, (after, requests, told)
        # What an earlier run was given is used again, so a run may ask less; its last request may be mere tidying up.
        fired = len(city.simulators.faults.fired) > met
        assert not fired or after == requests - 1 or isinstance(told, ChairsideError), (after, requests, told)
        assert not isinstance(told, ChairsideError) or stream.source in str(told), told
