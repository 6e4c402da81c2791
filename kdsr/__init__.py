"""KDSR: image restoration by knowledge distillation. This is the public API; a name is imported when it is first used.

`restore`, `degrade` and `train` are areas of the package and functions at once: `kdsr.restore(image, runtime)` calls
`kdsr.restore.restore`, and `kdsr.restore.open_runtime` is still found. Everything else is a plain name of the module
below.
"""

import importlib
import sys
from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Any

__version__ = "0.1.0"

_HOMES: Mapping[str, str] = MappingProxyType({
    "Card":             "kdsr.zoo",
    "Catalog":          "kdsr.zoo",
    "KdsrError":        "kdsr.errors",
    "Picture":          "kdsr.image",
    "Recipe":           "kdsr.train.recipe",
    "Settings":         "kdsr.settings",
    "TASKS":            "kdsr.tasks",
    "evaluate":         "kdsr.bench.evaluate",
    "find_task":        "kdsr.tasks",
    "measure":          "kdsr.metrics",
    "open_runtime":     "kdsr.restore",
    "psnr":             "kdsr.metrics",
    "read_picture":     "kdsr.image",
    "recipe_from_json": "kdsr.train.recipe",
    "restore_picture":  "kdsr.restore",
    "ssim":             "kdsr.metrics",
    "write_picture":    "kdsr.image",
})  # fmt: skip

_CALLABLE_AREAS: Mapping[str, str] = MappingProxyType(
    {"degrade": "kdsr.degrade", "restore": "kdsr.restore", "train": "kdsr.train.train"}
)
"""Areas that are called as the function of the same name, and the module in which that function lies."""

__all__ = sorted([*_HOMES, *_CALLABLE_AREAS])  # noqa: PLE0605 - names are checked by a test


class _CallableArea(ModuleType):
    """An area of the package that can be called as its function of the same name."""

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        name = self.__name__.rpartition(".")[2]
        return getattr(importlib.import_module(_CALLABLE_AREAS[name]), name)(*arguments, **keywords)


class _Root(ModuleType):
    """This package. Importing an area stores it here, whoever imports it first; that is where it becomes callable."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _CALLABLE_AREAS and isinstance(value, ModuleType):
            value.__class__ = _CallableArea
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Root


def __getattr__(name: str) -> Any:
    if name in _CALLABLE_AREAS:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
