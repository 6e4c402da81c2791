"""Settings come from the environment, are checked, and are told when they are wrong."""

import pytest

from kdsr.errors import KdsrError, SettingsError, UnknownNameError
from kdsr.settings import Settings, settings_from_environment, usable_threads
from kdsr.tasks import TASKS, find_task


def test_every_field_can_be_set_by_its_variable(tmp_path):
    given = {"KDSR_WEIGHTS_DIR": str(tmp_path), "KDSR_THREADS": "3", "KDSR_MAX_INPUT_MEGAPIXELS": "1.5", "OTHER": "x"}
    settings = settings_from_environment(given)
    assert (settings.weights_dir, settings.threads, settings.max_input_megapixels) == (tmp_path, 3, 1.5)
    assert usable_threads(settings) == 3 and usable_threads(Settings()) >= 1


@pytest.mark.parametrize(
    "given", [{"KDSR_THREADS": "many"}, {"KDSR_THREADS": "-1"}, {"KDSR_DEVICE": "tpu"}, {"KDSR_MAX_SIDE_PX": "0"}]
)
def test_a_wrong_value_is_told(given):
    with pytest.raises(SettingsError):
        settings_from_environment(given)


def test_tasks_are_found_by_name_and_state_their_convention():
    assert find_task("sr_x4").convention == "BT.601 luma (Y, 16..235), 4 px cut at each side"
    assert find_task("denoise").convention == "RGB, no border cut"
    assert all(task.name == name for name, task in TASKS.items())
    with pytest.raises(UnknownNameError, match="Did you mean 'denoise'"):
        find_task("denoize")


@pytest.mark.parametrize("sigma", [-1, 56, float("nan")])
def test_a_strength_out_of_range_is_told(sigma):
    with pytest.raises(KdsrError, match="between 0 and 55"):
        find_task("denoise").strength.check(sigma)
