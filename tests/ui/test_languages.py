"""The page in Chinese: whose request is answered in it, how a sentence is translated, and that none lacks its words."""

import ast
import gc
import html
import itertools
import json
import re
from pathlib import Path

import pytest
from helpers.chinese import english_in
from helpers.serving import tiny_settings_in

import kdsr
from kdsr.ui import texts
from kdsr.ui.languages.markup import say_data, say_html, say_properties
from kdsr.ui.languages.speech import language, language_of, said_config, speaking, with_tag
from kdsr.ui.languages.table import FOLDER, Table, table_of, words_of
from kdsr.ui.models import card as card_view
from kdsr.ui.models.selection import Selection, chart_parts, zoo_of
from kdsr.ui.models.table import tables
from kdsr.ui.page import build_ui
from kdsr.ui.restore.headline import _joined
from kdsr.ui.teachers.panel import about
from kdsr.zoo.published import PUBLISHED

pytestmark = pytest.mark.filterwarnings("default")  # gradio leaves event loops of its own open
ROOT = Path(kdsr.__file__).parent
PLACE, TAG = re.compile(r"\{\w+\}"), re.compile(r"</?\w+>")
GRADIO = (
    *("Warning", "Click to upload or drop files", "Thumbnail 1 of 2"),
    *("number input for", "range slider", "Reset to default value"),
    *("Value 0 is less than minimum value 1.", "Value 9 is greater than maximum value 1."),
    *("Invalid file types: notes.txt. Only image allowed.", "File(s) exceed the maximum allowed size of 200 MB:"),
    *("Connection errored out.", "Connection to the server was lost. Attempting reconnection..."),
    "This application is currently busy. Please try again.",
)
"""What gradio says in English itself."""


@pytest.fixture
def chinese() -> Table:
    return table_of("zh")


# Who reads which language


@pytest.mark.parametrize(
    "query, cookie, accepted, name",
    [
        ("", "", "", "en"),
        ("", "", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "", "en-US,en;q=0.9,zh;q=0.8", "en"),
        ("", "", "fr,zh;q=0.3,en;q=0.7", "en"),
        ("", "", "fr-FR", "en"),
        ("", "", "zh;q=0, en;q=0.1", "en"),
        ("", "", "zh;q=often,;;;", "en"),
        ("", "kdsr-lang=en", "zh-CN", "en"),
        ("", "theme=dark; kdsr-lang=zh", "en", "zh"),
        ("", "kdsr-lang=tlh", "zh", "zh"),
        ("tab=models&lang=zh", "kdsr-lang=en", "en", "zh"),
        ("lang=en", "kdsr-lang=zh", "zh", "en"),
        ("lang=xx", "", "zh", "zh"),
        ("lang=zh-CN", "", "en", "zh"),
        ("lang=ZH_hans", "", "en", "zh"),
        ("lang=&lang=zh", "", "en", "zh"),
        ("lang=%ff%00;", "kdsr-lang=", "", "en"),
        ("lang=en%20", "kdsr-lang=zh", "", "zh"),
        ("", 'kdsr-lang="zh', "", "en"),
        ("", "\x00=;;kdsr-lang=zh;=", "", "en"),
        ("", "", "zh;q=nan,*;q=0.5", "en"),
    ],
)
def test_the_address_comes_before_the_cookie_and_the_cookie_before_the_browser(query, cookie, accepted, name):
    assert language_of(query, {"cookie": cookie, "accept-language": accepted}) == name


def test_a_language_holds_within_its_request_only():
    with speaking("zh"):
        assert language() == "zh"
        assert with_tag(b'<!doctype html>\n<html\n\tlang="en"\n>').startswith(b'<!doctype html>\n<html lang="zh-CN"')
    assert language() == "en"


# How a sentence finds its translation

SMALL = Table({
    "Student": "学生", "teacher": "教师", "bicubic": "双三次", "The {who} is {what}": "{who}{what}",
    "it is {what}": "{what}",
    "{n} dB better than {name}": "比{name}高 {n} dB", "{n} dB behind {name}": "落后{name} {n} dB",
    "PSNR on {set} against parameters": "{set} 的 PSNR", "level {n}": "程度 {n}", "Stopped.": "已停止。",
    "openvino": "openvino",
    "{name}: {task}": "{name}：{task}", "<b>Network</b>: the network only.": "<b>网络</b>：仅网络。", "file": "文件",
})  # fmt: skip


@pytest.mark.parametrize(
    "english, translated",
    [
        ("student", "学生"),
        ("Stopped", "已停止"),
        ("OpenVINO: student", "OpenVINO：学生"),
        (" Stopped. ", " 已停止。 "),
        ("the teacher", "教师"),
        ("The student is 2.70 dB better than bicubic.", "学生比双三次高 2.70 dB。"),
        (
            "The student is 2.70 dB better than bicubic, 0.10 dB behind the teacher; it is 1,000 dB behind bicubic.",
            "学生比双三次高 2.70 dB，落后教师 0.10 dB；落后双三次 1,000 dB。",
        ),
        ("PSNR on BSD100, level 5 against parameters", "BSD100，程度 5 的 PSNR"),
        ("Student · level 5 · house.png", "学生 · 程度 5 · house.png"),
        ("Stopped. Nobody knows this. Stopped.", "已停止。Nobody knows this. 已停止。"),
        ("Student, and nobody knows this", "Student, and nobody knows this"),
        ("mine: yours", "mine: yours"),
        ("12.5", "12.5"),
    ],
)
def test_a_sentence_is_translated_by_its_key_its_places_or_its_clauses_or_not_at_all(english, translated):
    assert SMALL.say(english) == translated


def test_tags_and_their_attributes_stay_and_what_is_read_is_translated():
    given = (
        '<p class="student"><b class="a">Network</b>: the network only.</p><img alt="Student" src="student">'
        '<pre>Student</pre><td translate=no>file</td><p>Student &lt; 3 &amp; <i data-x="teacher">teacher</i></p>'
    )
    assert say_html(given, SMALL) == (
        '<p class="student"><b class="a">网络</b>：仅网络。</p><img alt="学生" src="student">'
        '<pre>Student</pre><td translate=no>file</td><p>Student &lt; 3 &amp; <i data-x="teacher">教师</i></p>'
    )


def test_the_pictures_of_a_comparison_keep_their_keys():
    data = {"name": "a.png", "left": "student", "pictures": [{"key": "student", "title": "Student", "src": "/teacher"}]}
    told = say_html(f'<div data-pictures="{html.escape(json.dumps(data))}"></div>', SMALL)
    held = json.loads(html.unescape(re.search('"(.*)"', told)[1]))
    assert held == data | {"pictures": [{"key": "student", "title": "学生", "src": "/teacher"}]}


def test_a_choice_keeps_its_value_and_a_text_that_a_visitor_wrote_stays():
    given = {"choices": [("Student", "student")], "value": "student", "label": "teacher"}
    assert say_properties("radio", given, SMALL) == {
        "choices": [("学生", "student")],
        "value": "student",
        "label": "教师",
    }
    assert say_properties("textbox", {"value": "Student"}, SMALL) == {"value": "Student"}
    assert say_properties("button", {"value": "Student"}, SMALL) == {"value": "学生"}
    assert given["label"] == "teacher"
    assert say_data({"error": "Stopped.", "network": "student"}, SMALL) == {"error": "已停止。", "network": "student"}
    tiles = {"style": "mosaic", "styleTitle": "Mosaic"}
    assert say_data(tiles, table_of("zh")) == {"style": "mosaic", "styleTitle": "马赛克"}


# That no sentence lacks its translation


def test_a_key_and_its_translation_have_the_same_places_and_tags():
    for english, translated in words_of("zh").items():
        assert sorted(PLACE.findall(english)) == sorted(PLACE.findall(translated)), english
        assert sorted(TAG.findall(english)) == sorted(TAG.findall(translated)), english


def test_no_file_of_words_repeats_a_key():
    files = sorted((FOLDER / "zh").glob("*.json"))
    keys = [key for file in files for key, _ in json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=list)]
    assert sorted(keys) == sorted(set(keys))


def texts_of_code() -> str:
    """All texts of the package, in small letters: constants of its modules, scripts, style sheets and cards."""
    found = []
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    for path in [
        *(ROOT / "ui").rglob("*.js"),
        *(ROOT / "ui").rglob("*.html"),
        *(ROOT.parent / "weights").glob("*.json"),
    ]:
        if "onnxruntime-web" not in path.parts:
            found.append(path.read_text(encoding="utf-8"))
    return " ".join("\n".join(found).split()).lower()


@pytest.mark.slow
def test_every_key_is_said_somewhere():
    said = texts_of_code() + " ".join(GRADIO).lower()
    unsaid = [
        key for key in words_of("zh")
        if not all(word in said for word in re.findall(r"[a-z][a-z'-]+", re.sub(r"\{\w+\}|<[^>]*>", " ", key.lower())))
    ]  # fmt: skip
    assert unsaid == []


def test_every_text_of_the_page_is_in_the_table(chinese):
    said = [value for name, value in vars(texts).items() if name.isupper() and isinstance(value, str)]
    said = [re.sub(r"\{[^}]*\}", "12", str(value)) for value in said]
    assert [value for value in said if english_in(say_html(value, chinese))] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # gradio leaves event loops of its own open
def test_the_page_has_no_english_word_in_chinese(tmp_path):
    blocks = build_ui(tiny_settings_in(tmp_path))
    with speaking("zh"):
        config = blocks.config
    assert config["title"].startswith("KDSR：")
    left = []
    for component in config["components"]:
        kind, props = component["type"], component["props"]
        shown = [props.get(name) for name in ("label", "info", "placeholder")] if kind not in ("html", "state") else []
        shown += [choice[0] for choice in props.get("choices") or ()]
        shown += [props.get("value")] if kind in ("html", "markdown", "button") else []
        left += [each for value in shown if isinstance(value, str) for each in english_in(value)]
    own = ("x4 ", "作者")  # titles of the tests' networks, names of authors
    assert [each for each in left if not any(part in each for part in own)] == []
    assert blocks.config["title"] == texts.PAGE_TITLE
    assert said_config(blocks.config) is blocks.config
    del blocks, config
    gc.collect()


def test_the_number_of_further_authors_is_said_as_one_of_others(chinese):
    assert chinese.say("Zheng Chen and 5 others") == "Zheng Chen 及另外 5 人"  # with 等 all six would be counted


@pytest.mark.slow
def test_the_cards_of_the_released_networks_have_no_english_word_in_chinese(chinese, tmp_path):
    weights = ROOT.parent / "weights"
    if not list(weights.glob("*.safetensors")):
        pytest.skip("the released networks are not here")
    zoo = zoo_of(kdsr.Settings(weights_dir=weights, home=tmp_path, device="cpu", threads=1))
    parts = [about(one) for one in PUBLISHED.values()]
    for card in (*zoo.cards, *zoo.absent):
        parts += [card_view.head(card, zoo.cards), card_view.body(card, zoo.cards)]
        parts += [chart_parts(zoo, Selection(card.name, by=by), card)[1] for by in ("parameters", "latency", "frame")]
    parts.append(tables([(task, [card for card in zoo.cards if card.task == task]) for task in
                         dict.fromkeys(card.task for card in zoo.cards)], ""))  # fmt: skip
    own = {str(getattr(card, name)) for card in (*zoo.cards, *zoo.absent) for name in ("licence", "trained_on")}
    own |= {part for card in zoo.cards for part in (card.name, card.name.split("_")[-1])}
    own |= {str(value) for card in zoo.absent for value in card.published.values()}
    own |= {each for card in zoo.cards for pack in card.data for each in pack.get("licences", ())}
    left = {each for part in parts for each in english_in(say_html(str(part), chinese))}
    assert {each for each in left if each not in own and "Real-ESRGAN" not in each and "作者" not in each} == set()


def test_the_headline_before_the_times_is_in_chinese(chinese):
    for share, said in {
        "1/14": "学生网络的参数量仅为教师网络的 1/14",
        "60%": "学生网络的参数量为教师网络的 60%",
    }.items():
        whole = f"The student has {share} of the teacher's parameters; it is 2.74 dB better than bicubic"
        assert say_html(whole, chinese) == f"{said}；比双三次插值高 2.74 dB"


def test_no_blank_follows_a_full_stop_within_a_tag(chinese):
    said = say_html("<li><b>Press Start.</b> The student learns to restore them as the teacher does.</li>", chinese)
    assert said == "<li><b>按“开始”。</b>学生网络学习像教师网络那样复原。</li>"


LOSSES = (
    "", "0.40 dB worse than the input", "worse than Navier-Stokes, which equals the original",
    "3.26 dB worse than bicubic, 0.34 dB behind the same network without a teacher",
)  # fmt: skip
GAINS = (
    "", "6.45 dB ahead of the teacher", "2.74 dB better than bicubic, 0.37 dB behind the teacher", "as good as before",
    "better than bicubic and equal to the original", "close to the teacher (33.0 dB)",
    "the same as the teacher in every pixel",
)  # fmt: skip
SPEEDS = ("10 times faster than the teacher", "1.2 times slower than the teacher", "as fast as the teacher")
SIZES = ("", ", with 1/8 of its parameters", ", with 60% of its parameters", ", with as many parameters")
COSTS = (
    *(("is", speed + size) for speed in SPEEDS for size in SIZES),
    *(("has", f"{share} the teacher's parameters") for share in ("1/8 of", "60% of")),
    ("has", "as many parameters as the teacher"),
)


@pytest.mark.slow
def test_every_headline_is_in_chinese(chinese):
    made = [(("is", loss), cost, ("is", gain)) for loss in LOSSES for cost in COSTS for gain in GAINS]
    made += [(("is", gain), ("took", "2.10 s")) for gain in GAINS]
    said = [f"The student {_joined([each for each in clauses if each[1]])}." for clauses in made]
    said += ["The student is ready.", "The student is ready; the teacher is at work."]
    said += [f"{each} Machine busy: times are rough." for each in said[::7]]
    assert [each for each in said if english_in(chinese.say(each))] == []


NAMED = ("the student", "the teacher", "the teacher+", "the student before", "bicubic", "the input", "Navier-Stokes")
MATCHES = ("exactly", "at 33.0 dB")


def test_every_sentence_on_looks_is_in_chinese(chinese):
    """As `look_view` puts them together."""
    better = "(lower is better)"
    said = [f"Shrunk again, {one} matches the input {how} (higher is closer)." for one in NAMED for how in MATCHES]
    for one, other in itertools.permutations(NAMED, 2):
        said += [
            f"Shrunk again, {one} matches the input {how}, {other} {its} (higher is closer)."
            for how in MATCHES for its in MATCHES
        ]  # fmt: skip
        for who in ("The student is", "The teacher+ is", "Student and teacher are both"):
            said.append(f"{who} trained for looks: NIQE is 5.90 for {one} and 4.48 for {other} {better}.")
        said += [
            f"The student is trained for looks: crisper by NIQE, 5.90 instead of {other}'s 7.04 {better}.",
            f"The student is trained for looks: NIQE is 5.90 {better}.",
            f"Its PSNR is 0.65 dB lower than {other}'s.", f"Its PSNR is 0.65 dB higher than {other}'s as well.",
        ]  # fmt: skip
    assert [each for each in said if english_in(chinese.say(each))] == []
