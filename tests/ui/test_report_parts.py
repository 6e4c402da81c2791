"""Parts of a report in closed form: where two pictures differ most, what is enlarged, what a teacher is worth."""

import dataclasses
import io

import numpy as np
import pytest
from helpers.results import card
from PIL import Image, ImageSequence

from kdsr.ui.report.as_pdf import _spelled
from kdsr.ui.report.moving import slider_webp
from kdsr.ui.report.spots import MIDDLE, most_different, square_around
from kdsr.ui.report.worth import worth_of
from kdsr.zoo.card import Figure


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (64, 96), (97, 61)])
def test_equal_pictures_have_the_middle_and_a_changed_pixel_its_block(size):
    height, width = size
    one = np.zeros((height, width, 3), np.uint8)
    assert most_different(one, one) == MIDDLE
    other = one.copy()
    other[height - 1, width // 2] = 9
    x, y = most_different(one, other)
    assert (int(x * width) // 32, int(y * height) // 32) in {
        (width // 2 // 32, (height - 1) // 32), ((width - 1) // 32, (height - 1) // 32)
    }  # fmt: skip


def test_a_block_counts_by_its_mean_so_that_a_narrow_one_at_the_border_can_win():
    one, other = np.zeros((2, 32, 40, 3), np.uint8)
    other[:, :32], other[:, 32:] = 10, 11
    assert most_different(one, other) == (1.0, 0.5)


def test_the_square_has_a_fifth_of_the_shorter_side_and_stays_inside():
    assert square_around((0.5, 0.5), (500, 1000)) == (200, 450, 100)
    assert square_around((0.0, 1.0), (500, 1000)) == (0, 900, 100)
    assert square_around((0.5, 0.5), (100, 60)) == (26, 6, 48)
    assert square_around((1.0, 1.0), (7, 13)) == (0, 6, 7)


def with_psnr(role, psnr_db, **given):
    figures = tuple(
        Figure(name, n, psnr_db + n / 1000, 0.9, 20.0, "a.png", "luma") for name, n in (("Set5", 5), ("BSD100", 100))
    )
    return dataclasses.replace(card(role, 1000, 1e6, 4000), figures=figures, **given)


@pytest.mark.parametrize(
    ("gain_db", "said"),
    [
        (0.12, "On BSD100, The student is 0.12 dB ahead of the same network trained without a teacher."),
        (
            -0.03,
            "On BSD100, The student is 0.03 dB behind the same network trained without a teacher: here",
        ),
        (0.001, "On BSD100, The student is as good as the same network trained without a teacher: no gain here."),
    ],
)
def test_what_a_teacher_is_worth_is_said_plainly(gain_db, said):
    student, twin = with_psnr("student", 30 + gain_db, twin="sr_x4-twin"), with_psnr("twin", 30)
    html = worth_of([student], [student, twin])
    assert said in html and html.count(f"<td>{gain_db:+.2f} dB</td>") == 2 and "<td>30.10 dB</td>" in html


def test_without_a_twin_trained_alike_it_is_unknown():
    student = with_psnr("student", 30)
    html = worth_of([student], [student, with_psnr("twin", 29)])
    assert "what its teacher is worth is unknown" in html and "<table" not in html


def test_letters_that_no_font_has_become_question_marks_and_the_report_says_so():
    asked = []

    def compiled(data, *, own_fonts):
        asked.append((data, own_fonts))
        if not own_fonts:
            raise RuntimeError("no font")
        return b"pdf"

    data = {"title": "\u5b66 Gr\u00fc\u00dfe", "conditions": {"rows": {}}}
    assert _spelled(data, compiled, RuntimeError) == b"pdf"
    letters = {"Letters": "Letters that no font here has are written as ?."}
    assert asked == [(data, False), ({"title": "? Gr\u00fc\u00dfe", "conditions": {"rows": letters}}, True)]
    assert _spelled({"title": "\u2212 \u00d7 Gr\u00fc\u00dfe"}, compiled, RuntimeError) == b"pdf"


@pytest.mark.parametrize(
    ("size", "spot", "shown"),
    [((1, 1), None, (1, 1)), ((1440, 7), None, (720, 4)), ((200, 60), (1.0, 1.0), (100, 30)), ((1, 1), (1, 1), (1, 1))],
)
def test_the_moving_slider_has_its_size_and_shows_both_pictures(size, spot, shown):
    black, red = Image.new("RGBA", size, (0, 0, 0, 255)), Image.new("RGB", size, "red")
    with Image.open(io.BytesIO(slider_webp(black, red, spot))) as moving:
        assert moving.size == shown
        frames = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(moving)]
        is_endless = moving.info.get("loop") == 0
    if min(shown) > 9:
        assert is_endless and len(frames) > 30
        assert frames[0][9, -1] == pytest.approx([254, 0, 0], abs=6) and frames[len(frames) // 2][9, 5].max() < 9
        assert frames[len(frames) // 4][9].min(axis=1).max() > 150  # the line
