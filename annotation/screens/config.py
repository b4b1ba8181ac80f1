"""The labelling configuration of a family's screen, made from one source: pure functions, XML out.

Left the picture with the boxes, right what is asked: place, verdict, clues, text, corrections. What an annotation says
(`annotation.controls`) is the same in every language and family; only the words on the screen differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

from annotation import controls
from annotation.screens.tags import TARGET, card, choices, document, head, note, tag
from annotation.screens.wording import Words
from schemas.answer import MAX_CLUES

VERDICT_KEYS: Final = ("1", "2", "3", "4")
FLAG_KEYS: Final = ("5", "6", "7", "8")
BOX_KEYS: Final = ("9", "0")
CLUE_KEYS: Final = (
    ("q", "a", "z", "shift+q"),
    ("w", "s", "x", "shift+w"),
    ("e", "d", "c", "shift+e"),
    ("t", "g", "b", "shift+t"),
    ("i", "k", ",", "shift+i"),
    ("o", "l", ".", "shift+o"),
)
"""Of the first clues: a column of the keyboard is a clue, its rows are right, weak and wrong. Label Studio's own `r`,
`u`, `v`, `h` are left out; later clues are reached with Tab and the arrows."""
TAKEN: Final = frozenset(
    {"r", "u", "v", "h", "enter", "backspace", "delete", "escape", "shift+r", "shift+1", "shift+2"}
)
"""Keys that Label Studio 1.23 has itself on a screen with a picture and rectangles (without Alt and Ctrl)."""
MOST_CLUES: Final = MAX_CLUES


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a family's screen has."""

    clues: str | None = None
    """Word above what is judged one by one: clues, rounds, sentences; None where nothing is."""
    text: bool = False
    """Whether there is a text to edit. Edits are laid over `factory.store.decided.text_of` an answer: no other text can
    be edited, since none other stands in a row as it is."""
    loses: bool = False
    """Whether what is judged wrong leaves the row: it is a clue of the answer's place. Else the row itself leaves."""
    said: bool = False
    """Whether words are shown that the answer was made of."""


LAYOUTS: Final = {
    "mp16_reason": Layout(clues="clues", text=True, loses=True),
    "mg_geo_dialog": Layout(clues="rounds"),
    "mg_geo_clue": Layout(clues="clues", text=True),
    "naviclues": Layout(clues="sentences", said=True),
    "cvg_text": Layout(text=True),
    "geotext": Layout(clues="clues"),
    "vigor_pairs": Layout(),
    "mg_geo_meta": Layout(),
    "gws15k": Layout(),
    "localizability": Layout(),
}
OTHER: Final = Layout(clues="clues", text=True, loses=True)
"""Of families that are not listed: an answer that says where, with clues and a text."""


def layout_of(family: str) -> Layout:
    """What the screen of a family has, by the generator's name."""
    return LAYOUTS.get(family, OTHER)


def screen_config(layout: Layout, words: Words, *, photo: bool, several: bool = False) -> str:
    """Label Studio's configuration.

    Args:
        photo: whether the build's samples have pictures; without, the words that were said are looked at.
        several: whether some have more than one, of which the first is shown.
    """
    return document(_columns(layout, words, photo=photo, several=several))


def _columns(layout: Layout, words: Words, *, photo: bool, several: bool) -> ElementTree.Element:
    left = [*_photo(words)] if photo else [_words_said(words, TARGET)]
    left += [note(words["first_of_several"])] if photo and several else []
    right = [card(tag("HyperText", name="map", value="$map", inline="true")), _verdict(words)]
    if layout.said and photo:
        right.append(_words_said(words, "said"))
    if layout.clues is not None:
        right.append(_clues(words[layout.clues], words))
    if layout.text:
        right.append(_text(words))
    right.append(_correction(words))
    return tag(
        "View",
        tag("View", *left, className="gr-left"),
        tag("View", *right, note(words["keys"]), className="gr-right"),
        className="gr-cols" if photo else "gr-cols gr-words",
    )


def _photo(words: Words) -> Iterator[ElementTree.Element]:
    names = zip(controls.BOXES, ("evidence", "privacy_box"), ("#2563eb", "#e5484d"), BOX_KEYS, strict=True)
    labels = (
        tag("Label", value=words[word], alias=kind, background=colour, hotkey=key) for kind, word, colour, key in names
    )
    drawn = {"strokeWidth": "2", "smart": "false", "canRotate": "false", "opacity": "0.15"}
    yield tag("RectangleLabels", *labels, name=controls.BOX, toName=TARGET, **drawn)
    shown = {"zoom": "true", "zoomControl": "true", "rotateControl": "false", "maxHeight": "540px"}
    yield tag("Image", name=TARGET, value="$image", **shown)


def _words_said(words: Words, name: str) -> ElementTree.Element:
    return card(head(words["said"]), tag("Text", name=name, value="$said"), className="gr-said")


def _verdict(words: Words) -> ElementTree.Element:
    verdicts = [
        tag("Choice", value=words[name], alias=name, hotkey=key)
        for name, key in zip(controls.VERDICTS, VERDICT_KEYS, strict=True)
    ]
    flags = [
        tag("Choice", value=words[name], alias=name, hotkey=key)
        for name, key in zip(controls.FLAGS, FLAG_KEYS, strict=True)
    ]
    needed = {"required": "true", "requiredMessage": words["verdict_needed"]}
    verdict = tag("Choices", *verdicts, **choices(controls.VERDICT, "single-radio"), **needed)
    flag = tag("Choices", *flags, **choices(controls.FLAG, "multiple"))
    return card(
        tag("View", head(words["verdict"]), verdict, className="gr-ask gr-verdict"),
        tag("View", head(words["flags"]), flag, className="gr-ask"),
    )


def _clues(title: str, words: Words) -> ElementTree.Element:
    """One row a clue: each stands in a list of its own that has one entry or none, since a control that repeats cannot
    have a key for each repetition."""
    rows = (_clue(index, words) for index in range(MOST_CLUES))
    return card(head(title), *rows, className="gr-clues")


def _clue(index: int, words: Words) -> ElementTree.Element:
    keys: Sequence[str | None] = CLUE_KEYS[index] if index < len(CLUE_KEYS) else (None,) * len(controls.JUDGEMENTS)
    judged = [
        tag("Choice", value=words[name], alias=name, **({"hotkey": key} if key else {}))
        for name, key in zip(controls.JUDGEMENTS, keys, strict=True)
    ]
    text = tag("Header", value=f"$clue_{index}[{{{{one}}}}].text", size="6", underline="false")
    chosen = tag("Choices", *judged, **choices(f"{controls.CLUE}{index}", "single-radio"))
    row = tag("View", text, chosen, className="gr-clue")
    return tag("Repeater", row, on=f"$clue_{index}", indexFlag="{{one}}")


def _text(words: Words) -> ElementTree.Element:
    shape = {"rows": "4", "maxSubmissions": "1", "editable": "true", "transcription": "false"}
    fixed = tag("Header", value="$longer[{{one}}].text", size="6", underline="false")
    title = head(words["text_too_long"])
    shown = tag("View", title, fixed, className="gr-longer")
    field = (head(words["text"]), tag("TextArea", name=controls.REASONING, toName=TARGET, **shape))
    return card(*field, tag("Repeater", shown, on="$longer", indexFlag="{{one}}"))


def _correction(words: Words) -> ElementTree.Element:
    fields = [
        _labelled(words[name], tag("Number", name=name, toName=TARGET, min=f"-{most}", max=most, step="any"))
        for name, most in ((controls.LAT, "90"), (controls.LON, "180"))
    ]
    line = {"rows": "1", "maxSubmissions": "1", "editable": "true"}
    place = tag("TextArea", name=controls.PLACE, toName=TARGET, placeholder=words["place_example"], **line)
    comment = tag("TextArea", name=controls.COMMENT, toName=TARGET, placeholder=words["comment"], **line)
    fields.append(_labelled(words["place_name"], place))
    return card(head(words["place"]), tag("View", *fields, className="gr-place"), comment)


def _labelled(label: str, control: ElementTree.Element) -> ElementTree.Element:
    return tag("View", note(label), control)
