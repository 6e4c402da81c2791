"""The fold of *Models* that draws pictures: what it shows, what moves, and its words in Chinese."""

import base64
import io
import re

import pytest
import torch
from helpers.chinese import english_in
from helpers.synthesis import add_generators
from PIL import Image

from kdsr.settings import Settings
from kdsr.ui.languages.markup import say_html
from kdsr.ui.languages.table import table_of
from kdsr.ui.models import synthesis
from kdsr.ui.models.synthesis import STEPS, SynthesisHandlers, codes


@pytest.fixture
def handlers(tmp_path):
    add_generators(tmp_path)
    return SynthesisHandlers(Settings(weights_dir=tmp_path, home=tmp_path / "home", device="cpu", threads=1))


def pictures_of(html):
    found = re.findall(r"data:image/png;base64,([\w+/=]+)", html)
    return [Image.open(io.BytesIO(base64.b64decode(each))) for each in found]


@pytest.mark.slow
def test_each_network_with_weights_draws_one_picture_and_a_grid(handlers):
    seed, html = handlers.on_open(0, 0)
    assert [picture.size for picture in pictures_of(html)] == [(64, 64), (192, 192)] * 3
    assert re.findall("<figcaption>(.*?)<", html) == ["Teacher", "Student", "Student without a teacher"]
    assert "Student without a discriminator" in html and "41 ± 1<" in html and "10<" in html
    assert handlers.on_open(seed, 0)[0] == seed != handlers.on_another(0)[0]
    one, grid = pictures_of(html)[:2]
    assert grid.crop((0, 0, 64, 64)).tobytes() == one.tobytes()


@pytest.mark.slow
def test_the_slider_moves_the_first_picture_from_one_code_to_the_other_on_an_arc(handlers):
    start, middle, end = (codes(3, place, 500) for place in (0.0, 0.5, 1.0))
    assert torch.equal(start[1:], end[1:]) and start.shape == (9, 500)
    assert middle[0].norm() == pytest.approx((start[0].norm() + end[0].norm()).item() / 2, rel=0.1)
    assert torch.allclose(start[0], torch.randn(10, 500, generator=torch.Generator().manual_seed(3))[0], atol=1e-5)
    first, last = (pictures_of(handlers.on_move(3, step)) for step in (0, STEPS))
    assert first[0].tobytes() != last[0].tobytes()
    assert first[1].crop((64, 0, 192, 192)).tobytes() == last[1].crop((64, 0, 192, 192)).tobytes()


def test_altered_weights_are_told_in_a_sentence(handlers):
    (handlers.settings.weights_dir / "synthesis" / "both.safetensors").write_bytes(b"x")
    assert "The weights both.safetensors are not those of the card" in handlers.on_open(0, 0)[1]


@pytest.mark.slow
def test_its_words_are_all_in_chinese(handlers):
    chinese = table_of("zh")
    texts = [synthesis.TITLE, synthesis.ABOUT.format(latent=64), synthesis.MOVE, synthesis.ANOTHER]
    assert [each for text in (*texts, handlers.on_open(1, 0)[1]) for each in english_in(say_html(text, chinese))] == []
