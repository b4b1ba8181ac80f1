from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from factory.report.frames import read_frames
from factory.report.gallery import MAX_THUMBNAIL_BYTES, cards, choose, reason_words, shorten, thumbnail, went
from tests.build_fixture import make_build


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
    assert small is not None and len(small) <= MAX_THUMBNAIL_BYTES
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


def test_cards_carry_photo_answers_checks_and_destination(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=6)
    frames = read_frames(build)
    shown = {card.id: card for card in cards(build, frames, choose(frames.samples))}
    first = shown["s000"]
    assert first.thumbnail is not None
    with Image.open(io.BytesIO(base64.b64decode(first.thumbnail.split(",")[1]))) as image:
        assert image.format == "JPEG"
    assert first.went == "released in train"
    assert first.guesses[0].kinds == (("signage", 1), ("road", 1))
    assert shown["s002"].went == "removed by near_duplicates: perceptual duplicate (3 bits from s000, which is kept)"
    assert shown["s003"].guesses[1].failure == "not_json" and shown["s003"].disagree
    assert shown["s004"].went == "rejected: near_truth too far"
    assert shown["s005"].thumbnail is None and shown["s005"].went == "quarantined: images truncated"


def test_a_missing_or_broken_image_tar_costs_only_the_photos(tmp_path: Path) -> None:
    build = make_build(tmp_path / "b", samples=8, shard_size=4)
    build.paths.shard(0).images.unlink()
    build.paths.shard(1).images.write_bytes(b"no tar at all" * 100)
    frames = read_frames(build)
    assert all(card.thumbnail is None for card in cards(build, frames, choose(frames.samples)))
    assert not list(build.paths.root.rglob("*.tmp"))


def test_where_an_accepted_sample_is_before_selection() -> None:
    row = {"decision": "accept", "reasons": [], "kept": None, "split": None, "removed_by": None}
    assert went(row) == "accepted, not yet selected"


def test_text_is_bounded_and_hidden_characters_are_shown() -> None:
    assert shorten("x" * 5000, 100) == "x" * 99 + "…"
    assert shorten("safe\u202ecod.exe\x00") == "safe□202Ecod.exe□0"
    assert shorten("Ñandú 東京\nline") == "Ñandú 東京\nline"
    assert shorten(None) == ""


def test_reasons_become_words_and_checks_keep_their_names() -> None:
    assert reason_words("near_truth:too_far") == "near_truth too far"
    assert reason_words("free text") == "free text"
