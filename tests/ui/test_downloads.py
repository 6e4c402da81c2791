"""Files that visitors download at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor

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
