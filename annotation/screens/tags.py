"""What Label Studio's configurations are made of: elements of XML."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree

from annotation.screens.style import STYLE

TARGET: Final = "photo"
"""Name of what is looked at: the picture, or the text where there is none."""


def document(screen: ElementTree.Element) -> str:
    """A configuration with our style, as text."""
    style = ElementTree.Element("Style")
    style.text = STYLE
    root = tag("View", style, screen, className="gr-root")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def tag(name: str, /, *children: ElementTree.Element, **attributes: str) -> ElementTree.Element:
    """An element with its children."""
    element = ElementTree.Element(name, attributes)
    element.extend(children)
    return element


def choices(name: str, kind: str) -> dict[str, str]:
    """Attributes of a control that offers a choice."""
    return {"name": name, "toName": TARGET, "choice": kind, "showInline": "true"}


def card(*children: ElementTree.Element, className: str = "") -> ElementTree.Element:  # noqa: N803 - Label Studio's
    """A box with a border."""
    return tag("View", *children, className=f"gr-card {className}".strip())


def note(text: str) -> ElementTree.Element:
    """A small line."""
    return tag("View", tag("Header", value=text, size="6"), className="gr-note")


def head(text: str) -> ElementTree.Element:
    """A title."""
    return tag("Header", value=text, size="5")
