"""The areas of the package, in the order in which data flows."""

AREAS = (
    *("errors", "files", "settings", "image", "tasks", "degrade", "metrics", "models", "zoo", "restore"),
    *("video", "distill", "train", "tune", "compress", "bench", "ablation", "cluster"),
    *("jobs", "ui", "space", "cli", "__main__", "app"),
)
"""From left to right; a module may import from its own area and from areas to its left."""
