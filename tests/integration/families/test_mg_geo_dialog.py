"""MG-Geo's dialogs, whole: introspection only beyond 25 km, no call twice, no truth where nobody was told; the demo."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest
from PIL import Image

import factory
from factory.phases.run import BuildResult
from factory.store.layout import open_build
from release import check_release
from release.read import open_release
from tests.dialogs import KM, REPLY
from tests.fake_endpoint import completion, image_sha256
from tests.golden_digests import held_to
from tests.http_server import answering
from tests.published import mg_geo_dialog as published
from tests.real_build import make_photos, only_build, start_factory

REPOSITORY: Final = Path(__file__).resolve().parents[3]
RECIPE: Final = REPOSITORY / "recipes" / "mg_geo_dialog.yaml"
GOLDEN: Final = REPOSITORY / "tests" / "golden" / "mg_geo_dialog.json"
TRUTH: Final = ((48.8584, 2.2945, "Paris"), (41.8902, 12.4922, "Rome"))


class Teacher:
    """A teacher whose first coordinates are off by a script, and that is right once it is told."""

    off_km: ClassVar[dict[str, tuple[float, float, float]]] = {}
    """By a photo's sha256: the truth's latitude and longitude, and how far north of it the first answer is."""
    asked: ClassVar[list[dict[str, Any]]] = []
    stall: ClassVar[threading.Event | None] = None
    """What a second turn waits for, where a build is to be killed in it."""

    @classmethod
    def reply(cls, body: bytes) -> bytes:
        request = json.loads(body)
        lat, lon, km = cls.off_km[image_sha256(body)]
        turns = request["messages"]
        cls.asked.append({"turns": turns, "sampling": {key: request.get(key) for key in ("temperature", "top_p")}})
        if len(turns) > 1:
            km = 0.2
            if cls.stall is not None:
                cls.stall.wait()
        text = json.dumps({**REPLY, "latitude": lat + km * KM, "longitude": lon})
        return completion(text)


@pytest.fixture
def endpoint() -> Iterator[str]:
    Teacher.off_km, Teacher.asked, Teacher.stall = {}, [], None
    with answering(Teacher.reply) as url:
        yield url
        if Teacher.stall is not None:
            Teacher.stall.set()


def write_landmarks(root: Path, url: str, *off_km: float) -> Path:
    """A set of landmarks, one photo each, and a recipe whose teacher is off by so many kilometres."""
    make_photos(root, len(off_km))
    lines: dict[str, list[str]] = {"train": ["id,url,landmark_id"], "positions": ["landmark_id,lat,lon,name"]}
    for number, km in enumerate(off_km):
        photo = root / "images" / f"{number:05d}.jpg"
        lat, lon, name = TRUTH[number]
        lines["train"].append(f"{photo.stem},https://photos.example/{number},{number}")
        lines["positions"].append(f"{number},{lat},{lon},{name} tower")
        with Image.open(photo) as picture:
            assert max(picture.size) < 336
        Teacher.off_km[image_sha256(b"base64," + _base64(photo) + b'"')] = (lat, lon, km)
    for name, text in lines.items():
        (root / f"{name}.csv").write_text("\n".join(text) + "\n")
    path = root / "dialog.yaml"
    path.write_text(
        f"""\
name: dialog
generator: mg_geo_dialog
source: {{kind: landmarks, path: train.csv, positions: positions.csv, images: images, nested: false}}
images: {{max_side: 336}}
teachers:
  - {{name: t, backend: openai, model: m, base_urls: ['{url}'], sampling: {{temperature: 1, top_p: 1}}, timeout_s: 900}}
verify:
  checks: [final_coordinates, blind_questions, not_told, no_leak]
  decide: {{by: rules, reject: [final_coordinates, not_told, no_leak], review: [blind_questions]}}
"""
    )
    return path


def _base64(path: Path) -> bytes:
    return base64.b64encode(path.read_bytes())


def built(recipe: Path, out: Path) -> list[dict[str, Any]]:
    process = start_factory(("build", recipe, "--out", out, "--workers", "1"), cwd=recipe.parent)
    said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    return list(open_release(only_build(out) / "release").rows("train"))


def text_of(messages: Any) -> str:
    return json.dumps(messages, ensure_ascii=False)


def test_introspection_follows_26_km_and_not_24(endpoint: str, tmp_path: Path) -> None:
    near, far = built(write_landmarks(tmp_path, endpoint, 24, 26), tmp_path / "out")
    assert len(Teacher.asked) == 3
    assert {json.dumps(one["sampling"]) for one in Teacher.asked} == {'{"temperature": 1.0, "top_p": 1.0}'}
    assert (near["saw_truth"], near["distance_before_km"], near["distance_after_km"]) == ("none", 24.0, 24.0)
    assert (far["saw_truth"], far["distance_before_km"], far["distance_after_km"]) == ("place", 26.0, 0.2)
    assert (len(near["requests"]), len(far["requests"])) == (1, 2)
    made = open_build(only_build(tmp_path / "out"))
    assert sorted(made.ledger["purpose"]) == ["deduction", "deduction", "introspection+saw_place"]


def test_nobody_is_told_a_place_whose_row_is_not_marked(endpoint: str, tmp_path: Path) -> None:
    rows = built(write_landmarks(tmp_path, endpoint, 24, 26), tmp_path / "out")
    for (lat, lon, city), row in zip(TRUTH, rows, strict=True):
        words = (str(lat), f"{lat:.5f}", f"{lon:.5f}", city)
        told = [one for one in Teacher.asked if any(word in text_of(one["turns"][2:]) for word in words)]
        assert len(told) == (row["saw_truth"] == "place")
        first = [one for one in Teacher.asked if len(one["turns"]) == 1]
        assert not any(word in text_of(one["turns"]) for one in first for word in words)
        if row["saw_truth"] == "none":
            assert not any(word in text_of(row["messages"]) for word in (str(lat), f"{lat:.5f}", city))
            assert row["loc_question"]["lat"] == pytest.approx(lat + 24 * KM, abs=1e-5), "the teacher's own"
        assert "prediction is incorrect" not in text_of(row["messages"])


def test_killed_between_its_calls_it_repeats_none(endpoint: str, tmp_path: Path) -> None:
    recipe, Teacher.stall = write_landmarks(tmp_path, endpoint, 26), threading.Event()
    process = start_factory(("build", recipe, "--out", tmp_path / "out", "--workers", "1"), cwd=tmp_path)
    while len(Teacher.asked) < 2:
        assert process.poll() is None, process.communicate()
        threading.Event().wait(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    Teacher.stall.set()
    (row,) = built(recipe, tmp_path / "out")
    assert [len(one["turns"]) for one in Teacher.asked] == [1, 3, 3], (
        "the call in flight is asked again, the first is not"
    )
    assert row["saw_truth"] == "place"
    keys = open_build(only_build(tmp_path / "out")).ledger["key"]
    assert len(keys) == keys.n_unique() == 2


# --- the demo ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    return factory.build(RECIPE, out=tmp_path_factory.mktemp("demo"))


def test_the_demo_tells_every_kind_of_story(result: BuildResult) -> None:
    counts = result.counts
    assert (counts["planned"], counts["dropped"], counts["calls"]) == (29, 2, 0)
    assert set(open_build(result.directory).dropped["reason"]) == {"no_position", "not_clean"}
    assert set(counts["reasons"]) == {
        "blind_questions:shows_detail",
        "blind_questions:tells_the_place",
        "blind_questions:unreadable",
        "final_coordinates:too_far",
        "no_leak:echoes_instructions",
        "no_leak:quotes_coordinates",
        "not_told:speaks_of_being_told",
        "not_told:unreadable",
    }
    assert counts["removed"] == {"near_duplicates": 1}
    assert set(counts["splits"]) == {"train", "validation", "test"}


def demo_rows(result: BuildResult) -> list[Mapping[str, Any]]:
    release = open_release(Path(result.directory) / "release")
    return [row for split in result.counts["splits"] for row in release.rows(split)]


def test_rows_of_the_demo_are_what_the_paper_describes(result: BuildResult) -> None:
    rows = demo_rows(result)
    assert {row["saw_truth"] for row in rows} == {"none", "place"}
    for row in rows:
        sizes = [Image.open(io.BytesIO(image["bytes"])).size for image in row["images"]]
        assert list(published.faults({**row, "sizes": sizes})) == [], row["id"]
    assert len({row["question_id"] for row in rows}) == len(rows)


def test_the_page_shows_a_row_of_the_demo(result: BuildResult) -> None:
    text = (REPOSITORY / "docs" / "families" / "mg_geo_dialog.md").read_text()
    shown = json.loads(text.split("```json\n")[1].split("```")[0])
    row = next(row for row in demo_rows(result) if row["id"] == shown["id"])
    assert {name: row[name] for name in shown} == shown


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"geo_questions": []}, "no geo_questions"),
        ({"saw_truth": "place"}, "and saw_truth is place"),
        ({"distance_after_km": 3.0}, "distance_after_km is 3.0"),
        ({"sizes": [(512, 300)]}, "a picture of 512 x 300"),
        ({"messages": []}, "turns of"),
    ],
)
def test_the_validator_from_the_paper_finds_faults(result: BuildResult, change: dict[str, Any], fault: str) -> None:
    row = next(row for row in demo_rows(result) if row["saw_truth"] == "none")
    assert any(fault in found for found in published.faults({**row, "sizes": [(336, 252)], **change}))


def test_the_demos_release_is_the_same_bytes_everywhere(result: BuildResult) -> None:
    """Renew after a change of meaning: RENEW_GOLDEN=1 pytest, this file."""
    held_to(GOLDEN, result)
    assert check_release(Path(result.directory) / "release") == []
