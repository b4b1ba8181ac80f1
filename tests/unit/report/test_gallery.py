from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from factory.errors import CorruptBuild
from factory.images.blur import blurred
from factory.report import write_report
from factory.report.frames import read_frames
from factory.report.gallery import Card, cards, choose
from factory.report.pictures import BESIDE, FIRST, MAX_FURTHER, SIDE_BY_SIDE, pictures, thumbnail
from factory.report.words import described
from factory.store.files import make_folder
from factory.store.layout import Build, open_build
from factory.store.tables import write_table
from schemas import arrow
from tests.annotations import box
from tests.build_fixture import HOSTILE_TEXT, make_build
from tests.rich_build import Rows, edit, forget_places, make_rich_build


def planned(decisions: list[str]) -> pl.DataFrame:
    n = len(decisions)
    return pl.DataFrame(
        {
            "id": [f"s{i}" for i in range(n)],
            "order": range(n),
            "decision": decisions,
            "reasons": [[f"check:r{i % 3}"] for i in range(n)],
            "country_code": [("DE", "JP", "NA", None)[i % 4] for i in range(n)],
            "removed_by": pl.Series([None] * n, dtype=pl.String),
        }
    )


def test_everything_is_shown_when_it_fits() -> None:
    assert choose(planned(["accept"] * 5), limit=10) == [f"s{i}" for i in range(5)]


def test_a_large_build_shows_every_decision_reason_and_country() -> None:
    samples = planned((["accept"] * 96 + ["reject"] * 2 + ["review", "quarantine"]) * 20)
    chosen = choose(samples, limit=100)
    shown = samples.filter(pl.col("id").is_in(chosen))
    assert len(chosen) == 100
    counts = dict(shown["decision"].value_counts().iter_rows())
    assert min(counts.values()) >= 8 and len(counts) == 4
    assert shown.filter(pl.col("decision") == "accept")["country_code"].n_unique() == 4
    assert choose(samples, limit=100) == chosen
    assert shown["order"].to_list() == sorted(shown["order"]), "cards stand in plan order"


def test_samples_of_unfinished_shards_have_no_card() -> None:
    assert choose(planned(["pending", "accept", "pending"])) == ["s1"]


def test_thumbnails_are_small_and_carry_no_metadata() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x010E] = "secret description"
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "JPEG", quality=95, exif=exif)
    small = thumbnail(out.getvalue())
    assert small is not None and len(small) <= FIRST.most_bytes
    with Image.open(io.BytesIO(small)) as image:
        assert max(image.size) <= 480
        assert not image.getexif()
    assert b"secret" not in small


def test_bytes_that_are_no_photo_give_no_thumbnail() -> None:
    whole = io.BytesIO()
    Image.new("RGB", (300, 300), "navy").save(whole, "JPEG")
    png = io.BytesIO()
    Image.new("RGB", (30, 30)).save(png, "PNG")
    for data in (b"", b"<svg onload=alert(1)>", whole.getvalue()[:400], png.getvalue()):
        assert thumbnail(data) is None


def shown(build: Build) -> dict[str, Card]:
    frames = read_frames(build)
    return {card.id: card for card in cards(build, frames, choose(frames.samples))}


def test_cards_carry_photo_answers_checks_and_destination(tmp_path: Path) -> None:
    found = shown(make_build(tmp_path / "b", samples=6))
    first = found["s000"]
    (photo,) = first.pictures
    assert photo.uri is not None and photo.role == "photo"
    with Image.open(io.BytesIO(base64.b64decode(photo.uri.split(",")[1]))) as image:
        assert image.format == "JPEG"
    assert first.went == "released in train" and first.people == ""
    assert first.guesses[0].kinds == (("signage", 1), ("road", 1))
    assert first.guesses[0].saw_truth == "none" and not first.guesses[0].values
    assert found["s002"].went == "removed by near_duplicates:perceptual_duplicate (3 bits from s000, which is kept)"
    assert found["s003"].guesses[1].failure == "not_json" and found["s003"].disagree
    assert found["s004"].went == "rejected: near_truth:too_far"
    assert found["s005"].pictures[0].uri is None and found["s005"].went == "quarantined: images:truncated"
    assert found["s005"].pictures[0].refused == "truncated"


def test_the_first_pictures_of_a_sample_stand_side_by_side(tmp_path: Path) -> None:
    first, second = shown(make_rich_build(tmp_path / "b"))["s000"].pictures
    assert (first.role, second.role) == ("photo", "satellite")
    sizes = []
    for picture in (first, second):
        assert picture.uri is not None
        with Image.open(io.BytesIO(base64.b64decode(picture.uri.split(",")[1]))) as image:
            sizes.append(max(image.size))
    assert sizes[0] == sizes[1] == 160, "the test's pictures are small; neither is made smaller"


def test_a_sample_of_many_pictures_says_how_many_it_leaves_out(tmp_path: Path) -> None:
    photo = {"role": "tile", "refused": "truncated", "width": None, "height": None}
    found, left_out = pictures(tmp_path / "absent.tar", [(0, [photo] * 9)])[0]
    assert FIRST.most_bytes == SIDE_BY_SIDE * BESIDE.most_bytes, "those side by side cost a page what one does"
    assert len(found) == 1 + MAX_FURTHER and left_out == 8 - MAX_FURTHER


def test_draws_stand_together_and_the_combined_answer_apart(tmp_path: Path) -> None:
    card = shown(make_rich_build(tmp_path / "b"))["s000"]
    told = [[(guess.teacher, guess.draw, guess.combined) for guess in draws] for draws in card.told]
    assert told == [[("first", 0, False), ("first", 1, False)], [("second", 0, False)], [("judge", 0, True)]]
    assert card.guesses[1].distance_km == 100.1
    assert '"rounds": 2' in card.guesses[3].values and HOSTILE_TEXT.split('"')[0] in card.guesses[3].values
    assert not card.disagree, "where the combined answer lies is no teacher's word"


def test_findings_texts_and_a_shown_truth_are_on_the_card(tmp_path: Path) -> None:
    found = shown(make_rich_build(tmp_path / "b"))
    (signs,) = found["s000"].evidence
    assert (signs.source, signs.left_out) == ("signs", 0)
    assert signs.findings == (("text", HOSTILE_TEXT, 0.83), ("place", "51.3000, 12.4000", 0.5))
    assert [name for name, _ in found["s000"].texts] == ["transcript"]
    assert [guess.saw_truth for guess in found["s001"].guesses] == ["country", "none"]


def test_what_people_decided_stands_beside_what_the_checks_said(tmp_path: Path) -> None:
    found = shown(make_rich_build(tmp_path / "b"))
    promoted = found["s003"]
    assert (promoted.decision, promoted.went) == ("accept", "released in train")
    said = "accepted by anna on 2026-11-02, where the checks said review (teachers_agree:one_answer): the sign is real"
    assert promoted.people.startswith(said)
    assert found["s005"].decision == "quarantine" and "cannot count" in found["s005"].people
    assert (found["s006"].decision, found["s006"].went) == ("reject", "rejected by people")
    assert found["s006"].people.endswith("where the checks said accept: blurred")


def test_a_family_without_places_shows_its_values(tmp_path: Path) -> None:
    found = shown(forget_places(make_build(tmp_path / "b", samples=6)))
    guess = found["s000"].guesses[0]
    assert not guess.says_place and guess.failure is None
    assert guess.values.startswith('{\n  "caption": "a street in s000')
    assert not found["s000"].disagree


def test_an_answered_sample_is_shown_before_it_is_verified(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=4, shard_size=4)
    build.paths.shard(0).verdicts.unlink()
    build.paths.selection.unlink()
    card = shown(open_build(build.paths.root))["s000"]
    assert (card.decision, card.went) == ("answered", "answered, not verified yet")
    assert card.checks == () and not card.guesses[0].measured and card.guesses[0].place


def test_a_guess_about_an_unknown_place_is_not_measured(tmp_path: Path) -> None:
    def forget_place(rows: Rows) -> None:
        rows["s000"]["lat"] = rows["s000"]["lon"] = float("nan")

    build = make_build(tmp_path / "b")
    edit(build.paths.plan, arrow.PLAN, forget_place)
    found = shown(open_build(build.paths.root))
    assert not found["s000"].guesses[0].measured and found["s000"].guesses[0].place
    assert found["s001"].guesses[0].measured


def test_verdicts_of_other_answers_are_refused(tmp_path: Path) -> None:
    def forget_one(rows: Rows) -> None:
        rows["s000"]["located"].pop()

    build = make_build(tmp_path / "b")
    edit(build.paths.shard(0).verdicts, arrow.VERDICTS, forget_one)
    with pytest.raises(CorruptBuild, match=r"verdicts\.parquet.*s000"):
        shown(build)


def test_answers_that_lack_a_planned_sample_are_refused(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b")
    edit(build.paths.shard(0).answers, arrow.ANSWERS, lambda rows: rows.__delitem__("s001"))
    with pytest.raises(CorruptBuild, match=r"answers\.parquet.*s001"):
        shown(build)


def test_a_missing_or_broken_image_tar_costs_only_the_photos(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=8, shard_size=4)
    build.paths.shard(0).images.unlink()
    build.paths.shard(1).images.write_bytes(b"no tar at all" * 100)
    assert all(picture.uri is None for card in shown(build).values() for picture in card.pictures)
    assert not list(build.paths.root.rglob("*.tmp"))


def test_a_description_is_shown_whole_and_values_of_strangers_are_none() -> None:
    long = "A canal. " * 100
    assert described(orjson.dumps({"description": long, "names": []}).decode()) == long
    for values in (None, "", "[]", "no", '{"description": 3}', '{"names": []}', "[" * 10_000):
        assert described(values) == ""


@pytest.fixture
def marked(tmp_path: Path) -> tuple[Build, dict[str, Card]]:
    """s000 has a box of what is private, s001 was flagged without one, s002 has a box of evidence."""
    build = make_build(tmp_path / "mp16_reason-fixture0")
    rows = [
        {
            "id": name,
            "decision": "review",
            "by": ["reviewer-1"],
            "at": "now",
            "rule": "tied",
            "flags": flags,
            "boxes": boxes,
        }
        for name, flags, boxes in (
            ("s000", [], [box(width=0.6, height=0.6)]),
            ("s001", ["privacy", "withheld"], []),
            ("s002", [], [box("evidence")]),
        )
    ]
    make_folder(build.paths.review)
    write_table(pa.Table.from_pylist(rows, schema=arrow.REVIEWS), build.paths.decisions)
    frames = read_frames(build)
    return build, {card.id: card for card in cards(build, frames, choose(frames.samples))}


def shown_jpeg(card: Card) -> bytes:
    return base64.b64decode((card.pictures[0].uri or "").partition(",")[2])


def test_what_people_marked_as_private_is_blurred_on_a_card_as_in_the_release(
    marked: tuple[Build, dict[str, Card]],
) -> None:
    build, found = marked
    (whole,) = (build.image(0, 0),)
    assert shown_jpeg(found["s000"]) == thumbnail(blurred(whole, [box(width=0.6, height=0.6)], quality=90))
    assert shown_jpeg(found["s000"]) != thumbnail(whole)
    assert shown_jpeg(found["s002"]) == thumbnail(build.image(0, 2))


def test_a_picture_of_which_nobody_marked_what_is_private_is_not_shown(marked: tuple[Build, dict[str, Card]]) -> None:
    build, found = marked
    assert found["s001"].pictures[0].uri is None and found["s001"].pictures[0].refused == "private"
    page = write_report(build).read_text()
    small = thumbnail(build.image(0, 1))
    assert small is not None and base64.b64encode(small).decode() not in page
