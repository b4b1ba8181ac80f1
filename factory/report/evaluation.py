"""The page of an evaluation: one HTML file that needs no network, in the style of a build's report.

It gets plain data (`train.evaluate.report.page_of`) and photos; everything in them is a stranger's and is escaped, and
pictures are decoded in a limited process before they are made small.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from factory.images.records import ImageSettings, Prepared
from factory.images.worker import DecodeWorkers
from factory.report.html import ASSETS, environment, own, policy
from factory.report.pictures import FIRST, thumbnail
from factory.report.words import shorten

WORDS: Final = {"near": "within 25 km", "off": "within 750 km", "far": "farther", "failed": "no place"}
MAX_COUNTRIES: Final = 60
"""Rows of the table of countries; the JSON of the command has all."""


def evaluation_page(page: Mapping[str, Any], photos: Mapping[str, bytes]) -> str:
    """The whole page.

    Args:
        page: as `train.evaluate.report.page_of` makes it.
        photos: JPEGs by id of its cards; what does not decode is left out.
    """
    style = "".join((ASSETS / name).read_text(encoding="utf-8") for name in ("report.css", "evaluation.css"))
    template = environment().get_template("evaluation.jinja")
    return template.render(
        **page,
        words=WORDS,
        photos=_small(photos),
        shorten=shorten,
        most_countries=MAX_COUNTRIES,
        style=own(style),
        policy=policy(""),
    )


def _small(photos: Mapping[str, bytes]) -> dict[str, str]:
    """data: URIs of pictures made small."""
    if not photos:
        return {}
    found = {}
    with DecodeWorkers(1, ImageSettings(max_side=FIRST.steps[0][0])) as workers:
        for key, data in photos.items():
            decoded = workers.submit(data).result()
            if isinstance(decoded, Prepared) and (jpeg := thumbnail(decoded.jpeg)):
                found[key] = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
    return found
