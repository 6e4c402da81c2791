"""Colours of the theme: white text on the buttons can be read."""

import pytest

from kdsr.ui.theme import build_theme


def luminance(colour):
    """Relative luminance of `#rrggbb` in [0, 1], by WCAG 2.2."""
    levels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels]
    return sum(weight * level for weight, level in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("state", ["", "_hover"])
@pytest.mark.parametrize("scheme", ["", "_dark"])
def test_white_on_a_primary_button_has_a_contrast_of_four_and_a_half(state, scheme):
    assert 1.05 / (luminance(getattr(build_theme(), f"button_primary_background_fill{state}{scheme}")) + 0.05) >= 4.5
