"""Searches whose minutes go by with the steps, not with the clock: as long on a crowded machine as on an idle one."""

import itertools
import time
from functools import partial

from helpers.workers import closed_gate, workers_begin_with

STEP_S = 0.05
"""A step of training, by that clock."""
MINUTES = 0.36
"""By that clock: about 340 steps of a full run."""
GATE_STEPS = 80
"""Half of them measure the pace; after the others the preset itself has been compared, and the search goes on."""
_COUNT = """
from functools import partial
import kdsr.tune.run
from helpers.searching import counting_steps
kdsr.tune.run.tune = partial(kdsr.tune.run.tune, clock=counting_steps())
"""


def counting_steps():
    """A clock that goes on by a step whenever it is read, as it is after each step."""
    began, ticks = time.time(), itertools.count()
    return lambda: began + STEP_S * next(ticks)


def counted_searches(monkeypatch, gate=None):
    """Searches of this process, and of the workers that it starts, take the clock that counts steps.

    The workers stop in their search, trials compared, until the file `gate` is removed.
    """
    from kdsr.tune import run

    monkeypatch.setattr("kdsr.tune.run.tune", partial(run.tune, clock=counting_steps()))
    workers_begin_with(monkeypatch, *_COUNT.splitlines(), *([closed_gate(gate, GATE_STEPS)] if gate else []))


def small_steps(monkeypatch):
    """Runs of the form *Distill* take steps of one small crop, so that photographs may be small, too."""
    from kdsr.ui.distill import form

    def small(*names, changes, **given):
        return whole(*names, changes={**changes, "batch_size": 1, "patch_px": 16, "validation_photos": 1}, **given)

    whole = form.distillation
    monkeypatch.setattr("kdsr.ui.distill.form.distillation", small)
