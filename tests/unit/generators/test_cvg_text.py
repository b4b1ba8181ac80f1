"""CVG-Text: what is asked, what a reply becomes, and what stands in a row."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.generators.cvg_text import cvg_text, read_description, record
from factory.plugins.contracts import ParseFailure
from schemas import Answered, Case, ImageRef, LocatedAnswer, Photo, Picture, Reply, Request, Sample, Seen
from schemas.rows import message_faults

SAID = {"description": "A canal between two streets.", "names": [{"name": "NIEUWE KADE", "seen_on": "map"}]}


class Asked:
    """What a family asks, answered with the same reply."""

    def __init__(self, reply: str) -> None:
        self.reply, self.requests = reply, list[Request]()

    async def __call__(self, request: Request, *, read: Any, teacher: str | None = None) -> Any:
        self.requests.append(request)
        return read(Reply(text=self.reply))


async def asked(*roles: str, **settings: Any) -> tuple[Request, dict[str, Any]]:
    family = cvg_text(**settings)
    assert family.answer is not None
    ask = Asked(json.dumps(SAID))
    said = await family.answer(Seen(id="a", images=roles), ask)  # type: ignore[arg-type]
    (request,) = ask.requests
    return request, dict(said.values)


def shown(request: Request) -> list[str]:
    return [part.role for turn in request.turns for part in turn.parts if isinstance(part, Picture)]


def words(request: Request) -> str:
    return " ".join(part for turn in request.turns for part in turn.parts if isinstance(part, str))


@pytest.mark.asyncio
async def test_a_teacher_sees_the_ground_and_the_map_and_never_the_satellite_picture() -> None:
    request, values = await asked("ground", "satellite", "map")
    assert shown(request) == ["ground", "map"] and values["map_shown"] is True
    assert "on the map may be used" in words(request)
    plain, unmapped = await asked("ground", "satellite")
    assert shown(plain) == ["ground"] and unmapped["map_shown"] is False
    assert "There is no map" in words(plain)
    kept, _ = await asked("ground", "satellite", "map", show_map=False)
    assert kept.sha256 == plain.sha256


@pytest.mark.asyncio
async def test_without_a_map_no_name_can_be_of_one() -> None:
    for roles, where in ((("ground", "map"), ["photo", "map"]), (("ground",), ["photo"])):
        request, _ = await asked(*roles)
        assert request.schema is not None
        names = request.schema["properties"]["names"]["items"]
        assert names["properties"]["seen_on"]["enum"] == where


def test_needs_follow_what_is_wanted_from_above() -> None:
    assert cvg_text().needs.shown == ("ground", "satellite", "map")
    mapped = cvg_text(above="map").needs
    assert (mapped.images, mapped.optional_images) == (("ground", "map"), ("satellite",))


@pytest.mark.parametrize(
    "text",
    [
        *("", "no", "[]", '{"description": 3, "names": []}', '{"description": "a"}'),
        '{"description": "a", "names": [1]}',
        '{"description": "a", "names": [{"name": "b", "seen_on": "heart"}]}',
        '{"description": "a", "names": [{"name": 1, "seen_on": "map"}]}',
    ],
)
def test_a_reply_of_another_form_says_why(text: str) -> None:
    assert isinstance(read_description(Reply(text=text)), ParseFailure)


def test_a_fenced_reply_is_read_and_made_plain() -> None:
    found = read_description(
        Reply(text="Here:\n```json\n" + json.dumps(SAID | {"description": "A\u202e  b\x1b"}) + "\n```")
    )
    assert found == {"description": "A b", "names": SAID["names"]}


@given(st.text(max_size=300))
def test_any_reply_is_read_or_says_why(text: str) -> None:
    found = read_description(Reply(text=text))
    assert isinstance(found, ParseFailure) or set(found) == {"description", "names"}


def case(*roles: str, **values: Any) -> Case:
    images = tuple(
        ImageRef(role=role, locator=f"{role}.jpg", lat=52.0 + 0.0001 * at, lon=5.0, metres_per_pixel=at or None)
        for at, role in enumerate(roles)
    )
    said = Answered(teacher="t", model="m", keys=("k",), values={**SAID, "map_shown": True, **values})
    return Case(
        sample=Sample(id="a", images=images, lat=52.0, lon=5.0, texts={"caption": "Published.", "view": "single"}),
        answers=(LocatedAnswer(answered=said),),
        photos=tuple(Photo(role=role, sha256="0" * 64) for role in roles),
    )


def test_a_row_has_every_picture_with_its_own_place_and_scale() -> None:
    (row,) = record(case("ground", "satellite", "map"))
    assert [one["role"] for one in row["pictures"]] == ["ground", "satellite", "map"]
    assert row["pictures"][1]["metres_away"] == pytest.approx(11.12, abs=0.01)
    assert row["pictures"][1]["metres_per_pixel"] == 1
    assert (row["published_caption"], row["view"]) == ("Published.", "single")
    assert list(message_faults(row["messages"], images=3)) == []
    assert row["messages"][-1]["content"][0]["text"] == row["description"]


def test_rows_show_pictures_in_one_order_whatever_the_source_s() -> None:
    (row,) = record(case("map", "satellite", "ground"))
    assert [one["role"] for one in row["pictures"]] == ["ground", "satellite", "map"]


def test_what_says_nothing_makes_no_row() -> None:
    assert record(case("ground", "satellite", description="")) == ()
