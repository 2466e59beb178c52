"""Sources, simulators and suites are found by their files; what cannot be imported is not passed over."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from extractors.core.discovery import exposed
from simulators.faults import Faults
from simulators.running import Simulators
from simulators.world import build_world

REPOSITORY = Path(__file__).parents[2]
Make = Callable[..., ModuleType]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """`package(name="text of its __init__.py")` makes a package of packages and imports it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(**texts: str) -> ModuleType:
        for name, text in {"": "", **texts}.items():
            folder = tmp_path / "invented_sources" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "__init__.py").write_text(text)
        importlib.invalidate_caches()
        return importlib.import_module("invented_sources")

    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] == "invented_sources"]:
        del sys.modules[name]


def test_packages_that_have_it_are_found_in_the_order_of_their_names(package: Make, tmp_path: Path) -> None:
    made = package(zeta="SOURCE = 2\n", alpha="SOURCE = 1\n", files="")
    (tmp_path / "invented_sources" / "notes").mkdir()
    (tmp_path / "invented_sources" / "module.py").write_text("SOURCE = 3\n")
    assert list(exposed(made, "SOURCE").items()) == [("alpha", 1), ("zeta", 2)]


def test_a_package_that_cannot_be_imported_is_an_error_and_not_an_absence(package: Make) -> None:
    made = package(good="SOURCE = 1\n", broken="import invented_sources.nowhere\nSOURCE = 2\n")
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        exposed(made, "SOURCE")


def test_a_simulator_that_is_not_there_is_named() -> None:
    world = build_world(1, date_from=date(2026, 8, 1), days=1, clinics=1)
    with pytest.raises(ValueError, match="no simulator nowhere"):
        Simulators(world, Faults(), {"nowhere": None})


def test_knowing_all_sources_loads_no_library_that_only_one_of_them_needs() -> None:
    asked = "import sys, extractors.registry, extractors.run; print(*{'sqlalchemy', 'openpyxl'} & sys.modules.keys())"
    told = subprocess.run([sys.executable, "-c", asked], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert told.stdout.split() == []
