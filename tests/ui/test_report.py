"""The report: everything inside one file, figures that are those of the results, pictures within their budget."""

import base64
import dataclasses
import html
import io
import json
import re
from datetime import UTC, datetime
from threading import Event

import numpy as np
import pytest
from helpers.restoring import restore_handlers, small_photo
from PIL import Image
from typer.testing import CliRunner

from kdsr.cli import build_app
from kdsr.ui import report
from kdsr.ui.report import report_html, write_report
from kdsr.ui.restore import figures
from kdsr.ui.restore.request import Order
from kdsr.ui.restore.run import restore_steps

handlers = pytest.fixture(restore_handlers)
photo = pytest.fixture(small_photo)
pytestmark = pytest.mark.slow
MADE = datetime(2026, 11, 30, 12, 5, tzinfo=UTC)


@pytest.fixture
def result(handlers, photo, tmp_path):
    order = Order(photo, "clean", "sr_x4", teacher="sr_x4-teacher", student="sr_x4-student", runtime="torch", seed=7)
    return list(restore_steps(order, handlers.settings, tmp_path / "out", Event()))[-1].result


def pictures_in(text):
    data = [json.loads(html.unescape(each)) for each in re.findall(r'data-pictures="(.*?)"', text)]
    return [
        {each["key"]: np.asarray(Image.open(io.BytesIO(base64.b64decode(each["src"].split(",")[1]))))
         for each in one["pictures"]}
        for one in data
    ]  # fmt: skip


def test_it_has_sentence_table_pictures_and_conditions_and_asks_nobody(result, handlers):
    text = report_html([result], handlers.settings, MADE)
    assert figures.summary(result) in text and figures.table(result) in text
    (shown,) = pictures_in(text)
    assert set(shown) == {"input", "bicubic", "student", "teacher", "truth"}
    for key, pixels in shown.items():
        assert np.array_equal(pixels, np.asarray(Image.open(result.column(key).shown)))
    assert "2026-11-30 12:05 UTC" in text and "<dt>Seed</dt><dd>7</dd>" in text and "Pictures are lossless." in text
    card = result.column("student").card
    assert card.sha256 in text and card.licence in text
    assert not re.findall(r'(?:src|href)="(?!data:)|url\(|@import|^import |fetch\(', text, flags=re.MULTILINE)


def test_what_a_name_holds_is_no_markup(result, handlers):
    named = dataclasses.replace(result, name="</script><img src=x onerror=alert(1)>", description="<b>")
    text = report_html([named], handlers.settings, MADE)
    assert "<img src=x" not in text and text.count("</script>") == 1


def test_large_pictures_are_compressed_and_it_says_so(result, handlers, monkeypatch):
    monkeypatch.setattr(report, "PICTURES_BYTES", 2_000)
    text = report_html([result, dataclasses.replace(result, name="again")], handlers.settings, MADE)
    assert "Pictures are lossless." not in text and "The figures are those of the exact pictures." in text
    assert text.count("<h2>again: ") == 1 and len(pictures_in(text)) == 2


def test_it_lies_beside_the_pictures(result, handlers):
    file = write_report(result, handlers.settings)
    assert file.name.endswith("-sr_x4-report.html") and file.parent == result.column("student").file.parent


def test_the_command_writes_one_and_refuses_another_kind_before_it_works(handlers, photo, tmp_path):
    given = ["--weights", str(handlers.settings.weights_dir), "report", str(photo), str(photo), "--model"]
    done = CliRunner().invoke(build_app(), [*given, "sr_x4-student", "-o", str(tmp_path / "a.html")])
    assert done.exit_code == 0, done.output
    assert len(pictures_in((tmp_path / "a.html").read_text())) == 2
    refused = CliRunner().invoke(build_app(), [*given, "sr_x4-student", "-o", str(tmp_path / "a.pdf")])
    assert "is not: name another" in str(refused.exception) and not (tmp_path / "a.pdf").exists()
