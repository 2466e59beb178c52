"""`python -m runtime superset`: Superset by itself, for a container; Airflow and the servers are somewhere else."""

from __future__ import annotations

import os
import time

from extractors.core.errors import ConfigError
from runtime.home import Home
from runtime.progress import Progress
from runtime.superset import running_superset
from runtime.supervise import ProcessFailed
from runtime.warehouse import given_server


def serve_superset(home: Home, progress: Progress) -> int:
    """Serve until told to stop. Raises ConfigError without both servers, ProcessFailed where it does not run."""
    warehouse = given_server(os.environ, "WAREHOUSE_URL")
    metadata = given_server(os.environ, "SUPERSET_METADATA_URL")
    if warehouse is None or metadata is None:
        raise ConfigError("Superset by itself needs WAREHOUSE_URL and SUPERSET_METADATA_URL")
    with running_superset(home, metadata_url=metadata, warehouse=warehouse, progress=progress) as pending:
        bi = pending.ready()
        while bi is not None and all(service.running() for service in bi.services):
            time.sleep(1)
    raise ProcessFailed(f"Superset is not running; see {home.logs}")
