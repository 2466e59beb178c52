"""The data folder of one instance: its PostgreSQL, secrets, logs and remembered ports.

$CHAIRSIDE_HOME (default: .chairside/ in the clone), only for its user (0700)
├── postgres/     the embedded server's data
├── secrets/      generated passwords and keys, one file each (0600)
├── run/          sockets and locks
├── logs/         one file per process
├── airflow/      AIRFLOW_HOME
├── superset/     what Superset writes besides its database
├── dbt_target/   dbt's compiled models
└── state.json    ports and versions, so that a second start finds the first one's choices
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import stat
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extractors.core.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parent.parent
REMEMBERING = threading.Lock()  # what starts beside something else remembers too
SOCKET_PATH_LIMIT = 100  # 107 characters on Linux, 103 on macOS, less `/.s.PGSQL.65535` is checked apart
LONGEST_SOCKET_NAME = "/.s.PGSQL.65535"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where one instance keeps its things. Only a socket folder may lie outside, if its path is long."""

    root: Path

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def airflow(self) -> Path:
        return self.root / "airflow"

    @property
    def dbt_target(self) -> Path:
        return self.root / "dbt_target"

    @property
    def tag(self) -> str:
        """A short name of this home, for what must lie elsewhere."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:12]

    def sockets(self) -> Path:
        """The folder for Unix sockets: in the home, or in the system's temporary folder where the path is too long."""
        if len(str(self.run) + LONGEST_SOCKET_NAME) <= SOCKET_PATH_LIMIT:
            return self.run
        return own_folder(Path(tempfile.gettempdir()) / f"chairside-{os.getuid()}-{self.tag}", mode=0o700)

    def secret(self, name: str, *, size: int = 24) -> str:
        """The generated secret of this name, made on first use from `size` random bytes."""
        path = self.root / "secrets" / name
        if not path.exists():
            # A name of its own: a container's processes have the numbers of those that were killed before them.
            descriptor, fresh = tempfile.mkstemp(prefix=f".{name}.", dir=path.parent)  # only for its user
            try:
                with os.fdopen(descriptor, "w") as file:
                    file.write(secrets.token_urlsafe(size))
                os.link(fresh, path)  # two at once: the first one's secret stands for both
            except FileExistsError:
                pass
            finally:
                Path(fresh).unlink()
        return path.read_text()

    def state(self) -> dict[str, Any]:
        """What earlier commands remembered; empty in a new home or where the file was damaged."""
        try:
            found = json.loads((self.root / "state.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def remember(self, **values: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
        """Add to the remembered values; null forgets one."""
        with REMEMBERING, (self.root / ".state.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)  # other commands of this home remember too
            state = {key: value for key, value in {**self.state(), **values}.items() if value is not None}
            fresh = self.root / f".state.{os.getpid()}.json"
            fresh.write_text(json.dumps(state, indent=2, sort_keys=True))
            fresh.replace(self.root / "state.json")


def own_folder(path: Path, *, mode: int) -> Path:
    """A folder of ours where anybody may make one; made if it is not there.

    Raises ConfigError where somebody else made it, or a link: he could put his files in the place of ours.
    """
    path.mkdir(mode=mode, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ConfigError(f"{path} belongs to somebody else. Remove it, or take a shorter CHAIRSIDE_HOME")
    path.chmod(mode)
    return path


def open_home(environ: Mapping[str, str]) -> Home:
    """The home that the environment names, its folders created. Raises ConfigError where they cannot be."""
    root = Path(environ.get("CHAIRSIDE_HOME") or REPOSITORY / ".chairside").expanduser().resolve()
    home = Home(root=root)
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (root / "secrets", home.run, home.logs, home.airflow):
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"CHAIRSIDE_HOME={root} cannot be used ({error.strerror}). Name a folder that you may write into"
        ) from None
    return home
