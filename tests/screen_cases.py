"""Samples of every family as its screen gets them: ordinary ones, and ones whose every foreign text is an attack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from annotation.screens.config import LAYOUTS
from schemas import Answered, Case, Clue, GeoAnswer, ImageRef, LocatedAnswer, Photo, Sample

FAMILIES: Final = (*LAYOUTS, "a_plug_in")
ATTACKS: Final = (
    "<script>window.hit = 1; alert(1)</script>",
    '<img src="http://attack.example/x.png" onerror="window.hit = 1; alert(2)">',
    "<svg onload=\"window.hit=1;alert(3)\"><a href='javascript:alert(4)'>x</a></svg>",
    "{{ constructor.constructor('window.hit=1;alert(5)')() }} ${alert(6)} {{idx}} {{one}} $image $map",
    "</div></style><style>body{display:none}</style><iframe src='http://attack.example/'></iframe>",
    "'\"`><link rel=stylesheet href=//attack.example/a.css><meta http-equiv=refresh content='0;//attack.example'>",
    "\u202e\u0000&lt;script&gt;alert(7)&lt;/script&gt;",
)
ATTACK: Final = " ".join(ATTACKS)
LONG: Final = (ATTACK * 300)[:100_000]

Say = Callable[[str], str]


def case(family: str, say: Say = str, *, photo: bool = True, clues: int = 4) -> Case:
    """A sample of a family; `say` makes each foreign text what it is."""
    sample = Sample(
        id="p-1",
        images=(ImageRef(locator="a.jpg"),) if photo else (),
        texts={"transcript": say("So, the bollards look French to me.\nAnd the sign says boulangerie.")},
        lat=48.8566,
        lon=2.3522,
        uncertainty_km=0.5,
        country_code="FR",
        region=say("Île-de-France"),
        city=say("Paris"),
    )
    photos = (Photo(sha256="a" * 64),) if photo else ()
    if family in ("mg_geo_meta", "gws15k", "localizability", "vigor_pairs"):
        return Case(sample=sample, photos=photos)
    first, second = answer(family, "first", say, 48.2, 3.3, clues), answer(family, "second", say, 45.75, 4.85, clues)
    return Case(sample=sample, answers=(first, second), photos=photos)


def answer(family: str, teacher: str, say: Say, lat: float, lon: float, clues: int) -> LocatedAnswer:
    """One teacher's answer as the family keeps it."""
    return LocatedAnswer(
        answered=Answered(
            teacher=teacher,
            model=say("a model"),
            keys=(f"key of {teacher}",),
            place=PLACES[family](say, lat, lon, clues) if family in PLACES else None,
            values=VALUES[family](say, clues) if family in VALUES else {},
        ),
        distance_km=101.0 if teacher == "first" else 391.0,
    )


def reasoned(say: Say, lat: float, lon: float, clues: int) -> GeoAnswer:
    seen = ("a blue enamel street sign with a green rim", "Haussmann facades with iron balconies", "a plane tree")
    texts = [Clue(text=say(seen[index % 3]), supports=say("France, most likely Paris")) for index in range(clues)]
    reasoning = (
        "The street sign is blue enamel with a green rim and an arrondissement number, as in Paris alone. The stone "
        "facades with iron balconies on the second and fifth floor fit, and so do the plane trees. The licence plates "
        "have the blue band of the EU; nothing speaks for Lyon."
    )
    place = {"country": say("France"), "region": None, "city": say("Paris"), "lat": lat, "lon": lon}
    return GeoAnswer(localizable=True, confidence=0.8, clues=tuple(texts), reasoning=say(reasoning), **place)


def nowhere(say: Say, lat: float, lon: float, clues: int) -> GeoAnswer:
    return GeoAnswer(localizable=True, reasoning=say("all that the player says"), lat=lat, lon=lon)


def rounds(say: Say, clues: int) -> Mapping[str, Any]:
    texts = ("Which language is on the signs?", "The sign has the accents of French.", "French, so a French land.")
    one = dict(zip(("question", "reasoning", "answer"), map(say, texts), strict=True))
    return {
        "deduction": {"rounds": [one] * 3 + [one | {"reasoning": ""}], "lat": 48.2, "lon": 3.3},
        "introspection": None,
    }


def chosen(say: Say, clues: int) -> Mapping[str, Any]:
    one = {"id": "c1", "seen": say("a yellow rear plate"), "text": say("Yellow rear plates were usual in France.")}
    one |= {"kind": "plate", "clue": say("Rear plates are yellow."), "source": "a book", "licence": "CC0-1.0"}
    return {"description": say("A street with parked cars."), "offered": ["c1"], "chosen": [one] * clues}


def boxed(say: Say, clues: int) -> Mapping[str, Any]:
    one = {"sentence": say("A round pond lies in the park."), "box": [0.5, 0.5, 0.2, 0.2]}
    return {"description": say("A park from above."), "regions": [one] * clues}


def described(say: Say, clues: int) -> Mapping[str, Any]:
    return {"description": say("A street along a canal."), "names": [], "map_shown": False}


def spoken(say: Say, clues: int) -> Mapping[str, Any]:
    one = {"text": say("The bollards are French."), "quotes": [say("the bollards look French")]}
    return {"sentences": [one] * clues, "country": say("France")}


PLACES: Final = {"mp16_reason": reasoned, "a_plug_in": reasoned, "mg_geo_dialog": nowhere}
VALUES: Final = {
    "mg_geo_dialog": rounds,
    "mg_geo_clue": chosen,
    "naviclues": spoken,
    "cvg_text": described,
    "geotext": boxed,
}
