"""The size that holds a rate of *Live*, without a film: the times of its runs are made up."""

import json

import pytest

from kdsr.ui.live.files import SCRIPTS

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and playwright warn of things of their own
]


def test_the_size_adapts_to_hold_the_rate(browser, address):
    page = browser.new_page()
    page.goto(address)
    page.wait_for_function("window.gradio_config !== undefined")
    found = page.evaluate(
        """async () => {
      const served = window.gradio_config.root + (window.gradio_config.api_prefix ?? '/gradio_api');
      const { Rate } = await import(served + '/file=' + FOLDER + '/film.js');
      const rate = new Rate(), runs = (ms) => Array(6).fill({ totalMs: ms });
      const free = rate.sideFor(256, runs(500), false);
      rate.choose(15);
      let side = 256, sides = [];
      for (let turn = 0; turn < 12; turn += 1) { // a run takes 200 ms at 256 px, and time goes with the pixels
        side = rate.sideFor(256, runs(200 * (side / 256) ** 2), false);
        sides.push(side);
      }
      const fixed = rate.sideFor(256, runs(500), true), few = rate.sideFor(256, runs(500).slice(1), false);
      const smaller = rate.sideFor(96, [], false), early = [0, 20, 64, 140].map((at) => rate.isEarly(1000 + at));
      const shown = (fps) => { // of 30 seconds of a film, each frame up to 15 ms early or late
        const fresh = new Rate();
        fresh.choose(15);
        const times = Array.from({ length: 30 * fps }, (_, at) => 5000 + (1000 * at) / fps + 15 * Math.sin(7 * at));
        return times.filter((time) => !fresh.isEarly(time)).length / 30;
      };
      const rates = [15, 25, 30, 60].map(shown);
      return { free, sides, fixed, few, smaller, early, rates };
    }""".replace("FOLDER", json.dumps(str(SCRIPTS)))
    )
    assert found["free"] == 256 and found["smaller"] == 96 and found["early"] == [False, True, False, False]
    assert all(14 < rate < 16 for rate in found["rates"]), found["rates"]
    settled = found["sides"][-1]
    assert found["sides"][-3:] == [settled] * 3 and found["fixed"] == found["few"] == settled
    assert 0.4 < 200 * (settled / 256) ** 2 * 15 / 1000 < 0.95
    page.close()
