"""Training: a recipe in, weights, card and log of events out. Needs neither gradio nor onnxruntime."""

from kdsr.train.presets import PRESETS, distillation
from kdsr.train.recipe import Recipe, recipe_from_json, recipe_to_json
from kdsr.train.stage import RunResult
from kdsr.train.train import train_recipe

__all__ = ["PRESETS", "Recipe", "RunResult", "distillation", "recipe_from_json", "recipe_to_json", "train_recipe"]
