"""The tree of errors, and the one look-up by name."""

import re

import pytest

from kdsr import errors
from kdsr.errors import KdsrError, SettingsError, UnknownNameError, find, shortened

COLOURS = {"red": 1, "green": 2, "blue": 3}


def test_a_known_name_gives_its_entry():
    assert find("colour", "green", COLOURS) == 2


def test_an_unknown_name_is_a_settings_error_with_the_nearest_name_and_all_names():
    expected = "There is no colour named 'gren'. Did you mean 'green'? Known: blue, green, red."
    with pytest.raises(UnknownNameError, match=f"^{re.escape(expected)}$") as caught:
        find("colour", "gren", COLOURS)
    assert isinstance(caught.value, SettingsError)


def test_a_sentence_stays_short_and_in_one_line():
    with pytest.raises(UnknownNameError) as caught:
        find("key", "long\nname " * 200, dict.fromkeys(map(str, range(100, 1000))))
    assert len(str(caught.value)) < 600 and "\n" not in str(caught.value) and str(caught.value).endswith("….")
    assert shortened("a b", 3) == "a b" and shortened("abcd", 3) == "ab…"


def test_nothing_near_and_nothing_known_are_said():
    with pytest.raises(UnknownNameError, match=r"named 'zzz'\. Known: blue, green, red\.$"):
        find("colour", "zzz", COLOURS)
    with pytest.raises(UnknownNameError, match=r"Known: none\.$"):
        find("colour", "red", {})


def test_the_tree_in_the_docstring_is_the_tree_of_classes():
    listed = re.findall(r"^    (?:\|   )?(?:\|-- |`-- )?(\w+) ", str(errors.__doc__), flags=re.MULTILINE)
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, KdsrError)]
    assert sorted(listed) == sorted(found.__name__ for found in classes)
