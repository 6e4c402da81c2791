"""Training: a recipe in, weights, card and log of events out. Needs neither gradio nor onnxruntime."""

from kdsr.train.presets import PRESETS, distillation
from kdsr.train.recipe import Recipe, recipe_from_json, recipe_to_json, with_keys
from kdsr.train.recipe_groups import Schedule, Teaching, TrainingData
from kdsr.train.recipe_keys import last_stage
from kdsr.train.stage import RunResult
from kdsr.train.train import train_recipe

__all__ = [
    "PRESETS",
    "Recipe",
    "RunResult",
    "Schedule",
    "Teaching",
    "TrainingData",
    "distillation",
    "last_stage",
    "recipe_from_json",
    "recipe_to_json",
    "train_recipe",
    "with_keys",
]
