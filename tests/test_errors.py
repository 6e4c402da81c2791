"""The tree of errors, and the one look-up by name."""

import re

import pytest

from kdsr import errors
from kdsr.errors import KdsrError, SettingsError, UnknownNameError, find

COLOURS = {"red": 1, "green": 2, "blue": 3}


def test_a_known_name_gives_its_entry():
    assert find("colour", "green", COLOURS) == 2


def test_an_unknown_name_is_a_settings_error_with_the_nearest_name_and_all_names():
    expected = "There is no colour named 'gren'. Did you mean 'green'? Known: blue, green, red."
    with pytest.raises(UnknownNameError, match=f"^{re.escape(expected)}$") as caught:
        find("colour", "gren", COLOURS)
    assert isinstance(caught.value, SettingsError)


def test_nothing_near_and_nothing_known_are_said():
    with pytest.raises(UnknownNameError, match=r"named 'zzz'\. Known: blue, green, red\.$"):
        find("colour", "zzz", COLOURS)
    with pytest.raises(UnknownNameError, match=r"Known: none\.$"):
        find("colour", "red", {})


def test_the_tree_in_the_docstring_is_the_tree_of_classes():
    listed = re.findall(r"^    (?:\|   )?(?:\|-- |`-- )?(\w+) ", str(errors.__doc__), flags=re.MULTILINE)
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, KdsrError)]
    assert sorted(listed) == sorted(found.__name__ for found in classes)


@pytest.mark.parametrize("name", ["x" * 5000, "a\nb\x1b[2J", None, [], {"a": 1}, 5])
def test_a_name_that_nothing_has_is_a_short_sentence_whatever_it_is(name):
    with pytest.raises(UnknownNameError) as caught:
        find("thing", name, {"abc": 1})
    assert str(caught.value).isprintable() and len(str(caught.value)) < 200


def test_the_text_of_an_error_is_one_line_and_not_longer_than_the_longest():
    assert str(KdsrError("a\nb\x1b[2J\u2028ü, 3 × 4.")) == "a?b?[2J?ü, 3 × 4."
    assert str(KdsrError("x" * 1500)) == "x" * 1500 and str(KdsrError("x" * 1501)) == "x" * 1497 + "..."
