"""The embedded PostgreSQL of one home: found, created, started, shared, stopped.

The server lives as long as anybody uses it. Every user holds a shared lock on `run/postgres.users`; the server's guard
waits for the exclusive one, so the last user's end, tidy or not, stops the server, and two commands in a home share it.

Postgres refuses to run as root. As root the server runs in a user namespace where it is an ordinary user; where those
are forbidden, as the system's `nobody`.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from runtime.home import Home, own_folder
from runtime.memory import server_settings, usable_mb
from runtime.programs import Programs, find_programs
from runtime.progress import Progress
from runtime.supervise import ProcessFailed, Service, free_port, guarded, remembered_port

START_SECONDS = 60.0  # crash recovery of a big load included
STOP_SECONDS = 120.0  # a fast shutdown writes a checkpoint

# Loads are large and few. Safety of data is not for sale: fsync and synchronous_commit stay on. What depends on the
# machine's memory: runtime/memory.py.
SETTINGS: Mapping[str, str] = {
    "work_mem": "64MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_connections": "200",
    "timezone": "UTC",
    "lc_messages": "C",
    # An error's message quotes values ("invalid input syntax for type date: …"). Whoever asked is told; the log is not.
    "log_min_messages": "log",
    # The text of a failed statement, and of the row it failed on, may hold a phone.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "cluster_name": "chairside",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server and its superuser's password."""

    port: int
    password: str
    programs: Programs

    def url(self, *, database: str = "postgres", user: str = "postgres", password: str | None = None) -> str:
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{quote(user, safe='')}:{secret}@127.0.0.1:{self.port}/{quote(database, safe='')}"


def namespace_prefix() -> list[str] | None:
    """The command that makes root an ordinary user of a new namespace; null where the system forbids it."""
    prefix = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"]
    try:
        asked = subprocess.run([*prefix, "id", "-u"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return prefix if asked.returncode == 0 and asked.stdout.strip() == "65534" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """How the server's programs are started here, and where its files are."""

    prefix: tuple[str, ...]
    programs: Programs
    data: Path
    sockets: Path
    owner: int | None = None  # uid that must own the files, where it is another one than ours


def make_runner(home: Home, programs: Programs, *, uid: int, allow_namespace: bool = True) -> Runner:
    """As an ordinary user directly; as root without its power."""
    plain = Runner(prefix=(), programs=programs, data=home.postgres, sockets=home.sockets())
    if uid != 0:
        return plain
    if allow_namespace and (prefix := namespace_prefix()):
        return Runner(prefix=tuple(prefix), programs=programs, data=home.postgres, sockets=plain.sockets)
    return nobody_runner(home, programs)


def nobody_runner(home: Home, programs: Programs) -> Runner:
    """As `nobody`. A home below /root is closed to it, so the files lie in the system's lasting temporary folder."""
    nobody = pwd.getpwnam("nobody")
    change = f"import os,sys; os.setgroups([]); os.setgid({nobody.pw_gid}); os.setuid({nobody.pw_uid}); "
    start = (sys.executable if reachable(Path(sys.executable), nobody.pw_uid) else "/usr/bin/python3", "-I", "-S", "-c")
    prefix = (*start, change + "os.execv(sys.argv[1], sys.argv[1:])")
    place = own_folder(Path(f"/var/tmp/chairside-{home.tag}"), mode=0o711)  # noqa: S108 - it is ours, or refused
    if not reachable(programs.folder / "postgres", nobody.pw_uid):
        copied = place / "pginstall"
        if not copied.exists():
            shutil.copytree(programs.folder.parent, copied, symlinks=True)
        programs = Programs(folder=copied / programs.folder.name, major=programs.major)
    folders = (place / "postgres", place / "run")
    for folder in folders:
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return Runner(prefix=prefix, programs=programs, data=folders[0], sockets=folders[1], owner=nobody.pw_uid)


def reachable(path: Path, uid: int) -> bool:
    """Whether a user without groups can execute that file."""
    command = [sys.executable, "-I", "-S", "-c", "import os,sys; os.setuid(int(sys.argv[1])); "
               "sys.exit(not os.access(sys.argv[2], os.X_OK))", str(uid), str(path.resolve())]  # fmt: skip
    return subprocess.run(command, check=False).returncode == 0


def clean_environment() -> dict[str, str]:
    """Without PG* variables that would redirect the server's own programs."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"LC_ALL": "C"}


def create_cluster(runner: Runner, password: str, log: Path) -> None:
    """initdb: UTF-8, C.UTF-8 order, scram for everybody. Raises ProcessFailed."""
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    if runner.programs.major < 17:
        locale = ["--locale=C.UTF-8"]
    secret = runner.sockets / ".initdb-password"
    secret.touch(mode=0o600)
    try:
        secret.write_text(password)
        if runner.owner is not None:
            os.chown(secret, runner.owner, -1)
        command = [*runner.prefix, str(runner.programs / "initdb"), "-D", str(runner.data), "-U", "postgres"]
        command += ["-E", "UTF8", *locale, "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync"]
        with log.open("ab") as output:
            done = subprocess.run(
                command, stdout=output, stderr=output, env=clean_environment(), cwd=runner.sockets, check=False
            )
    finally:
        secret.unlink()
    if done.returncode != 0:
        # A half-made cluster would be taken for a whole one next time.
        for leftover in runner.data.iterdir() if runner.data.exists() else ():
            shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink()
        raise ProcessFailed(f"initdb failed; see {log}")


def drop_stale_pid(data: Path) -> None:
    """Remove postmaster.pid when its number now belongs to another program, as after a container's restart."""
    path = data / "postmaster.pid"
    with suppress(OSError, ValueError, IndexError):
        pid = int(path.read_text().splitlines()[0])
        if program_of(pid) not in ("postgres", "postmaster"):
            path.unlink()


def program_of(pid: int) -> str:
    """The name of the program that a process runs, without its arguments: those may well mention postgres."""
    with suppress(OSError):  # Linux says it itself; a busy machine may refuse to start `ps`
        return Path(f"/proc/{pid}/comm").read_text().strip()
    told = subprocess.run(["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False).stdout
    return Path(told.strip()).name


def reachable_server(port: object, password: str, data: Path, programs: Programs) -> Server | None:
    """The server on that port if it is ours: it takes our password and has our data folder."""
    if not isinstance(port, int):
        return None
    server = Server(port=port, password=password, programs=programs)
    with suppress(psycopg.OperationalError), psycopg.connect(server.url(), connect_timeout=5) as connection:
        row = connection.execute("select current_setting('data_directory')").fetchone()
        if row and Path(row[0]).resolve() == data.resolve():
            return server
    return None


def start_server(
    runner: Runner, home: Home, password: str, settings: Mapping[str, str], lease: Path
) -> tuple[Server, Service]:
    """Start on the remembered port or another free one. Raises ProcessFailed with the end of the log."""
    drop_stale_pid(runner.data)
    log = home.logs / "postgres.log"
    port = remembered_port(home.state().get("postgres_port"))
    for _attempt in range(5):
        options: list[str] = []
        for key, value in {
            **SETTINGS,
            **server_settings(usable_mb()),
            **settings,
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(runner.sockets),
        }.items():
            options += ["-c", f"{key}={value}"]
        service = guarded(
            "postgres",
            [*runner.prefix, runner.programs / "postgres", "-D", runner.data, *options],
            log=log,
            environ=clean_environment(),
            lease=lease,
            stop_signal="INT",
            grace=STOP_SECONDS,
            cwd=runner.sockets,
        )
        deadline = time.monotonic() + START_SECONDS
        while service.running() and time.monotonic() < deadline:
            if server := reachable_server(port, password, runner.data, runner.programs):
                home.remember(postgres_port=port)
                return server, service
            time.sleep(0.05)
        service.guard.terminate()
        service.guard.wait()
        if "could not bind" not in service.last_lines(30) and "Address already in use" not in service.last_lines(30):
            break
        port = free_port()  # somebody took it between the look and the start
    raise ProcessFailed(f"PostgreSQL did not start. The end of {log}:\n{service.last_lines()}")


@contextmanager
def lease(path: Path) -> Iterator[None]:
    """A share in the server's life. Waits while a server is stopping; the last one also waits for its stop."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        # The guard gets the lock now if nobody else has it, and holds it until the server is down.
        for _look in range(4):
            time.sleep(0.03)
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                continue
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            break
        os.close(descriptor)


@contextmanager
def running_server(
    home: Home, progress: Progress, *, settings: Mapping[str, str] | None = None, allow_namespace: bool = True
) -> Iterator[Server]:
    """The home's server, started if nobody has. Its last user stops it. Raises PostgresMissing, ProcessFailed."""
    users = home.run / "postgres.users"
    with lease(users):
        with (home.run / "postgres.start").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            runner = make_runner(home, find_programs(), uid=os.getuid(), allow_namespace=allow_namespace)
            password = home.secret("postgres")
            server = reachable_server(home.state().get("postgres_port"), password, runner.data, runner.programs)
            if server is None:
                if not (runner.data / "PG_VERSION").exists():
                    progress.say(f"creating a PostgreSQL {runner.programs.major} cluster in {home.root}")
                    create_cluster(runner, password, home.logs / "postgres.log")
                check_version(runner)
                server, _service = start_server(runner, home, password, settings or {}, users)
                progress.say(f"PostgreSQL {runner.programs.major} is up on port {server.port}")
        yield server


def check_version(runner: Runner) -> None:
    made_by = int((runner.data / "PG_VERSION").read_text().strip())
    if made_by != runner.programs.major:
        raise ProcessFailed(
            f"The data in {runner.data} were made by PostgreSQL {made_by}, the programs here are "
            f"{runner.programs.major}. Use the earlier programs, or another CHAIRSIDE_HOME and load again"
        )
