"""Style transfer in the tab *Restore*, without a browser: which networks go together, and what is said of a result that
has no original.
"""

import re
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from helpers.chinese import english_in
from helpers.restoring import CHOICE, REQUEST, results, small_photo
from helpers.running import Recorder
from helpers.styles import STYLES, add_styles

from kdsr.errors import SettingsError, UnknownNameError
from kdsr.image import read_picture
from kdsr.jobs import Jobs
from kdsr.settings import Settings
from kdsr.ui.distill.form import FIELDS, FRESH, FormValues, able_tasks, recipe_of, students
from kdsr.ui.distill.handlers import DistillHandlers
from kdsr.ui.distill.tab import what_needs_originals
from kdsr.ui.distill.teachers import DistillTeachers
from kdsr.ui.endpoints.restoring import RestoreApi
from kdsr.ui.languages.markup import say_html
from kdsr.ui.languages.table import table_of
from kdsr.ui.models.handlers import wanted_of
from kdsr.ui.restore import figures
from kdsr.ui.restore.choice import Choice, order_of, style_in
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.headline import headline
from kdsr.ui.restore.opening import OpeningHandlers
from kdsr.ui.restore.place import Scene, place_of, words_of
from kdsr.ui.restore.styles import StyleHandlers
from kdsr.ui.restore.view import View
from kdsr.ui.swatches import SWATCHES, served_swatches
from kdsr.zoo import Catalog, alike, style_of, style_title, styles_of

photo = pytest.fixture(small_photo)
ENGRAVING = ("style_engraving-teacher", "style_engraving-student-32x7")
MOSAIC = ("style_mosaic-teacher", "style_mosaic-student-32x7")


@pytest.fixture
def handlers(tmp_path) -> RestoreHandlers:
    (tmp_path / "weights").mkdir()
    add_styles(tmp_path / "weights")
    settings = Settings(weights_dir=tmp_path / "weights", home=tmp_path / "home", threads=1, device="cpu")
    return RestoreHandlers(settings, tmp_path / "runs")


def pair_of(choice: Choice) -> tuple[str | None, str | None]:
    return choice.teacher, choice.student


def names(menu: dict) -> list[str]:
    return [name for _, name in menu["choices"]]


def test_a_style_is_in_the_name_of_its_networks_and_a_visitors_student_has_that_of_its_teacher(handlers):
    cards = Catalog(handlers.settings.weights_dir).cards
    assert sorted(styles_of(cards)) == sorted(STYLES)
    assert all(style_of(card) in card.name for card in cards) and len(alike(cards, cards[0])) == 4
    mine = SimpleNamespace(task="style", name="my-one", teacher="style_mosaic-teacher")
    assert style_of(mine) == "mosaic" and style_title("great_wave") == "Great wave"
    assert style_of(SimpleNamespace(task="sr_x4", name="style_mosaic-teacher", teacher=None)) == ""


def test_choosing_a_style_chooses_its_teacher_and_its_students(handlers):
    usual, on_style = handlers.usual("style"), StyleHandlers(handlers)
    assert pair_of(usual) == ENGRAVING and style_in(usual, handlers.settings) == "engraving"
    dial, style, mode, second, run = on_style.shown(usual)
    assert style["choices"] == [("Engraving", "engraving"), ("Mosaic", "mosaic")] and style["value"] == "engraving"
    assert style["visible"] and not any(each["visible"] for each in (dial, mode, second))
    made, teacher, student, *_ = on_style.on_style("mosaic", usual, "", REQUEST)
    assert pair_of(made) == MOSAIC and names(teacher) == [MOSAIC[0]]
    assert names(student) == [MOSAIC[1], "style_mosaic-student-16x7"] and handlers.orders.take("visitor") is not None
    with pytest.raises(UnknownNameError, match="no such style"):
        on_style.on_style("cubism", usual, "", REQUEST)
    dial, style, mode, second, back = on_style.shown(CHOICE._replace(mode="both"))
    assert not style["visible"] and mode["visible"] and second["visible"]
    assert (run["value"], back["value"]) == ("Draw", "Restore")


def test_a_style_takes_the_picture_as_it_is_in_every_mode(handlers, photo):
    for mode in ("clean", "degraded", "both"):
        order = order_of(str(photo), str(photo), handlers.usual("style")._replace(mode=mode))
        assert (order.mode, order.truth, order.strength) == ("degraded", None, None)


def test_the_address_names_the_style_and_one_of_its_networks_is_enough(handlers):
    here = OpeningHandlers(handlers).here("")
    first, mosaic = here.usual("style"), here.usual("style", "mosaic")
    small = mosaic._replace(student="style_mosaic-student-16x7")
    picture = place_of({"task": "style"}, here)[0].picture
    wanted = (
        (first, {}), (mosaic, {"style": "mosaic"}),
        (small, {"style": "mosaic", "student": small.student}),
    )  # fmt: skip
    for choice, words in wanted:
        assert words_of(Scene(choice, picture), here) == words  # style transfer is the first task there is here
        assert place_of({"task": "style"} | words, here) == (Scene(choice, picture), "")
    assert place_of({"task": "style", "student": small.student}, here)[0].choice == small
    place, said = place_of({"task": "style", "style": "cubism"}, here)
    assert place.choice == first and "cubism" in said


def run(handlers: RestoreHandlers, photo, choice: Choice) -> list[View]:
    handlers.on_press(REQUEST)
    folded = ("torch", 0, 0, False, None, ("input", "student"))
    return list(handlers.on_restore(str(photo), None, choice, *folded, REQUEST))


@pytest.mark.slow
def test_a_result_is_set_beside_its_teachers_and_no_original_is_missed(handlers, photo):
    views = run(handlers, photo, handlers.usual("style", style="mosaic")._replace(mode="both"))
    result = results(views)[-1]
    keys = [column.key for column in result.columns]
    assert keys == ["input", "twin", "student", "teacher", "difference"]
    assert result.description == "photo · Style transfer · Mosaic" and result.notes == ()
    given = read_picture(result.column("input").file, handlers.settings)
    assert np.array_equal(given.pixels, read_picture(photo, handlers.settings).pixels)
    assert result.column("student").card.name == MOSAIC[1] and result.column("twin").card.name == f"{MOSAIC[1]}-twin"
    assert result.column("teacher").measurement is None
    assert result.column("student").measurement == result.apart and result.column("twin").measurement is not None
    said = headline(result)
    assert re.search(rf"matches the teacher's picture at {result.apart.psnr_db:.1f} dB\.", said)
    assert not re.search(r"ahead|behind|better|worse", said)
    table = figures.table(result)
    assert "PSNR<br>to teacher" in table and ">no original<" not in table and "how near a picture is" in table
    assert [figures.caption(result.column(key), result)[1] for key in ("input", "teacher")] == ["", ""]
    assert figures.caption(result.column("student"), result)[1].endswith(" dB to the teacher")
    shown = f"{table}{figures.summary(result)}{figures.caption(result.column('student'), result)[1]}"
    left = english_in(say_html(shown, table_of("zh")))
    assert {each for each in left if "osaic" not in each and "photo" not in each} == set()


def test_a_network_of_a_style_is_tried_beside_its_own_teacher(handlers):
    cards = Catalog(handlers.settings.weights_dir).cards
    by_name = {card.name: card for card in cards}
    asked = wanted_of(by_name[MOSAIC[1]], cards, handlers.usual("style"))
    assert (asked.teacher, asked.student) == MOSAIC
    asked = wanted_of(by_name[MOSAIC[0]], cards, handlers.usual("style"))
    assert asked.student in (MOSAIC[1], "style_mosaic-student-16x7") and asked.teacher == MOSAIC[0]


def test_the_example_stays_when_another_style_is_chosen(handlers):
    given = StyleHandlers(handlers).on_style("mosaic", handlers.usual("style"), "", REQUEST)
    assert len(given) == 6 and not any(each is gr.skip() for each in given[:3])


@pytest.mark.slow
def test_scripts_compare_a_pair_of_one_style(handlers, photo, tmp_path, monkeypatch):
    api = RestoreApi(handlers.settings, tmp_path / "api")
    monkeypatch.setattr("kdsr.ui.arguments.get_upload_folder", lambda: str(tmp_path))
    file = {"path": str(photo), "meta": {"_type": "gradio.FileData"}}
    made = api.compare(file, "style", student="style_mosaic-student-16x7")["pictures"]
    assert made["teacher"]["network"] == MOSAIC[0] and "psnr_db" not in made["teacher"]
    assert made["student"]["psnr_db"] is not None
    assert api.compare(file, "style")["pictures"]["student"]["network"] == ENGRAVING[1]
    for more in ({"degrade": True}, {"original": file}):
        with pytest.raises((SettingsError, gr.Error), match="Style transfer degrades no picture"):
            api.compare(file, "style", **more)


def test_a_style_has_a_piece_of_it_above_its_name():
    rules = served_swatches()
    files = sorted(SWATCHES.glob("*.webp"))
    assert len(files) == 4 and sum(file.stat().st_size for file in files) < 40_000
    for file in files:
        assert f'#style label:has(input[value="{file.stem}"])::before' in rules and f'{file.name}")' in rules
    assert 'url("gradio_api/file=/' in rules  # relative, so that it holds behind a proxy


def test_a_style_is_distilled_from_its_teachers_pictures_alone(handlers):
    catalog = Catalog(handlers.settings.weights_dir)
    assert able_tasks(catalog) == [("Style transfer", "style")]
    custom = {name: field.usual for name, field in FIELDS.items()}
    for student, preset in (("fresh 16x7", "quick"), (MOSAIC[1], "custom")):
        values = FormValues("style", MOSAIC[0], student, preset, "mine", custom)
        teaching = recipe_of(values, handlers.settings).teaching
        assert (teaching.teacher, teaching.truth_share, teaching.truth_share_end) == (MOSAIC[0], 0.0, None)
    with pytest.raises(SettingsError, match="must draw in the teacher's style"):
        recipe_of(values._replace(student=ENGRAVING[1]), handlers.settings)
    with pytest.raises(SettingsError, match="The search judges by originals"):
        recipe_of(values._replace(preset="search"), handlers.settings)
    offered = [value for _, value in students(catalog, "style", MOSAIC[0])]
    assert offered == [*FRESH, MOSAIC[1], "style_mosaic-student-16x7"]
    jobs = Jobs(handlers.settings, launcher=Recorder())
    distill = DistillTeachers(DistillHandlers(jobs, handlers.folder, handlers))
    starts = distill.on_teacher("style", ENGRAVING[0])
    assert starts["value"] == "fresh 32x7" and ENGRAVING[1] in names(starts) and MOSAIC[1] not in names(starts)
    assert "choices" not in distill.on_teacher("sr_x4", "tiny_x4_teacher")
    assert [each["visible"] for each in what_needs_originals("style")] == [False] * 3
    assert [each["visible"] for each in what_needs_originals("sr_x4")] == [True] * 3
