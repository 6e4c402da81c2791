"""What the tab *Restore* shows, as words of the address and back: the same place, and one line on what is unknown."""

from types import SimpleNamespace

import gradio as gr
import pytest
from helpers.restoring import CHOICE, restore_handlers, run, small_photo

from kdsr.tasks import TASKS, find_task
from kdsr.ui import texts
from kdsr.ui.address import named
from kdsr.ui.examples import available_examples, example_of
from kdsr.ui.restore.choice import NOTHING_COMPARED
from kdsr.ui.restore.opening import OpeningHandlers
from kdsr.ui.restore.place import USUAL_PAIR, Scene, place_of, words_of
from kdsr.ui.restore.uploads import Uploads, word_of_upload
from kdsr.ui.restore.view import View

handlers = pytest.fixture(restore_handlers)
photo = pytest.fixture(small_photo)
pytestmark = pytest.mark.skipif(not available_examples(), reason="scikit-image, whose pictures are the examples")


@pytest.fixture
def opening(handlers):
    return OpeningHandlers(handlers)


def request(**query: str) -> SimpleNamespace:
    return SimpleNamespace(session_hash="visitor", query_params=query)


def example(title: str) -> str:
    return next(str(path) for each, path in available_examples() if each.title == title)


def places(here) -> list[Scene]:
    """Places that differ from the usual one in each word."""
    denoise, inpaint = here.usual("denoise"), here.usual("inpaint")
    cat, [own] = example("Cat"), here.uploads.values()
    return [
        Scene(here.usual("sr_x4"), str(example_of("sr_x4"))),
        Scene(denoise, str(example_of("denoise"))),
        Scene(denoise._replace(strength=40.0), cat, ("bicubic", "truth")),
        Scene(denoise._replace(mode="degraded", student="denoise-twin"), cat, ("before", "error_student")),
        Scene(inpaint._replace(strength="text", before="inpaint-twin"), example("Deep field")),
        Scene(here.usual("sr_x4")._replace(mode="degraded", teacher="sr_x4-twin"), own),
        Scene(here.usual("sr_x4")._replace(mode="both"), own),
    ]


def test_every_place_comes_back_from_its_words(opening, photo):
    opening.restore.uploads.add("anna", str(photo))
    here = opening.here("anna")
    for place in places(here):
        assert place_of(words_of(place, here), here) == (place, ""), place
    assert words_of(places(here)[0], here) == {} and words_of(places(here)[1], here) == {"task": "denoise"}
    assert words_of(places(here)[2], here) == {
        "task": "denoise", "example": "cat", "sigma": "40", "pair": "bicubic,original",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    [
        {"task": "denoize"}, {"example": "coffe"}, {"mode": "x"}, {"teacher": "none"}, {"student": "inpaint-student"},
        {"pair": "before"}, {"pair": "before,x"}, {"sigma": "99"}, {"sigma": "x"}, {"sharpness": "0.5"}, {"tab": "x"},
        {"spot": "2,0,100"}, {"spot": "a"}, {"before": "run:../x"},
    ],
)  # fmt: skip
def test_an_unknown_word_is_one_line_and_the_usual_is_shown(opening, query):
    here, (key, word) = opening.here(""), next(iter(query.items()))
    usual = {"task": "denoise"} if key != "task" else {}
    place, said = place_of(usual | query, here)
    assert said == texts.UNKNOWN_IN_ADDRESS.format(key=key, value=word) and len(said) < 100
    assert place == place_of(usual, here)[0]
    address = opening.on_load("", request(**usual, **query))[0]
    assert 'class="line error"' in address and "data-answer" in address


def test_an_upload_is_found_by_its_own_visitor_only_and_keeps_tab_and_task_for_others(opening, photo):
    asked, mine = CHOICE._replace(mode="degraded"), word_of_upload(str(photo))
    assert f'data-address="example={mine}"' in opening.on_placed(asked, str(photo), USUAL_PAIR, "anna", None)
    query, here = {"task": "denoise", "example": mine, "mode": "compare"}, opening.here("anna")
    assert place_of(query, here) == (Scene(here.usual("denoise")._replace(mode="both"), str(photo)), "")
    usual = Scene(here.usual("denoise"), str(example_of("denoise")))
    assert place_of(query, opening.here("bert")) == (usual, texts.NOT_YOURS)
    for word in ("own", "own-00000000"):
        assert place_of(query | {"example": word}, here) == (usual, texts.NOT_YOURS)
    photo.unlink()
    assert place_of(query, here) == (usual, texts.NOT_YOURS)


def test_of_many_visitors_and_pictures_the_newest_are_remembered():
    uploads = Uploads()
    for number in range(20):
        uploads.add("anna", f"{number}.png")
    uploads.add("anna", "10.png")
    assert [*uploads.of("anna").values()] == [*(f"{number}.png" for number in range(4, 20) if number != 10), "10.png"]
    for number in range(1000):
        uploads.add(str(number), "one.png")
    assert uploads.of("anna") == {} and len(uploads.of("0")) == 1


def test_a_reload_orders_what_the_page_cannot_open_on(opening, photo):
    opening.restore.uploads.add("anna", str(photo))
    own = {"example": word_of_upload(str(photo))}
    opened = [{}, {"task": "denoise"}, {"task": "inpaint"}, {"task": "inpaint", "mode": "restore"}, own]
    resumed = [opening.on_load("anna", request(**query))[-1] for query in opened]
    assert resumed == [gr.skip(), gr.skip(), gr.skip(), True, True]
    choice, picture, pair = place_of(own, opening.here("anna"))[0]
    assert list(opening.on_open(choice, picture, pair, request())) == [View()]
    assert not opening.restore.orders.is_waiting("visitor")


def test_the_sentence_on_an_unknown_word_stays_until_another_thing_is_chosen(opening):
    query = {"task": "denoise", "example": "nothing"}
    choice, picture, pair = place_of(query, opening.here(""))[0]
    shown = str(opening.on_load("", request(**query))[0])
    assert "nothing" in shown
    assert opening.on_placed(choice, picture, pair, "", shown) == gr.skip()
    assert opening.on_placed(choice, picture, ("teacher", "student"), "", shown) == named(
        {"task": "denoise", "pair": "teacher,student"}
    )


@pytest.mark.slow
def test_going_back_orders_a_run_for_another_picture_and_none_for_another_pair(handlers, opening):
    choice, picture = handlers.usual("denoise"), str(example_of("denoise"))
    address, *_, choice, _, _, _, _, _, _, _, given, _, pair, _, _, _ = opening.on_follow(
        handlers.usual("sr_x4"), str(example_of("sr_x4")), None, "", request(task="denoise", sigma="30")
    )
    assert (choice.task, choice.strength, given, pair) == ("denoise", 30.0, picture, USUAL_PAIR)
    assert 'data-address="task=denoise&amp;sigma=30"' in address or "task=denoise&sigma=30" in address
    assert handlers.orders.take("visitor") is not None
    result = run(handlers, example_of("denoise"), task="denoise")[-1].result
    followed = opening.on_follow(
        choice, picture, result, "", request(task="denoise", sigma="30", pair="original,student")
    )
    assert '"left": "truth"' in followed[1].unescape() and followed[3:5] == followed[-4] == ("truth", "student")
    assert handlers.orders.take("visitor") is None
    elsewhere = opening.on_follow(choice, picture, result, "", request(tab="models"))
    assert elsewhere[5:] == NOTHING_COMPARED and len(elsewhere) == len(followed)


def test_a_task_brings_its_own_example_unless_another_picture_was_chosen(handlers, photo):
    picture = str(example_of("sr_x4"))
    given = handlers.on_task("denoise", CHOICE, picture, request())[6]
    assert given == str(example_of("denoise")) != picture
    for chosen in (example("Cat"), str(photo)):
        assert handlers.on_task("denoise", CHOICE, chosen, request())[6] != str(example_of("denoise"))


def test_no_two_tasks_open_on_the_same_first_screen():
    """A scene that two tasks share is damaged in another way."""
    seen = [(example_of(task), find_task(task).degradation) for task in TASKS]
    assert len(set(seen)) == len(TASKS) and len({path for path, _ in seen}) >= 7
