"""A DAG that was paused is paused again after a command, also after one that was killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runtime import backfill
from runtime.airflow_api import Airflow, AirflowSilent
from runtime.home import REPOSITORY, Home, open_home
from runtime.progress import Progress
from runtime.serve import Serving
from runtime.unpaused import pause_again, unpaused
from runtime.warehouse import Databases

COMMAND = """
import sys, time
from runtime.airflow_api import Airflow
from runtime.home import open_home
from runtime.unpaused import unpaused
with unpaused(Airflow(sys.argv[1], "x"), open_home({"CHAIRSIDE_HOME": sys.argv[2]}), "extract_uis"):
    print("runs", flush=True)
    time.sleep(60)
"""


class Answers(BaseHTTPRequestHandler):
    """Of Airflow's REST API what says and changes whether a DAG is paused."""

    paused: dict[str, bool]

    def do_GET(self) -> None:
        dags = [{"dag_id": dag, "is_paused": paused} for dag, paused in self.paused.items()]
        self._answer({"dags": dags})

    def do_POST(self) -> None:
        self._body()
        self._answer({"access_token": "x"})

    def do_PATCH(self) -> None:
        dag, wanted = self.path.rpartition("/")[2], self._body()["is_paused"]
        known = dag in self.paused
        if known:
            self.paused[dag] = wanted
        self._answer({}, 200 if known else 404)

    def log_message(self, *_arguments: object) -> None:
        pass

    def _body(self) -> dict[str, bool]:
        return dict(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: object, status: int = 200) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def airflow() -> Iterator[Airflow]:
    Answers.paused = {"extract_uis": True, "extract_fhir": False}
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Airflow(f"http://127.0.0.1:{server.server_port}", "x")
        server.shutdown()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home({"CHAIRSIDE_HOME": str(tmp_path / "home")})


def test_it_runs_for_the_block_and_until_the_last_command_that_needs_it(airflow: Airflow, home: Home) -> None:
    with unpaused(airflow, home, "extract_uis"):
        with unpaused(airflow, home, "extract_uis"):
            assert Answers.paused["extract_uis"] is False
        assert Answers.paused["extract_uis"] is False
        pause_again(airflow, home, Progress())  # of another command: this one lives
        assert Answers.paused["extract_uis"] is False
    assert Answers.paused["extract_uis"] is True
    with unpaused(airflow, home, "extract_fhir"):
        pass
    assert Answers.paused == {"extract_uis": True, "extract_fhir": False}


def test_after_a_killed_command_the_next_one_pauses_it(
    airflow: Airflow, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", COMMAND, airflow.url, str(home.root)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    assert killed.stdout.readline() == "runs\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert Answers.paused["extract_uis"] is False
    with unpaused(airflow, home, "extract_uis"):  # the same command again
        assert Answers.paused["extract_uis"] is False
    assert Answers.paused["extract_uis"] is True

    # or another one, where it is no more
    (home.run / "unpaused.extract_uis").touch()
    (home.run / "unpaused.extract_gone").touch()
    Answers.paused["extract_uis"] = False
    pause_again(airflow, home, Progress())
    assert Answers.paused["extract_uis"] is True
    assert "paused again, as before a command that was killed: extract_gone, extract_uis" in capsys.readouterr().err
    assert list(home.run.glob("unpaused.*")) == []


def test_a_backfill_through_the_airflow_that_serves_looks_once(
    airflow: Airflow, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(backfill, "serving", lambda _home: Serving(pid=1, airflow_url=airflow.url, bi_url=None))
    monkeypatch.setattr(backfill, "databases", lambda *_: nullcontext(Databases(warehouse="")))
    (home.run / "unpaused.extract_uis").touch()
    Answers.paused["extract_uis"] = False
    with backfill.some_airflow(home, Progress()) as (serves, parts, _):
        assert (serves.url, parts, Answers.paused["extract_uis"]) == (airflow.url, [], True)
    assert capsys.readouterr().err.count("paused again") == 1


def test_an_airflow_that_is_gone_is_named_and_the_dag_is_paused_later(airflow: Airflow, home: Home) -> None:
    there = airflow.url

    def ended() -> None:
        with unpaused(airflow, home, "extract_uis"):
            airflow.url = "http://127.0.0.1:1"
            airflow.dags()

    with pytest.raises(AirflowSilent, match=r"does not answer .* `make status` says what serves"):
        ended()
    assert Answers.paused["extract_uis"] is False
    airflow.url = there
    pause_again(airflow, home, Progress())
    assert Answers.paused["extract_uis"] is True
