"""What fuzzing found, through its door again: an answer or one sentence."""

import sys
from pathlib import Path

import pytest

import kdsr

FOUND = Path(__file__).parent / "fixtures" / "found"
CASES = sorted(path for path in FOUND.glob("*/*"))


@pytest.fixture(scope="module")
def fuzz():
    """`scripts/fuzz.py`, where the doors are."""
    sys.path.insert(0, str(Path(kdsr.__file__).parent.parent / "scripts"))
    import fuzz

    yield fuzz
    sys.path.pop(0)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_was_found_is_an_answer_or_one_sentence(fuzz, path, tmp_path):
    assert fuzz.outcome_of(path.parent.name, path.read_bytes(), tmp_path)[1] == ""


def test_a_sound_file_of_each_door_is_answered(fuzz, tmp_path):
    for door, corpus in fuzz.CORPUS.items():
        folder = tmp_path / door
        folder.mkdir()
        assert fuzz.outcome_of(door, corpus(folder)[0], folder) == ("answered", "")
