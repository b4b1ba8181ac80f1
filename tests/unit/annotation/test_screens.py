"""Screens: one source for all families and languages, keys that do not collide, and foreign text that does nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest

from annotation import controls
from annotation.annotations import read_annotation
from annotation.screens.config import CLUE_KEYS, MOST_CLUES, TAKEN, layout_of
from annotation.screens.family import FamilyScreen
from annotation.screens.wording import LANGUAGES, words_of
from factory.store.decided import text_of
from schemas import Case
from tests.screen_cases import ATTACK, FAMILIES, LONG, case
from tests.studio import box, choice, number, words

SCREENS = [
    FamilyScreen(family=family, language=language, photo=photo)
    for family, language, photo in product(FAMILIES, LANGUAGES, (True, False))
    if photo or family == "naviclues"
]
EVERY = pytest.mark.parametrize("screen", SCREENS, ids=lambda one: f"{one.family}-{one.language}-{one.photo}")
NAMED = {controls.VERDICT, controls.FLAG, controls.LAT, controls.LON, controls.PLACE, controls.COMMENT}
PAIRED = {controls.LAT: controls.LON, controls.LON: controls.LAT}
PICTURES = {"photo": "/data/upload/1/a.jpg"}


def parts(screen: FamilyScreen) -> list[ElementTree.Element]:
    return [*ElementTree.fromstring(screen.config).iter()]


def asking(screen: FamilyScreen) -> dict[str, ElementTree.Element]:
    """The controls of a screen by name."""
    return {part.attrib["name"]: part for part in parts(screen) if "toName" in part.attrib}


def keys(screen: FamilyScreen) -> list[str]:
    return [part.attrib["hotkey"] for part in parts(screen) if "hotkey" in part.attrib]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)


@EVERY
def test_no_two_keys_collide_on_a_screen_nor_with_label_studio_s_own(screen: FamilyScreen) -> None:
    used = keys(screen)
    assert len(used) == len(set(used))
    assert not TAKEN & set(used)


@EVERY
def test_verdict_flags_boxes_and_the_first_clues_have_keys(screen: FamilyScreen) -> None:
    for name, control in asking(screen).items():
        choices = [part for part in control if part.tag in ("Choice", "Label")]
        index = name.removeprefix(controls.CLUE)
        if choices and not (index.isdecimal() and int(index) >= len(CLUE_KEYS)):
            assert all(part.get("hotkey") for part in choices), name


@EVERY
def test_a_screen_asks_what_pull_reads_and_nothing_else(screen: FamilyScreen) -> None:
    clues = {f"{controls.CLUE}{index}" for index in range(MOST_CLUES)} if screen.layout.clues else set()
    text = {controls.REASONING} if screen.layout.text else set()
    boxes = {controls.BOX} if screen.photo else set()
    assert set(asking(screen)) == NAMED | clues | text | boxes
    raw = {"id": 1, "completed_by": 3, "updated_at": "2026-11-30T08:00:00Z", "lead_time": 1.0}
    made = screen.task(case(screen.family), PICTURES)
    task = {"clues": made.clues, "reasoning": made.reasoning, "task": 1, "project": 1}
    task |= dict.fromkeys(("external", "id", "slot", "kind", "images", "keys"))
    for name, control in asking(screen).items():
        if name.startswith(controls.CLUE) and int(name.removeprefix(controls.CLUE)) >= len(made.clues):
            continue
        for sent in sent_by(control):
            results = [sent] if name == controls.VERDICT else [choice(controls.VERDICT, "accept"), sent]
            if name in PAIRED:
                results.append(number(PAIRED[name], 2))
            read_annotation({**raw, "result": results}, task, {3: "anna"}, edits=screen.layout.text)


def sent_by(control: ElementTree.Element) -> Iterator[dict[str, Any]]:
    """What a control sends: each of its choices, or a value."""
    name = control.attrib["name"]
    if control.tag == "RectangleLabels":
        yield from (box(part.attrib["alias"], 1, 2, 3, 4) for part in control)
    elif control.tag == "Choices":
        yield from (choice(name, part.attrib["alias"]) for part in control)
    else:
        yield number(name, 1.5) if control.tag == "Number" else words(name, "said")


@EVERY
def test_nothing_is_chosen_before_anybody_looked(screen: FamilyScreen) -> None:
    assert not [part for part in parts(screen) if part.get("selected") or part.get("defaultValue")]
    assert not [part for part in asking(screen).values() if part.get("value")]
    prefilled = screen.task(case(screen.family), PICTURES).results
    assert {one["from_name"] for one in prefilled} <= {controls.REASONING}
    assert asking(screen)[controls.VERDICT].get("required") == "true"


@EVERY
def test_words_of_a_group_differ(screen: FamilyScreen) -> None:
    for control in asking(screen).values():
        shown = [part.attrib["value"] for part in control]
        assert len(shown) == len(set(shown))


@EVERY
@pytest.mark.parametrize("clues", [0, 1, 64])
def test_a_task_has_all_that_its_screen_reads(screen: FamilyScreen, clues: int) -> None:
    data = screen.task(case(screen.family, photo=screen.photo, clues=clues), PICTURES if screen.photo else {}).data
    asked = {
        name for part in parts(screen) for name in re.findall(r"^\$(\w+)", part.get("value") or part.get("on", ""))
    }
    assert asked <= set(data)


def test_languages_have_the_same_words() -> None:
    english = words_of("en")
    for language in LANGUAGES:
        assert words_of(language).keys() == english.keys()
        for name, text in words_of(language).items():
            assert re.findall(r"{\w+}", text) == re.findall(r"{\w+}", english[name]), name
    with pytest.raises(KeyError):
        words_of("../../secrets")


def test_every_word_is_on_a_screen() -> None:
    sources = "".join(path.read_text() for path in Path(controls.__file__).parent.rglob("*.py"))
    assert [name for name in words_of("en") if f'"{name}"' not in sources] == []


def test_what_an_annotation_says_does_not_depend_on_the_language() -> None:
    def said(language: str) -> list[tuple[str, list[str | None]]]:
        controls_of = asking(FamilyScreen(family="mp16_reason", language=language))
        return [(name, [part.get("alias") for part in control]) for name, control in controls_of.items()]

    assert said("de") == said("en")


class Tags(HTMLParser):
    """What is in HTML: tags with their attributes, and the text between."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


OURS = {"div", "svg", "rect", "path", "ul", "li", "i", "b"}
HARMLESS = {
    *("class", "style", "viewbox", "role", "aria-label", "width", "height", "fill", "d"),
    *("stroke", "stroke-width", "stroke-linecap"),
}


@pytest.mark.parametrize("foreign", [ATTACK, LONG], ids=["attack", "long"])
@EVERY
def test_foreign_text_is_text(screen: FamilyScreen, foreign: str) -> None:
    data = screen.task(case(screen.family, lambda _: foreign), PICTURES).data
    found = Tags(data["map"])
    assert {tag for tag, _ in found.tags} <= OURS
    for _, attributes in found.tags:
        assert attributes.keys() <= HARMLESS
        assert "url" not in str(attributes) and "attack" not in str(attributes)
    assert "<script>window.hit = 1" in found.text
    assert "{{" not in data["map"] and "${" not in data["map"]
    html = [part.attrib["value"] for part in parts(screen) if part.tag == "HyperText"]
    assert html == ["$map"], "the map alone is HTML; what else is foreign is shown by controls of plain text"


def test_a_text_that_could_not_come_back_whole_is_shown_and_not_edited() -> None:
    made = FamilyScreen(family="mp16_reason").task(case("mp16_reason", lambda _: LONG), PICTURES)
    assert made.results == [] and made.reasoning is None
    assert made.data["longer"][0]["text"].startswith("<script>") and len(made.data["longer"][0]["text"]) > 90_000
    short = FamilyScreen(family="mp16_reason").task(case("mp16_reason"), PICTURES)
    assert short.data["longer"] == []
    assert short.results[0]["value"]["text"] == [short.reasoning]


def test_only_a_text_that_edits_are_laid_over_is_edited() -> None:
    for family in FAMILIES:
        found, made = case(family), FamilyScreen(family=family).task(case(family), PICTURES)
        said = [one.answered for one in found.answers if one.answered.keys == made.keys]
        assert made.reasoning is None or made.reasoning == text_of(said[0])
        if layout_of(family).loses:
            assert len(made.clues) == len(said[0].place.clues)  # type: ignore[union-attr]
    made = FamilyScreen(family="mg_geo_clue").task(case("mg_geo_clue"), PICTURES)
    assert made.reasoning == "A street with parked cars." and made.data["longer"] == []


def test_the_truth_is_hidden_where_the_recipe_says_so() -> None:
    shown = FamilyScreen(family="mp16_reason").task(case("mp16_reason"), PICTURES).data
    hidden = FamilyScreen(family="mp16_reason", show_truth=False).task(case("mp16_reason"), PICTURES).data
    for word in ("48.85660", "Île-de-France", "True place", "101 km"):
        assert word in shown["map"]
        assert not [text for text in texts(hidden) if word in text]
    assert "km from the first answer" in hidden["map"]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_judged_is_in_the_order_of_the_answer(family: str) -> None:
    made = FamilyScreen(family=family).task(case(family, clues=3), PICTURES)
    unjudged = dict.fromkeys(("mg_geo_meta", "gws15k", "localizability", "vigor_pairs", "cvg_text"), 0)
    expected = {"mg_geo_dialog": 4, **unjudged}.get(family, 3)
    assert len(made.clues) == expected
    slots = [made.data[f"clue_{index}"] for index in range(MOST_CLUES)]
    assert slots == [[{"text": text}] for text in made.clues] + [[]] * (MOST_CLUES - expected)


def test_the_answer_shown_is_the_one_nearest_to_the_truth() -> None:
    near = case("mp16_reason")
    turned = Case(sample=near.sample, photos=near.photos, answers=near.answers[::-1])
    for one in (near, turned):
        assert FamilyScreen(family="mp16_reason").task(one, PICTURES).keys == ("key of first",)


def test_a_sample_without_a_picture_is_asked_about_in_words_alone() -> None:
    screen = FamilyScreen(family="naviclues", photo=False)
    assert {"Image", "RectangleLabels"}.isdisjoint(part.tag for part in parts(screen))
    data = screen.task(case("naviclues", photo=False), {}).data
    assert "bollards" in data["said"] and "image" not in data


def test_a_sample_without_a_picture_among_others_has_a_grey_one() -> None:
    data = FamilyScreen(family="naviclues").task(case("naviclues", photo=False), {}).data
    assert data["image"].startswith("data:image/png;base64,")


def test_a_task_is_json() -> None:
    for screen in SCREENS:
        orjson.dumps(dict(screen.task(case(screen.family), PICTURES).data))


def test_a_screen_says_that_it_shows_the_first_of_several_pictures() -> None:
    for language in LANGUAGES:
        said = words_of(language)["first_of_several"]
        several = FamilyScreen(family="vigor_pairs", language=language, several=True)
        assert said in [part.get("value") for part in parts(several)]
        one = FamilyScreen(family="vigor_pairs", language=language)
        assert said not in [part.get("value") for part in parts(one)]
