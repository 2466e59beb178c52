"""Makes `.venv` what `requirements/lock.txt` says. Standard library only: it runs before anything is installed.

uv installs the lock in seconds. Where uv cannot be had, or fails, pip does the same from the same hashes, slower.
`EXTRAS="celery kubernetes"` adds the files of those names beside the lock, which hold only what it lacks; remembered.
A package index that somebody configured for pip is used by uv too. Its address may hold a password, so it is handed on
by environment and never printed.
"""

from __future__ import annotations

import ast
import fcntl
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed"
LOCK = ROOT / "requirements" / "lock.txt"
BOOTSTRAP = ROOT / "requirements" / "bootstrap.txt"
EXTRAS = VENV / ".extras"


def wanted() -> str:
    """What an environment that needs no work has in its stamp: the lock's digest and the Python that it was made by."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in (LOCK, BOOTSTRAP, *extras()))).hexdigest()
    return f"{digest} {sys.version_info.major}.{sys.version_info.minor}\n"


def extras() -> list[Path]:
    """Locks beside the main one: those asked for now, else those of last time."""
    asked = os.environ.get("EXTRAS") or (EXTRAS.read_text() if EXTRAS.exists() else "")
    return [LOCK.with_name(f"{name}.txt") for name in sorted(asked.split())]


def uv_environment(pip_settings: dict[str, str]) -> dict[str, str]:
    """uv's variables for what pip is told: the index, its certificate, hosts without one. What is set for uv stays."""
    found: dict[str, str] = {}
    for setting, variable in (
        ("index-url", "UV_DEFAULT_INDEX"),
        ("cert", "SSL_CERT_FILE"),
        ("trusted-host", "UV_INSECURE_HOST"),
    ):
        if pip_settings.get(setting) and not os.environ.get(variable):
            found[variable] = pip_settings[setting]
    return found


def pip_settings() -> dict[str, str]:
    """What pip is configured with, whatever file or variable says it; variables win, as they do in pip."""
    listed = subprocess.run([PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False).stdout
    settings: dict[str, str] = {}
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        key, _, value = line.partition("=")
        try:
            settings[key.rpartition(".")[2]] = str(ast.literal_eval(value))
        except (SyntaxError, ValueError):
            continue
    return settings


def install() -> None:
    """Create the environment and fill it. Raises CalledProcessError where neither uv nor pip could."""
    if not PYTHON.exists() or not (VENV / "bin" / "pip").exists():
        say("creating .venv")
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    pip: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    uv = subprocess.run([*pip, "-r", BOOTSTRAP], env=environment, check=False).returncode == 0
    if uv:
        say("installing the locked packages with uv")
        command: list[str | Path] = [VENV / "bin" / "uv", "pip", "sync", "--require-hashes", "--quiet"]
        command += ["--python", PYTHON, LOCK, *extras()]
        if subprocess.run(command, env={**environment, **uv_environment(pip_settings())}, check=False).returncode == 0:
            return
    say("installing the locked packages with pip, which takes a few minutes")
    files = [argument for file in (LOCK, *extras()) for argument in ("-r", file)]
    subprocess.run([*pip, "--no-deps", "--require-hashes", *files], env=environment, check=True)


def say(text: str) -> None:
    print(f"install: {text}", file=sys.stderr, flush=True)


def main() -> int:
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        say(f"Python 3.11 to 3.13 is needed, this is {sys.version.split()[0]}; name one: make PYTHON=/path/to/python")
        return 1
    VENV.mkdir(exist_ok=True)
    # Two `make` at once in one clone: the second waits, then finds the work done.
    # Not `.venv/.lock`: that one is uv's own, and it would wait five minutes for us to leave it.
    with (VENV / ".installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if unknown := [file.stem for file in extras() if not file.exists()]:
            say(f"EXTRAS: there is no {', '.join(unknown)}")
            return 1
        if STAMP.exists() and STAMP.read_text() == wanted():
            STAMP.touch()
            return 0
        started = time.monotonic()
        try:
            install()
        except subprocess.CalledProcessError as error:
            say(f"could not install (exit status {error.returncode}); see the lines above")
            return 1
        EXTRAS.write_text(" ".join(file.stem for file in extras()))
        STAMP.write_text(wanted())
        say(f"ready after {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
