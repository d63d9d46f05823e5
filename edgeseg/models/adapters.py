"""Which framework an object is of, without importing any, and the file that knows that framework.

The files `torch_network` and `keras_network` hold the same functions: `seeded`, `arrays`, `assign`, `backbone`,
`complete`, `describe`, `params`, `unchanged`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from edgeseg.core import registry
from edgeseg.core.types import Framework

__all__ = ["adapter", "framework_of"]

_KINDS: dict[Framework, tuple[str, str]] = {"torch": ("torch.nn", "Module"), "keras": ("keras", "Model")}
_PACKAGES: dict[Framework, tuple[str, str]] = {"torch": ("torch", "torch"), "keras": ("tensorflow", "tf")}
"""The package that may be absent and the extra that installs it."""


def framework_of(thing: Any) -> Framework | None:
    """The framework of a network; None for anything else."""
    for framework, (module, kind) in _KINDS.items():
        imported = sys.modules.get(module)  # Whoever made the object has imported its framework.
        if imported is not None and isinstance(thing, getattr(imported, kind)):
            return framework
    return None


def adapter(framework: Framework) -> ModuleType:
    """The functions of one framework; MissingDependency where it is not installed."""
    package, extra = _PACKAGES[framework]
    return registry.load(
        "edgeseg.models", f"{framework}_network", package=package, extra=extra, why=f"a {framework} network"
    )
