"""Superset on one machine: its own environment, its metadata, its process, and who signs in with what.

Nothing of it is needed by a load: where it cannot be installed the rest works, and the reason is said. CHAIRSIDE_BI=off
leaves it out.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import requests

from extractors.core.errors import ConfigError
from runtime.home import REPOSITORY, Home
from runtime.install import pip_settings, uv_environment
from runtime.progress import Progress
from runtime.settings import BI_PORT, wanted_port
from runtime.supervise import ProcessFailed, Service, guarded, remembered_port, stop_services, wait_until
from runtime.warehouse import identity
from warehouse import libpq

VENV = REPOSITORY / ".venv-superset"
LOCK = REPOSITORY / "requirements" / "superset.txt"
PYTHON = VENV / "bin" / "python"
THREADS = 8  # a dashboard asks for all its charts at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Bi:
    """A running Superset."""

    url: str
    services: tuple[Service, ...]


def is_wanted(environ: Mapping[str, str]) -> bool:
    return environ.get("CHAIRSIDE_BI", "on").lower() not in ("off", "no", "0", "false")


def install(progress: Progress) -> None:
    """The locked environment, some 640 MB. Raises ProcessFailed."""
    wanted = f"{hashlib.sha256(LOCK.read_bytes()).hexdigest()} {sys.version_info.major}.{sys.version_info.minor}\n"
    stamp = VENV / ".installed"
    if PYTHON.exists() and not os.access(VENV, os.W_OK):
        return  # an image brought it
    VENV.mkdir(exist_ok=True)
    with (VENV / ".installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        progress.say("Superset: installing its own environment")
        environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        uv = REPOSITORY / ".venv" / "bin" / "uv"
        commands: list[list[str | Path]] = [[sys.executable, "-m", "venv", VENV]] if not PYTHON.exists() else []
        sync: list[str | Path] = [uv, "pip", "sync", "--require-hashes", "--quiet", "--python", PYTHON, LOCK]
        pip: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        for command in commands:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        done = uv.exists() and not subprocess.run(
            sync, env={**environ, **uv_environment(pip_settings())}, capture_output=True, check=False
        ).returncode
        if not done:
            told = subprocess.run(
                [*pip, "--no-deps", "--require-hashes", "-r", LOCK],
                env=environ, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if told.returncode:
                raise ProcessFailed("Superset could not be installed: " + told.stderr.strip()[-300:])
        stamp.write_text(wanted)


def bridge_secret(home: Home) -> Path:
    """The file with the password of the bridge's login; Superset reads it whenever it opens a connection."""
    home.secret("superset_bridge", size=32)
    return home.root / "secrets" / "superset_bridge"


def open_bridge(home: Home, warehouse: str) -> str:
    """The bridge's login in the warehouse, able to sign in; its name. Raises psycopg.Error."""
    secret = bridge_secret(home).read_text()
    with psycopg.connect(warehouse) as owner:
        row = owner.execute("select access.bridge_role()").fetchone()
        assert row is not None  # noqa: S101 - a function of ours
        role = str(row[0])
        own = psycopg.conninfo.make_conninfo(warehouse, user=role, password=secret, connect_timeout=10)
        with suppress(psycopg.OperationalError):
            psycopg.connect(own).close()
            return role
        owner.execute("select access.open_bridge(%s)", (secret,))
    return role


def rotate(home: Home, warehouse: str) -> int:
    """New passwords for the bridge and for all employees, in force at once; how many employees."""
    path = bridge_secret(home)
    old = path.rename(path.with_suffix(".old"))
    fresh = home.secret("superset_bridge", size=32)
    try:
        with psycopg.connect(warehouse) as owner:
            owner.execute("select access.open_bridge(%s)", (fresh,))
            row = owner.execute("select access.rotate_logins()").fetchone()
    except psycopg.Error:
        old.rename(path)  # the warehouse knows the old one still
        raise
    old.unlink()
    return int(row[0]) if row else 0


def environment(home: Home, *, metadata_url: str, warehouse: str, bridge_role: str) -> dict[str, str]:
    """All that Superset gets: nothing of this process's own variables but where programs are and how to write dates."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "LC_ALL", "TZ") if key in os.environ}
    return {
        **kept,
        **{key: value for key, value in os.environ.items() if key.startswith("CHAIRSIDE_BI_")},
        "PYTHONPATH": str(REPOSITORY),
        "SUPERSET_CONFIG_PATH": str(REPOSITORY / "bi" / "superset" / "superset_config.py"),
        "SUPERSET_HOME": str(home.root / "superset"),
        "SCARF_ANALYTICS": "false",
        "CHAIRSIDE_BI_KEY": home.secret("superset_key", size=48),
        "CHAIRSIDE_BI_METADATA": metadata_url.replace("postgresql://", "postgresql+psycopg2://", 1),
        "CHAIRSIDE_BI_WAREHOUSE": libpq.of_nobody(warehouse),
        "CHAIRSIDE_BI_BRIDGE_ROLE": bridge_role,
        "CHAIRSIDE_BI_BRIDGE_SECRET": str(bridge_secret(home)),
    }


def fingerprint(metadata_url: str) -> str:
    """Changes with Superset's version, with everything that its metadata are made of, and with where they are kept."""
    digest = hashlib.sha256(LOCK.read_bytes())
    for path in sorted([*(REPOSITORY / "bi").rglob("*.py"), *(REPOSITORY / "bi").rglob("*.yml")]):
        digest.update(path.relative_to(REPOSITORY).as_posix().encode() + path.read_bytes())
    return f"{digest.hexdigest()} {identity(metadata_url)}"


def prepare(
    home: Home,
    environ: Mapping[str, str],
    metadata_url: str,
    progress: Progress,
    is_stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Superset's tables, roles and dashboards; remembered, so that nothing is done twice. Raises ProcessFailed."""
    wanted = fingerprint(metadata_url)
    if home.state().get("superset_prepared") == wanted:
        return
    progress.say("Superset: preparing its metadata and the dashboards")
    log = home.logs / "superset-prepare.log"
    # Behind everything else: a load that runs at the same time goes first.
    command = ["nice", "-n", "10", str(PYTHON), "-m", "bi.superset.prepare"]
    service = guarded("superset prepare", command, log=log, environ=environ, cwd=REPOSITORY)
    try:
        while service.running() and not is_stopped():
            time.sleep(0.2)
    finally:
        ended = not service.running()
        stop_services([service])
    if not ended or service.guard.returncode != 0:
        raise ProcessFailed(f"its metadata were not prepared; see {log}")
    home.remember(superset_prepared=wanted)


def start(home: Home, environ: Mapping[str, str]) -> tuple[str, Service]:
    """The server's process and its address. Raises ConfigError where the wanted port is none, or somebody has it."""
    port = wanted_port(os.environ, BI_PORT) or remembered_port(home.state().get("superset_port"))
    listen = os.environ.get("CHAIRSIDE_LISTEN", "127.0.0.1")
    command: list[str | Path] = [
        VENV / "bin" / "gunicorn", "--workers", "1", "--worker-class", "gthread", "--threads", str(THREADS),
        "--bind", f"{listen}:{port}", "--timeout", "120", "--no-control-socket", "superset.app:create_app()",
    ]  # fmt: skip
    log = home.logs / "superset.log"
    serves = {**environ, "CHAIRSIDE_BI_SERVES": "1"}  # it may ask ahead; what prepares it does not
    service = guarded("superset", command, log=log, environ=serves, grace=5.0, cwd=REPOSITORY)
    home.remember(superset_port=port)
    return f"http://127.0.0.1:{port}", service


def answers(url: str) -> bool:
    with suppress(requests.RequestException), requests.Session() as session:
        session.trust_env = False
        return session.get(f"{url}/health", timeout=10).ok
    return False


@contextmanager
def running_superset(
    home: Home, *, metadata_url: str | None, warehouse: str, progress: Progress
) -> Iterator[Pending]:
    """Superset, coming up beside whatever the block does, and stopped at its end."""
    pending = Pending(home, metadata_url, warehouse, progress)
    try:
        yield pending
    finally:
        pending.stop()


class Pending:
    """A Superset that is being installed, prepared and started in a thread of its own."""

    def __init__(self, home: Home, metadata_url: str | None, warehouse: str, progress: Progress) -> None:
        self._home, self._metadata, self._warehouse, self._progress = home, metadata_url, warehouse, progress
        self._bi: Bi | None = None
        self._service: Service | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="superset", daemon=True)
        self._thread.start()

    def ready(self) -> Bi | None:
        """The running Superset, waited for; null where there is none, which was said."""
        self._thread.join()
        return self._bi

    def stop(self) -> None:
        self._stopped = True
        self._thread.join()
        if self._service is not None:
            stop_services([self._service])

    def _run(self) -> None:
        if self._metadata is None or not is_wanted(os.environ):
            return
        try:
            install(self._progress)
            role = open_bridge(self._home, self._warehouse)
            environ = environment(
                self._home, metadata_url=self._metadata, warehouse=self._warehouse, bridge_role=role
            )
            prepare(self._home, environ, self._metadata, self._progress, lambda: self._stopped)
            if self._stopped:
                return
            url, self._service = start(self._home, environ)
            wait_until(lambda: self._stopped or answers(url), [self._service], "Starting Superset")
            self._bi = Bi(url=url, services=(self._service,))
            self._progress.say(f"Superset is up: {url}")
        except (ConfigError, ProcessFailed, psycopg.Error, subprocess.CalledProcessError, OSError) as error:
            # People can still read the warehouse by other tools.
            self._progress.say(f"Superset is not running: {error}")


def sign_in(home: Home, warehouse: str, role: str) -> tuple[str, str]:
    """Address and password of an employee. Raises psycopg.Error where there is no such employee."""
    with psycopg.connect(warehouse) as owner:
        row = owner.execute("select access.sign_in_password(%s)", (role,)).fetchone()
    port = home.state().get("superset_port")
    return (f"http://127.0.0.1:{port}" if port else "", str(row[0]) if row else "")
