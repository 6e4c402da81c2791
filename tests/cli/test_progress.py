"""What the command line says while it works: rates and the time that is left."""

import pytest

from kdsr.cli.folders import pace
from kdsr.cli.training import duration


@pytest.mark.parametrize(
    ("done", "total", "passed_s", "text"),
    [
        (1, 5, 2.0, "(0.5 pictures/s, 0:00:08 left)"),
        (4, 5, 2.0, "(2 pictures/s, 0:00:00 left)"),
        (10, 7210, 5.0, "(2 pictures/s, 1:00:00 left)"),
        (5, 5, 2.0, "(2.5 pictures/s, 0:00:00 left)"),
    ],
)
def test_the_rest_takes_its_pictures_over_the_rate_so_far(done, total, passed_s, text):
    assert pace(done, total, passed_s) == text


@pytest.mark.parametrize(("seconds", "text"), [(59.4, "0:00:59"), (60, "0:01:00"), (3723, "1:02:03")])
def test_a_duration_is_written_in_hours_minutes_and_seconds(seconds, text):
    assert duration(seconds) == text
