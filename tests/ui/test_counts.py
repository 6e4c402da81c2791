"""Records of work, the counts that they add up to, and the log as JSON lines."""

import io
import json
import logging
import re

import pytest

from kdsr.errors import InputError, Stopped
from kdsr.ui.counts import PageCounts
from kdsr.ui.logs import JsonLines
from kdsr.ui.records import recorded, tell
from kdsr.ui.refusals import log_refusal

SAMPLE = re.compile(r'(kdsr_[a-z_]+)(\{(?:[a-z]+="[^"\\\n]*",?)*\})? ([0-9.e+]+)')
"""One line of Prometheus' text format."""


@pytest.fixture
def counts():
    """Counts that listen, for one test."""
    made, names = PageCounts(), ("kdsr.page", "kdsr.refused")
    made.listen()
    yield made
    for name in names:
        logging.getLogger(name).removeHandler(made)
    logging.getLogger(names[0]).setLevel(logging.NOTSET)


def samples(counts, **given):
    """The samples of the text by name and labels; every line must be a comment or a sample."""
    text = counts.text(**{"running": 0, "waiting": 0, "runs": {}, "is_taking": True, **given})
    lines = [line for line in text.splitlines() if not line.startswith("# ")]
    found = [SAMPLE.fullmatch(line) for line in lines]
    assert text.endswith("\n") and all(found)
    return {match[1] + (match[2] or ""): float(match[3]) for match in found}


def outcome_of(error):
    with recorded("restore"):
        if error:
            raise error


@pytest.mark.parametrize(
    "error, outcome",
    [
        (None, "done"),
        (Stopped("stopped"), "stopped"),
        (GeneratorExit(), "stopped"),
        (InputError("unreadable"), "refused"),
        (ZeroDivisionError(), "failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_the_outcome_of_work_is_what_ended_it(counts, error, outcome):
    if error is None:
        outcome_of(None)
    else:
        with pytest.raises(type(error)):
            outcome_of(error)
    assert samples(counts)[f'kdsr_requests_total{{kind="restore",outcome="{outcome}"}}'] == 1


def test_a_generator_that_nobody_reads_to_its_end_is_stopped_work(counts):
    def steps():
        with recorded("restore"):
            yield 1
            yield 2

    running = steps()
    next(running)
    running.close()
    assert samples(counts)['kdsr_requests_total{kind="restore",outcome="stopped"}'] == 1


def test_seconds_fall_into_buckets_that_count_all_shorter_ones_too(counts):
    for seconds in (0.05, 2.0, 2.5, 400.0):
        tell("work", {"kind": "live", "outcome": "done", "seconds": seconds})
    found = samples(counts)
    buckets = {bound: found[f'kdsr_request_seconds_bucket{{kind="live",le="{bound}"}}'] for bound in ("0.1", "1.0")}
    assert buckets == {"0.1": 1, "1.0": 1}
    assert found['kdsr_request_seconds_bucket{kind="live",le="3.0"}'] == 3
    assert found['kdsr_request_seconds_bucket{kind="live",le="+Inf"}'] == 4
    assert found['kdsr_request_seconds_count{kind="live"}'] == 4
    assert found['kdsr_request_seconds_sum{kind="live"}'] == pytest.approx(404.55)


def test_refusals_queue_runs_and_memory_are_told(counts):
    log_refusal("Too large.", "10.0.0.1")
    found = samples(counts, running=1, waiting=7, runs={"queued": 2}, is_taking=False)
    assert (found["kdsr_refused_total"], found["kdsr_queue_running"], found["kdsr_queue_waiting"]) == (1, 1, 7)
    assert (found['kdsr_runs{state="queued"}'], found["kdsr_accepts_work"]) == (2, 0)
    assert 1e7 < found["kdsr_memory_bytes"] < 1e11


def test_a_record_is_one_json_line_with_its_facts(counts):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("kdsr")
    logger.addHandler(handler)
    try:
        with recorded("train"):
            log_refusal("One\nsentence.", "10.0.0.1")
        try:
            raise ZeroDivisionError("by zero")
        except ZeroDivisionError:
            logger.exception("it failed\nwith two lines")
    finally:
        logger.removeHandler(handler)
    refused, work, failed = (json.loads(line) for line in stream.getvalue().splitlines())
    assert refused["event"] == "refused" and refused["address"] == "10.0.0.1" and refused["level"] == "warning"
    assert (work["event"], work["kind"], work["outcome"]) == ("work", "train", "done") and work["seconds"] >= 0
    assert failed["message"] == "it failed\nwith two lines" and "ZeroDivisionError: by zero" in failed["error"]
    assert all(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in (refused, work, failed)
    )
