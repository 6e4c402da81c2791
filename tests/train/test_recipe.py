"""Recipes: they read back as they were written, and one that cannot be run is refused with its reason."""

import pytest
from helpers.training import recipe

from kdsr.errors import SettingsError, UnknownNameError
from kdsr.train import recipe_from_json, recipe_to_json


def test_a_recipe_reads_back_as_it_was_written():
    plan = recipe(teacher="big", truth_share=0.5)
    assert recipe_from_json(recipe_to_json(plan)) == plan


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "not valid JSON"),
        ("[]", "one JSON object"),
        ('{"name": "a"}', "lacks task"),
        ('{"name": "a", "task": "sr_x4", "step": 3}', "Did you mean 'steps'"),
        ('{"name": "a", "task": "sr_x4", "steps": 0}', "at least 1"),
        ('{"name": "a", "task": "sr_x4", "crop_candidates": 0}', "at least 1"),
        ('{"name": "a", "task": "sr_x4", "grey_share": 1.5}', "grey_share must lie in"),
        ('{"name": "a", "task": "jpeg", "chroma_444_share": -0.5}', "chroma_444_share must lie in"),
        ('{"name": "a", "task": "denoise", "chroma_444_share": 0.5}', "share of JPEG files"),
        ('{"name": "a", "task": "denoise", "clipped_noise_share": 1.5}', "clipped_noise_share must lie in"),
        ('{"name": "a", "task": "jpeg", "clipped_noise_share": 0.5}', "jpeg has no noise"),
        ('{"name": "a", "task": "style", "input_noise": 80}', "from 0 to 75"),
        ('{"name": "a", "task": "jpeg", "input_noise": 4}', "input_noise is for style"),
        ('{"name": "a", "task": "jpeg", "double_jpeg_share": 2}', "double_jpeg_share must lie in"),
        ('{"name": "a", "task": "photo_x4", "double_jpeg_share": 0.5}', "share of JPEG files"),
        ('{"name": "a", "task": "sr_x4", "steps": "many"}', "of kind int"),
        ('{"name": "../a", "task": "sr_x4"}', "plain file name"),
        ('{"name": "a", "task": "sr_x4", "truth_share": 0.5}', "need one"),
        ('{"name": "a", "task": "denoise", "truth_share": 0.5, "teacher": "t"}', "degrade_once"),
        ('{"name": "a", "task": "sr_x4", "precision": "fp8"}', "bf16 or fp32"),
        (
            '{"name": "a", "task": "sr_x4", "wise_ft_share": 0.5}',
            "wise_ft_share must lie in .0, 1. and needs a warm_start",
        ),
        ('{"name": "a", "task": "sr_x4", "warm_start": "b", "wise_ft_share": 1.0}', "wise_ft_share must lie in"),
        ('{"name": "a", "task": "sr_x4", "soup_with": "b"}', "soup_with needs a warm_start"),
        ('{"name": "a", "task": "sr_x4", "photo_scales": []}', "photo_scales must be scales above 0"),
        ('{"name": "a", "task": "sr_x4", "photo_scales": [1, 2]}', "photo_scales must be scales above 0"),
        ('{"name": "a", "task": "sr_x4", "photo_scales": 0.5}', "photo_scales must be of kind list of float"),
        ('{"name": "a", "task": "sr_x4", "photos": "folder"}', "photos must be of kind list of str, got 'folder'"),
        ('{"name": "a", "task": "sr_x4", "extra_teachers": 3}', "extra_teachers must be of kind list of str"),
        ('{"name": "a", "task": "sr_x4", "stages": 5}', "stages must be of kind list of objects"),
        ('{"name": "a", "task": "sr_x4", "terms": 5}', "terms must be of kind list of objects"),
        ('{"name": "a", "task": "sr_x4", "teacher": 5}', "teacher must be of kind str or null"),
        ('{"name": "a", "task": "sr_x4", "truth_share_end": "1"}', "truth_share_end must be of kind float or null"),
        ('{"name": "a", "task": "sr_x4", "arguments": {"width": "a"}}', "arguments must be of kind object of integers"),
        ('{"name": 5, "task": "sr_x4"}', "name must be of kind str"),
        (
            '{"name": "a", "task": "sr_x4", "terms": [{"loss": "l1", "weight": "a"}]}',
            "weight of a term must be of kind float",
        ),
        ('{"name": "a", "task": "sr_x4", "role": "boss"}', "role must be"),
        ('{"name": "a", "task": "sr_x4", "optimiser": "muo"}', "Did you mean 'muon'"),
    ],
)
def test_a_recipe_that_cannot_be_run_is_refused(text, message):
    with pytest.raises(SettingsError, match=message):
        recipe_from_json(text)


def test_an_unknown_task_in_a_recipe_is_refused():
    with pytest.raises(UnknownNameError, match="sr_x4"):
        recipe_from_json('{"name": "a", "task": "sr_x8"}')
