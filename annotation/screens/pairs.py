"""The screen on which two texts about one picture are compared: GaGA's human evaluation, one row a criterion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from xml.etree import ElementTree

from annotation import controls
from annotation.screens.inset import Mark, place_html
from annotation.screens.tags import TARGET, card, choices, document, head, note, tag
from annotation.screens.wording import Words, words_of

KEYS: Final = (("1", "2", "3"), ("q", "w", "e"), ("a", "s", "d"), ("z", "x", "c"))
"""A row of the keyboard is a criterion, its columns are left, equal and right."""
LEFT: Final = "left_text"
RIGHT: Final = "right_text"
"""Keys of a task's data."""


@dataclass(frozen=True)
class PairScreen:
    """The screen, in a language."""

    language: str = "en"

    @cached_property
    def config(self) -> str:
        """Label Studio's configuration, the same for all pairs."""
        words = words_of(self.language)
        shown = {"zoom": "true", "zoomControl": "true", "rotateControl": "false", "maxHeight": "400px"}
        left = (
            tag("Image", name=TARGET, value="$image", **shown),
            card(tag("HyperText", name="map", value="$map", inline="true")),
        )
        texts = (_text(words[side], f"${name}") for side, name in (("pair_left", LEFT), ("pair_right", RIGHT)))
        line = {"rows": "1", "maxSubmissions": "1", "editable": "true"}
        comment = tag("TextArea", name=controls.COMMENT, toName=TARGET, placeholder=words["comment"], **line)
        right = (tag("View", *texts, className="gr-pair"), card(*_asked(words)), comment, note(words["keys"]))
        return document(
            tag(
                "View",
                tag("View", *left, className="gr-left"),
                tag("View", *right, className="gr-right"),
                className="gr-cols",
            )
        )

    def data(self, picture: str, left: str, right: str, place: Mark | None) -> dict[str, Any]:
        """A task's data: plain texts, but for the map, which is HTML of ours.

        Args:
            picture: its address on the server.
            place: where the picture was taken; None shows none.
        """
        words = words_of(self.language)
        marks = [] if place is None else [place]
        return {"image": picture, "map": place_html(marks, words["truth"]), LEFT: left, RIGHT: right}

    @property
    def truth(self) -> str:
        """What the true place is called on the map."""
        return words_of(self.language)["truth"]


def _text(title: str, value: str) -> ElementTree.Element:
    return card(head(title), tag("Header", value=value, size="6", underline="false"), className="gr-longer")


def _asked(words: Words) -> Iterator[ElementTree.Element]:
    sides, missing = [words[name] for name in ("pair_left", "pair_equal", "pair_right")], words["pair_needed"]
    for criterion, keys in zip(controls.CRITERIA, KEYS, strict=True):
        offered = (
            tag("Choice", value=shown, alias=name, hotkey=key)
            for shown, name, key in zip(sides, controls.SIDES, keys, strict=True)
        )
        needed = {"required": "true", "requiredMessage": f"{words[criterion]}: {missing}"}
        control = tag("Choices", *offered, **choices(criterion, "single-radio"), **needed)
        yield tag("View", head(words[criterion]), control, className="gr-ask gr-criterion")
