"""The theme: white text on the buttons can be read, and gradio keeps all of the style sheets."""

import re

import pytest

from kdsr.ui.theme import CSS, build_theme


def luminance(colour):
    """Relative luminance of `#rrggbb` in [0, 1], by WCAG 2.2."""
    levels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels]
    return sum(weight * level for weight, level in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("state", ["", "_hover"])
@pytest.mark.parametrize("scheme", ["", "_dark"])
def test_white_on_a_primary_button_has_a_contrast_of_four_and_a_half(state, scheme):
    assert 1.05 / (luminance(getattr(build_theme(), f"button_primary_background_fill{state}{scheme}")) + 0.05) >= 4.5


def test_no_shorthand_with_a_variable_is_followed_by_a_longhand_of_it():
    """Browsers give such a shorthand back as empty, and gradio writes again what they give back."""
    lost, shorthands = [], {"background", "border", "outline", "font", "margin", "padding", "overflow"}
    apart = {"outline-offset", "border-radius", "border-collapse", "border-spacing"}
    for selector, rule in re.findall(r"([^{}]+)\{([^{}]*)\}", re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL)):
        parts = [each.strip().partition(":")[::2] for each in rule.split(";") if ":" in each]
        lost += [
            (selector.strip(), name)
            for index, (name, value) in enumerate(parts)
            if name in shorthands and "var(" in value
            for later, _ in parts[index + 1 :]
            if later.startswith(f"{name}-") and later not in apart
        ]
    assert lost == []
