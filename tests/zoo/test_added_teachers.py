"""Published teachers that were added to this machine (`KDSR_HOME`): what their real weights must hold. Skips without
them.
"""

import pytest
import torch

from kdsr.restore import available_runtimes, open_runtime, restore
from kdsr.settings import settings_from_environment
from kdsr.zoo import open_catalog
from kdsr.zoo.teachers import added


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_the_graph_of_x4plus_gives_what_torch_gives(runtime):
    settings = settings_from_environment()
    card = added("realesrgan-x4plus", settings)
    if card is None:
        pytest.skip("realesrgan-x4plus is not here: kdsr teachers add realesrgan-x4plus")
    if runtime not in available_runtimes(card.precision, card.architecture):
        pytest.skip(f"the runtime {runtime} is not installed")
    picture = torch.rand(1, 3, 23, 17, generator=torch.Generator().manual_seed(0))
    expected, found = (
        restore(picture, open_runtime(card, open_catalog(settings), runtime=name, settings=settings))
        for name in ("torch", runtime)
    )
    assert (found - expected).abs().max() < 1e-4
