"""Finding what a folder holds, so that adding a source is adding files and no list has to be kept beside them."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any


def exposed(package: ModuleType, attribute: str) -> dict[str, Any]:
    """`attribute` of every package inside `package` that has it, by the package's name, sorted.

    An import that fails is raised: a source that cannot be imported is broken, not absent.
    """
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__) if found.ispkg)
    modules = {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
    return {name: getattr(module, attribute) for name, module in modules.items() if hasattr(module, attribute)}
