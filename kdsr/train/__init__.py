"""Training: a recipe in, weights, card and log of events out. Needs neither gradio nor onnxruntime."""

from kdsr.train.recipe import Recipe, recipe_from_json, recipe_to_json
from kdsr.train.trainer import RunResult, train

__all__ = ["Recipe", "RunResult", "recipe_from_json", "recipe_to_json", "train"]
