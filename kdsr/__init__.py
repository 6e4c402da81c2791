"""KDSR: image restoration by knowledge distillation. The public API; docs/api.md describes each name with an example.

A name is imported when it is first used, so that `import kdsr` loads neither torch nor NumPy. No public name is the
name of a subpackage: `kdsr.restore` is the package, `kdsr.restore_picture` the function.
"""

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:  # the same names again, for type checkers and editors
    from kdsr.bench.evaluate import Evaluation, evaluate
    from kdsr.degrade import Degraded, degrade_picture
    from kdsr.errors import KdsrError
    from kdsr.image import Picture, from_tensor, read_picture, to_tensor, write_picture
    from kdsr.metrics import Measurement, measure, psnr, ssim
    from kdsr.restore import Runtime, open_runtime, restore_picture
    from kdsr.settings import Settings
    from kdsr.tasks import TASKS, Task, find_task
    from kdsr.train.recipe import Recipe, recipe_from_json
    from kdsr.train.stage import RunResult
    from kdsr.train.train import train_recipe
    from kdsr.zoo import Card, Catalog

__all__ = [
    "TASKS",
    "Card",
    "Catalog",
    "Degraded",
    "Evaluation",
    "KdsrError",
    "Measurement",
    "Picture",
    "Recipe",
    "RunResult",
    "Runtime",
    "Settings",
    "Task",
    "degrade_picture",
    "evaluate",
    "find_task",
    "from_tensor",
    "measure",
    "open_runtime",
    "psnr",
    "read_picture",
    "recipe_from_json",
    "restore_picture",
    "ssim",
    "to_tensor",
    "train_recipe",
    "write_picture",
]

_MODULES: Mapping[str, str] = MappingProxyType({
    "TASKS":            "kdsr.tasks",
    "Card":             "kdsr.zoo",
    "Catalog":          "kdsr.zoo",
    "Degraded":         "kdsr.degrade",
    "Evaluation":       "kdsr.bench.evaluate",
    "KdsrError":        "kdsr.errors",
    "Measurement":      "kdsr.metrics",
    "Picture":          "kdsr.image",
    "Recipe":           "kdsr.train.recipe",
    "RunResult":        "kdsr.train.stage",
    "Runtime":          "kdsr.restore",
    "Settings":         "kdsr.settings",
    "Task":             "kdsr.tasks",
    "degrade_picture":  "kdsr.degrade",
    "evaluate":         "kdsr.bench.evaluate",
    "find_task":        "kdsr.tasks",
    "from_tensor":      "kdsr.image",
    "measure":          "kdsr.metrics",
    "open_runtime":     "kdsr.restore",
    "psnr":             "kdsr.metrics",
    "read_picture":     "kdsr.image",
    "recipe_from_json": "kdsr.train.recipe",
    "restore_picture":  "kdsr.restore",
    "ssim":             "kdsr.metrics",
    "to_tensor":        "kdsr.image",
    "train_recipe":     "kdsr.train.train",
    "write_picture":    "kdsr.image",
})  # fmt: skip
"""Where each public name is defined."""

if not TYPE_CHECKING:  # a type checker would take every other name for Any

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_MODULES[name]), name)

    def __dir__() -> list[str]:
        return [*__all__, "__version__"]
