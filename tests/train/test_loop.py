"""A step in closed form: learning rate, clipping, moving average, patience, seed, and the minutes of all parts."""

import contextlib
import functools
import itertools
import math
from types import SimpleNamespace

import pytest
import torch
from helpers.training import events, recipe, released, training_settings

from kdsr.errors import Stopped, TrainingError
from kdsr.train import Schedule, train_recipe
from kdsr.train.events import EventLog
from kdsr.train.learner import Learner
from kdsr.train.loop import learning_rate
from kdsr.zoo import read_card
from kdsr.zoo.weights import load_tensors

settings = pytest.fixture(training_settings)


@pytest.fixture
def updates(monkeypatch):
    """Of every step of AdamW: its learning rate, its weight decay and the 2-norm of each gradient."""
    seen = []
    step = torch.optim.AdamW.step

    def recorded(self, closure=None):
        (group,) = self.param_groups
        norms = [float(parameter.grad.norm()) for parameter in group["params"]]
        seen.append((group["lr"], group["weight_decay"], norms))
        return step(self, closure)

    monkeypatch.setattr(torch.optim.AdamW, "step", recorded)
    return seen


def total_norm(norms):
    return math.hypot(*norms)


def test_the_learning_rate_is_exact_at_its_ends_and_in_the_middle():
    schedule = Schedule(steps=110, warmup_steps=10, learning_rate=1e-3, final_learning_rate=1e-5)
    wanted = {0: 1e-4, 1: 2e-4, 9: 1e-3, 10: 1e-3, 60: (1e-3 + 1e-5) / 2, 110: 1e-5}
    assert {step: learning_rate(schedule, step) for step in wanted} == pytest.approx(wanted, rel=1e-12)
    last = 1e-5 + (1e-3 - 1e-5) * (1 + math.cos(math.pi * 0.99)) / 2
    assert learning_rate(schedule, 109) == pytest.approx(last, rel=1e-12)
    assert learning_rate(schedule, 500) == 1e-5


@pytest.mark.parametrize("warmup_steps, first", [(0, 1e-3), (1, 1e-3), (2, 5e-4), (20, 5e-5)])
def test_the_warm_up_is_linear_and_may_be_left_out(warmup_steps, first):
    schedule = Schedule(steps=10, warmup_steps=warmup_steps, learning_rate=1e-3, final_learning_rate=0.0)
    assert learning_rate(schedule, 0) == pytest.approx(first, rel=1e-12)
    assert learning_rate(schedule, 9) == pytest.approx(
        1e-3 * 10 / 20
        if warmup_steps == 20
        else 5e-4 * (1 + math.cos(math.pi * (9 - warmup_steps) / (10 - warmup_steps)))
    )


def test_every_step_has_the_learning_rate_and_weight_decay_of_its_schedule(settings, tmp_path, updates):
    plan = recipe(weight_decay=0.25)
    train_recipe(plan, tmp_path / "run", settings=settings)
    assert [update[0] for update in updates] == [learning_rate(plan.schedule, step) for step in range(12)]
    assert {update[1] for update in updates} == {0.25}


@pytest.mark.parametrize("limit", [1e-3, 1e-2])
def test_a_clipped_gradient_has_the_norm_of_the_limit(settings, tmp_path, updates, limit):
    train_recipe(recipe(gradient_clip=limit), tmp_path / "run", settings=settings)
    assert [total_norm(norms) for _, _, norms in updates] == pytest.approx([limit] * 12, rel=1e-3)


def test_a_gradient_below_the_limit_is_not_changed(settings, tmp_path, updates):
    for name, limit in (("free", 0.0), ("clipped", 1e3)):
        train_recipe(recipe(gradient_clip=limit), tmp_path / name, settings=settings)
    assert updates[:12] == updates[12:] and total_norm(updates[0][2]) > 1e-2


def test_only_the_students_gradient_is_clipped(settings, tmp_path, updates):
    released(settings, tmp_path, name="teacher", role="teacher", steps=2)
    updates.clear()
    term = {"loss": "fitnet", "student_tap": "layers.0", "teacher_tap": "layers.0"}
    plan = recipe(teacher="teacher", terms=[term], fixed_crops=8, gradient_clip=1e-6, reparameterised=False)
    train_recipe(plan, tmp_path / "run", settings=settings)
    student, projection = updates[0][2][:6], updates[0][2][6:]  # three layers, each with weight and bias
    assert total_norm(student) == pytest.approx(1e-6, rel=0.01)
    assert total_norm(projection) > 1e-3


def test_the_moving_average_has_a_closed_form(settings, tmp_path):
    """Its decay is min(ema_decay, (1 + n) / (10 + n)) at step n, the warm-up of TensorFlow's moving average."""
    for decay in (0.999, 0.5, 0.1, 0.0):
        network, average = (torch.nn.Linear(1, 1, bias=False) for _ in range(2))
        torch.nn.init.ones_(network.weight)
        torch.nn.init.zeros_(average.weight)
        learner = Learner(network, average, None, None)
        missing = 1.0
        for step in range(1, 40):
            learner.step = step
            learner.update_average(decay)
            missing *= min(decay, (1 + step) / (10 + step))
        assert float(average.weight.detach()) == pytest.approx(1 - missing, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("decay, kept", [(0.999, 2 / 11), (0.1, 0.1), (0.0, 0.0)])
def test_what_is_released_is_the_moving_average(settings, tmp_path, decay, kept):
    released(settings, tmp_path, name="start", steps=20, reparameterised=False)
    plan = recipe(warm_start="start", steps=1, warmup_steps=0, ema_decay=decay, reparameterised=False)
    train_recipe(plan, tmp_path / "run", settings=settings)
    start, done = (
        load_tensors(settings.weights_dir / "start.safetensors"),
        load_tensors(tmp_path / "run/tiny.safetensors"),
    )
    now = load_tensors(tmp_path / "run" / "checkpoint.safetensors")
    for name, value in done.items():
        assert not torch.equal(now[f"network.{name}"], start[name])
        assert torch.allclose(value, kept * start[name] + (1 - kept) * now[f"network.{name}"], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "patience, scores, stop, best",
    [
        (2, [20.0, 21.0, 20.5, 21.0], 9, 3),  # an equal score is no gain
        (1, [20.0, 21.0, 22.0, 21.9], 9, 6),
        (3, [20.0, 19.0, 19.5, 19.9], 9, 0),
        (3, [20.0, 19.0, 19.5, 21.0, 20.0], 12, 9),  # the last step comes first
        (0, [20.0, 19.0, 18.0, 17.0], 12, 12),
    ],
)
def test_patience_stops_after_exactly_so_many_validations_and_keeps_the_best(
    settings, tmp_path, monkeypatch, patience, scores, stop, best
):
    released(settings, tmp_path, name="start", steps=2)
    plan = recipe(warm_start="start", patience=patience, validate_every=3, reparameterised=False)
    given, rising = iter(scores), iter(range(100))
    monkeypatch.setattr("kdsr.train.loop.validate", lambda *_: (next(given), 0.5))
    assert train_recipe(plan, tmp_path / "run", settings=settings).step == stop
    kept = load_tensors(tmp_path / "run" / "tiny.safetensors")
    then = load_tensors(settings.weights_dir / "start.safetensors")
    if best > 0:  # the average at that step, of a run that does not stop early
        steps = iter(range(1, 100))
        monkeypatch.setattr("kdsr.train.loop.validate", lambda *_: (next(rising), 0.5))
        with contextlib.suppress(Stopped):
            train_recipe(plan, tmp_path / "part", settings=settings, should_stop=lambda: next(steps) == best)
        tensors = load_tensors(tmp_path / "part" / "checkpoint.safetensors")
        then = {name: tensors[f"average.{name}"] for name in kept}
    assert all(torch.equal(value, then[name]) for name, value in kept.items())


def test_patience_counts_the_validations_before_a_stop_too(settings, tmp_path, monkeypatch):
    """Validations at steps 0, 3 and 6, stopped between the last two, which brought no gain over the first."""
    released(settings, tmp_path, name="start", steps=2)
    plan = recipe(warm_start="start", patience=2, validate_every=3, reparameterised=False)
    scores, steps = iter([20.0, 19.0, 19.5, 19.8]), iter(range(1, 100))
    monkeypatch.setattr("kdsr.train.loop.validate", lambda *_: (next(scores), 0.5))
    with pytest.raises(Stopped):
        train_recipe(plan, tmp_path / "run", settings=settings, should_stop=lambda: next(steps) == 4)
    result = train_recipe(plan, tmp_path / "run", settings=settings, resume=True)
    assert (result.step, result.finished) == (6, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"task": "sr_x2"},
        {"task": "denoise"},
        {"task": "denoise", "degrade_once": True},
        {"task": "sr_x2", "fixed_crops": 6},
    ],
    ids=lambda changes: " ".join(changes),
)
def test_the_seed_reaches_the_batches(settings, tmp_path, changes):
    """All runs begin with the same weights, so that nothing but the batches can differ."""
    released(settings, tmp_path, name="start", task=changes["task"], steps=2)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        plan = recipe(warm_start="start", seed=seed, reparameterised=False, **changes)
        train_recipe(plan, tmp_path / name, settings=settings)
    a, b, c = (load_tensors(tmp_path / name / "tiny.safetensors") for name in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert all(not torch.equal(a[name], c[name]) for name in a)


def test_the_share_of_the_truth_is_that_of_each_step(settings, tmp_path, monkeypatch):
    released(settings, tmp_path, name="teacher", role="teacher", steps=2)
    shares = []

    def losses(recipe, learner, teacher, device):
        def loss(batch, share):
            shares.append(float(share))
            total = learner.network(batch.degraded).square().mean()
            return total, {"truth": total}

        return loss

    monkeypatch.setattr("kdsr.train.stage.loss_of_step", losses)
    plan = recipe(teacher="teacher", truth_share=0.25, truth_share_end=1.0)
    train_recipe(plan, tmp_path / "run", settings=settings)
    assert shares == pytest.approx([0.25 + 0.75 * step / 12 for step in range(12)])


def test_a_card_has_the_minutes_of_all_parts(settings, tmp_path, monkeypatch):
    """By a clock that moves two minutes whenever it is read: at the start, for the card, and for the last event."""
    clock = SimpleNamespace(monotonic=functools.partial(next, itertools.count(0, 120)))
    monkeypatch.setattr("kdsr.train.stage.time", clock)
    folder, said = tmp_path / "run", []
    for part in (1, 2):
        with pytest.raises(Stopped):
            train_recipe(
                recipe(), folder, settings=settings, resume=part > 1, should_stop=lambda: True, on_event=said.append
            )
        assert read_card(folder / "tiny.json").trained_on.endswith(f", {4 * part - 2} minutes")
    train_recipe(recipe(), folder, settings=settings, resume=True, on_event=said.append)
    assert read_card(folder / "tiny.json").trained_on.endswith(", 10 minutes")
    ends = [(event["event"], event["step"], event["minutes"]) for event in events(folder) if "minutes" in event]
    assert ends == [("stopped", 1, 4.0), ("stopped", 2, 4.0), ("finished", 12, 4.0)]
    assert [event["event"] for event in said if "minutes" in event] == ["finished"]  # who stops a run hears an error
    assert EventLog(folder / "events.jsonl", None).minutes_before == 12.0


def test_a_finished_run_takes_no_further_step(settings, tmp_path):
    train_recipe(recipe(), tmp_path / "run", settings=settings)
    files = [tmp_path / "run" / name for name in ("tiny.safetensors", "checkpoint.safetensors")]
    before = [path.read_bytes() for path in files]
    result = train_recipe(recipe(), tmp_path / "run", settings=settings, resume=True)
    assert (result.finished, result.step) == (True, 12) and [path.read_bytes() for path in files] == before
    assert [event["step"] for event in events(tmp_path / "run") if event["event"] == "step"] == [12]
    with pytest.raises(TrainingError, match="another recipe"):
        train_recipe(recipe(steps=13), tmp_path / "run", settings=settings, resume=True)


def test_a_loss_of_fifty_times_the_lowest_still_passes(settings, tmp_path, monkeypatch):
    scale = {}

    def losses(recipe, learner, teacher, device):
        def loss(batch, share):
            value = scale.get(learner.step, 1.0) + 0 * learner.network(batch.degraded).mean()
            return value, {"truth": value}

        return loss

    monkeypatch.setattr("kdsr.train.stage.loss_of_step", losses)
    monkeypatch.setattr("kdsr.train.loop._LOG_EVERY", 1)
    scale[5] = 50.0
    train_recipe(recipe(), tmp_path / "run", settings=settings)
    scale[5] = 50.1
    with pytest.raises(TrainingError, match="at step 6, far above"):
        train_recipe(recipe(), tmp_path / "wild", settings=settings)
    scale[5] = math.nan
    with pytest.raises(TrainingError, match="nan at step 6"):
        train_recipe(recipe(), tmp_path / "nan", settings=settings)
