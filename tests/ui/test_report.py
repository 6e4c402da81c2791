"""The report: everything inside one file, figures that are those of the results, pictures within their budget."""

import base64
import dataclasses
import html
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from helpers.restoring import REQUEST, restore_handlers, small_photo
from PIL import Image
from typer.testing import CliRunner

from kdsr.cli import build_app
from kdsr.ui.report import as_pdf, pictures
from kdsr.ui.report.as_html import report_html
from kdsr.ui.report.as_pdf import report_pdf
from kdsr.ui.report.blocks import blocks_of
from kdsr.ui.report.handlers import SHOWN, ReportHandlers, spot_of, write_report
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
    (table,) = re.findall("<table.*</table>", figures.table(result))
    assert figures.summary(result) in text and table in text
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
    monkeypatch.setattr(pictures, "PICTURES_BYTES", 2_000)
    text = report_html([result, dataclasses.replace(result, name="again")], handlers.settings, MADE)
    assert "Pictures are lossless." not in text and "The figures are those of the exact pictures." in text
    assert text.count("<h2>again: ") == 1 and len(pictures_in(text)) == 2


def test_it_lies_beside_the_pictures(result, handlers):
    file = write_report([result], handlers.settings)
    assert file.name.endswith("-sr_x4-report.html") and file.parent == result.column("student").file.parent


def test_the_command_writes_one_and_refuses_another_kind_before_it_works(handlers, photo, tmp_path):
    given = ["--weights", str(handlers.settings.weights_dir), "report", str(photo), str(photo), "--model"]
    done = CliRunner().invoke(build_app(), [*given, "sr_x4-student", "-o", str(tmp_path / "a.html")])
    assert done.exit_code == 0, done.output
    assert len(pictures_in((tmp_path / "a.html").read_text())) == 2
    refused = CliRunner().invoke(build_app(), [*given, "sr_x4-student", "-o", str(tmp_path / "a.png")])
    assert "is not: name another" in str(refused.exception)
    for spot in ("7", "0.5,2", "a,b"):
        asked = [*given, "sr_x4-student", "--spot", spot, "-o", str(tmp_path / "b.html")]
        assert f"got '{spot}'" in str(CliRunner().invoke(build_app(), asked).exception)
    assert not (tmp_path / "b.html").exists()


def test_the_command_takes_no_teacher_for_a_student(handlers, photo, tmp_path):
    given = ["--weights", str(handlers.settings.weights_dir), "report", str(photo), "--model", "sr_x4-teacher"]
    refused = CliRunner().invoke(build_app(), [*given, "-o", str(tmp_path / "a.html")])
    assert "'sr_x4-teacher' is a teacher" in str(refused.exception) and not (tmp_path / "a.html").exists()


def test_the_crops_are_exact_also_where_the_pictures_are_compressed(result, handlers, monkeypatch):
    text = report_html([result], handlers.settings, MADE, spots=[(1.0, 0.0)])
    side, left, top = map(
        int, re.search(r'width="(\d+)" height="\1" data-of="student" data-at="(\d+),(\d+)"', text).groups()
    )
    assert (left, top) == (result.size[0] - side, 0) and "The chosen spot" in text
    monkeypatch.setattr(pictures, "PICTURES_BYTES", 2_000)
    text = report_html([result], handlers.settings, MADE, spots=[(1.0, 0.0)])
    crops = re.findall(r'<img alt="(.*?): .*?" src="data:image/webp;base64,(.*?)"', text)
    assert [title for title, _ in crops] == [
        *("Before", "Bicubic", "Student without distillation", "Student", "Teacher", "Original")
    ]
    exact = np.asarray(Image.open(result.column("teacher").shown))[top : top + side, left : left + side]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(dict(crops)["Teacher"])))), exact)


def test_the_pdf_of_the_same_results_has_the_same_bytes(result, handlers):
    pdf = report_pdf([result], handlers.settings, MADE)
    assert pdf.startswith(b"%PDF-1.7") and report_pdf([result], handlers.settings, MADE) == pdf
    assert report_pdf([result], handlers.settings, MADE, spots=[(0.0, 0.0)]) != pdf


def test_a_pdf_is_made_of_letters_that_no_font_has(result, handlers):
    named = dataclasses.replace(result, name="\u5b66\u751f #emph[x] $x$ \U0001f600")
    pdf = report_pdf([named], handlers.settings, MADE)
    assert pdf.startswith(b"%PDF") and report_pdf([named], handlers.settings, MADE) == pdf


def test_without_typst_a_pdf_is_one_sentence_before_anything_is_restored(handlers, photo, tmp_path, monkeypatch):
    monkeypatch.setattr(as_pdf, "is_installed", lambda: False)
    given = ["--weights", str(handlers.settings.weights_dir), "report", str(photo), "--model", "sr_x4-student"]
    refused = CliRunner().invoke(build_app(), [*given, "-o", str(tmp_path / "a.pdf")])
    assert "pip install 'kdsr[report]'" in str(refused.exception) and not (tmp_path / "a.pdf").exists()


def test_the_pdf_has_the_words_and_the_figures_of_the_page(result):
    table = figures.table(result)
    blocks = blocks_of(table)
    cells = ["".join(run["text"] for run in cell["runs"]) for row in blocks[0]["rows"] for cell in row]
    rows = re.search("<tbody>(.*?)</tbody>", table)[1]
    assert [cell.strip() for cell in cells if cell.strip()] == [
        re.sub("<[^>]*>", "", re.sub("<small>.*?</small>", "", cell)).strip()
        for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", rows)
    ]
    assert blocks[0]["columns"] == 9 and blocks[0]["rows"][1][0]["small"] == result.column("twin").card.title
    assert {"text": "PSNR, SSIM", "bold": True, "code": False} in blocks[1]["runs"] and blocks[1]["class"] == "foot"


@pytest.mark.parametrize(("word", "spot"), [("0.31,0.42,200", (0.31, 0.42)), ("", None), ("2,0,1", None), ("a", None)])
def test_the_spot_is_that_of_the_address(word, spot):
    assert spot_of({"spot": word}) == spot


def reported(handlers, kind, result, pictures, networks=("teacher", "twin"), kept=None):
    """The steps of a report: (status, stop, file, kept) each."""
    handlers.on_press(REQUEST)
    given = (result, ("input", "student"), list(networks), pictures, ("any",), {} if kept is None else kept, REQUEST)
    return list(handlers.of_kind(kind)(*given))


def test_chosen_pictures_and_networks_go_in_and_are_restored_once(result, handlers, monkeypatch):
    reports, kept = ReportHandlers(handlers), {}
    networks, pictures, offered = reports.on_result(result, ())
    assert [key for _, key in networks["choices"]] == networks["value"] == ["twin", "teacher"]
    assert pictures["value"] == [SHOWN] and pictures["choices"][1] == ("Astronaut", "Astronaut")
    assert reports.on_result(result, offered)[2] == offered and "choices" not in reports.on_result(result, offered)[0]
    *steps, (_, _, file, kept) = reported(reports, "html", result, ["Cat", SHOWN], ["twin"], kept)
    assert any("Cat (1/2): Student at work" in step[0] for step in steps)
    text = Path(file["value"]).read_text(encoding="utf-8")
    assert text.index("<h2>Cat: ") < text.index("<h2>photo: ") and "Student without distillation" in text
    assert (
        "sr_x4-teacher" not in text
        and [each.keys() for each in pictures_in(text)] == [{"input", "bicubic", "student", "truth"}] * 2
    )
    monkeypatch.setattr("kdsr.ui.report.handlers.restore_steps", None)  # whatever would restore again fails
    assert reported(reports, "html", result, ["Cat"], [], kept)[-1][2]["value"]


def test_a_report_of_nothing_without_a_picture_or_stopped_is_one_sentence(result, handlers):
    reports = ReportHandlers(handlers)
    assert "press Restore first" in reported(reports, "html", None, [SHOWN])[-1][0]
    assert "choose at least one" in reported(reports, "html", result, [])[-1][0]
    assert "reload the page" in reported(reports, "html", result, ["None such"])[-1][0]
    reports.on_press(REQUEST)
    steps = reports.of_kind("pdf")(result, ("input", "student"), [], ["Coffee"], (), {}, REQUEST)
    next(steps)
    reports.on_stop(REQUEST)
    *_, (said, stop, file, _) = steps
    assert "Stopped" in said and file["value"] is None and stop["visible"] is False
    assert list(reports.of_kind("pdf")(result, (), [], [SHOWN], (), {}, REQUEST)) != []
