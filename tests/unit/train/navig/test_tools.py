"""What the searcher looks up: boxes of a file, crops, clues by their words, places on a map."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from PIL import Image

from factory.errors import FactoryError, RecipeError
from factory.generators.clue_book import GeoClue
from factory.images import ImageRejected
from factory.plugins.contracts import ParseFailure
from schemas import Reply
from tests.planted_model import write_lists
from train.navig import ablation, maps
from train.navig.boxes import crops, read_boxes_file
from train.navig.guidebook import Guidebook, told
from train.navig.run import MAX_EVIDENCE, PARTS, _bounded, parts_of, photos_of


def clue(key: str, country: str, text: str) -> GeoClue:
    return GeoClue(key, text, country, None, "road", "ours", "CC0-1.0")


BOOK = Guidebook(
    (
        clue("1", "KE", "Kenyan vehicles drive on the left."),
        clue("2", "BW", "Black and white kerbs stand along roads."),
        clue("3", "TN", "Kerbs are painted red and white."),
    )
)


def test_clues_are_found_by_their_words_the_rarest_counting_most() -> None:
    assert [found.id for found in BOOK.near("red painted kerbs beside a road", 2)] == ["3", "2"]
    assert BOOK.near("a bollard", 5) == [] and BOOK.near("", 5) == []
    assert told(BOOK.near("kérbs PAINTED", 1)) == "- Tunisia: Kerbs are painted red and white."


def test_a_crop_is_the_part_of_the_photo_and_has_a_name_of_its_own() -> None:
    photo = Image.new("RGB", (200, 100), "red")
    photo.paste("blue", (100, 0, 200, 100))
    out = BytesIO()
    photo.save(out, "JPEG", quality=95)
    right, left, tiny = (
        ("house", (0.55, 0.0, 1.0, 1.0)),
        ("house", (0.0, 0.0, 0.45, 1.0)),
        ("house", (0.0, 0.0, 0.01, 0.9)),
    )
    found = crops(out.getvalue(), "key", (right, left, tiny))
    assert len(found) == 2 and found[0].key != found[1].key, "what is too small shows nothing"
    red, _, blue = Image.open(BytesIO(found[0].jpeg)).getpixel((40, 40))  # type: ignore[misc]
    assert blue > 200 and red < 60
    assert crops(out.getvalue(), "other", (right,))[0].key != found[0].key


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"boxes": 7}, "row 1, boxes: expected a list of at most 8"),
        ({"boxes": [{"label": "houses", "box": [0, 0, 1, 1]}]}, "box 1: expected a `label` of"),
        ({"boxes": [{"label": "houses", "box": [0, 0, 1, 1]}]}, "did you mean `house`"),
        ({"boxes": [{"label": "house", "box": [0, 0, 2, 1]}]}, "from 0 to 1"),
    ],
)
def test_a_detectors_file_is_read_strictly(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(FactoryError) as refused:
        read_boxes_file(write_lists(tmp_path / "boxes.jsonl", {"id": "a", **row}))
    assert message in str(refused.value)


def test_the_offline_gazetteer_knows_places_and_no_shops() -> None:
    (kazan, *_) = maps.in_gazetteer("Kazan")
    assert kazan.name.startswith("Kazan") and abs(kazan.lat - 55.79) < 0.2
    assert maps.in_gazetteer("Xyzzyquux 24h") == []


def test_what_a_nominatim_says_is_read_whole_or_not() -> None:
    place = {"lat": "51.5", "lon": "-1.78", "display_name": "The Lower Mill, Swindon", "type": "restaurant"}
    found = maps.read_hits(Reply(text=orjson.dumps([place] * 9).decode()))
    assert found == [maps.Hit("The Lower Mill, Swindon", 51.5, -1.78)] * 3
    assert maps.read_hits(Reply(text="[]")) == []


PLACE = '[{"lat": %s, "lon": 1, "display_name": "a"}]'


@pytest.mark.parametrize("text", ["", "{}", "[7]", PLACE % '"x"', PLACE % "99", PLACE % '"nan"', "[" * 100_000])
def test_hostile_maps_give_no_place(text: str) -> None:
    assert isinstance(maps.read_hits(Reply(text=text)), ParseFailure)


def test_parts_are_switched_by_name() -> None:
    assert parts_of("all") == frozenset(PARTS) and parts_of("none") == frozenset()
    assert parts_of("map, reasoner") == {"map", "reasoner"}
    with pytest.raises(RecipeError, match="did you mean `reasoner`"):
        parts_of("reasoners")


def test_an_ablation_leaves_out_each_part_once() -> None:
    found = ablation.plans(frozenset(PARTS))
    assert list(found) == ["all parts", *(f"without {part}" for part in PARTS), "plain model"]
    assert all(len(parts) == 3 for name, parts in found.items() if name.startswith("without"))
    assert list(ablation.plans(frozenset({"map"}))) == ["all parts", "plain model"]
    assert list(ablation.plans(frozenset())) == ["plain model"]


def test_without_a_part_the_others_are_told_as_with_it() -> None:
    found = {"Reasoning": "r" * 9_000, "Guidebook": "g" * 9_000, "Map": "m" * 9_000, "Details": "d" * 9_000}
    whole = dict(_bounded(found))
    assert sum(map(len, whole.values())) <= MAX_EVIDENCE
    for title in found:
        rest = {name: text for name, text in found.items() if name != title}
        assert dict(_bounded(rest)) == {name: whole[name] for name in rest}


def test_a_picture_larger_than_any_is_named_unread(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("id\na\nb\n")
    with (tmp_path / "a.jpg").open("wb") as file:
        file.truncate(65_000_000)
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8")
    (_, large), (_, small) = photos_of(tmp_path / "set.csv", folder=tmp_path)
    assert isinstance(large, ImageRejected) and large.reason == "file_too_large" and small == b"\xff\xd8"
