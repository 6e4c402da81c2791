"""Files that visitors download at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor

from kdsr.settings import Settings
from kdsr.ui.live.files import public_example, public_folder
from kdsr.ui.models.handlers import released_files

VISITORS = 80


def test_eighty_visitors_download_one_network_at_once(tiny_catalog, tmp_path):
    card = tiny_catalog.cards[0]
    together = threading.Barrier(VISITORS)

    def download(_visitor):
        together.wait()
        weights, text = released_files(card, tiny_catalog, tmp_path / "served")
        return weights.read_bytes(), text.read_bytes()

    source = tiny_catalog.weights_path(card)
    with ThreadPoolExecutor(VISITORS) as pool:
        got = set(pool.map(download, range(VISITORS)))
    assert got == {(source.read_bytes(), source.with_suffix(".json").read_bytes())}
    assert sorted(path.suffix for path in (tmp_path / "served").rglob("*.*")) == [".json", ".safetensors"]


def test_eighty_visitors_fetch_one_example_at_once(tmp_path):
    source = tmp_path / "example.png"
    source.write_bytes(bytes(range(256)) * 400)
    settings = Settings(home=tmp_path / "home")
    together = threading.Barrier(VISITORS)

    def fetch(_visitor):
        together.wait()
        return public_example(source, settings).read_bytes()

    with ThreadPoolExecutor(VISITORS) as pool:
        assert set(pool.map(fetch, range(VISITORS))) == {source.read_bytes()}
    assert [path.name for path in public_folder(settings).iterdir()] == ["example.png"]
