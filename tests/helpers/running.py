"""Shared by the tests of background runs: owners, a launcher that starts nothing, a recipe, photographs, `Jobs`."""

import dataclasses

import cv2
import numpy as np
import pytest

from kdsr.jobs import Jobs
from kdsr.jobs.process import this_holder
from kdsr.train.recipe import recipe_from_mapping

ANNA, BERT = "anna's secret 123456", "bert's secret 123456"


class Recorder:
    """A launcher that records its calls and starts nothing."""

    name = "recorder"
    refusal = ""

    def __init__(self):
        self.launched = []

    def launch(self, run_id):
        self.launched.append(run_id)

    def close(self):
        pass


def recipe(**changes):
    plain = {
        "name": "tiny",
        "task": "sr_x2",
        "arguments": {"width": 16, "depth": 3},
        "steps": 12,
        "batch_size": 2,
        "patch_px": 12,
    }
    return recipe_from_mapping({**plain, "compile": False, "precision": "fp32", **changes})


def photograph(path, height=64, width=72):
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))
    return path


def four_photos(tmp_path):
    """Files of photographs."""
    return [photograph(tmp_path / "given" / f"photo {index}.png") for index in range(4)]


def jobs_opener(tiny_settings):
    """Opens the same runs with other settings."""
    return lambda is_trusted=False, **changes: Jobs(
        dataclasses.replace(tiny_settings, **changes), launcher=Recorder(), is_trusted=is_trusted
    )


def jobs_opener_on_both(request, tiny_settings):
    """As `jobs_opener`, on SQLite and, where `request.param` says so, on PostgreSQL."""
    if request.param == "postgresql":
        tiny_settings = dataclasses.replace(tiny_settings, database_url=request.getfixturevalue("postgres_url"))
    return jobs_opener(tiny_settings)


BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.slow))
"""Databases, the parameters of `jobs_opener_on_both`."""


def recorded_jobs(open_jobs):
    """`Jobs` whose launcher starts nothing."""
    return open_jobs()


def claimed(jobs, run):
    """`run`, claimed by this process."""
    held = jobs.store.claim(this_holder(), at_once=1)
    assert held.id == run.id
    return held
