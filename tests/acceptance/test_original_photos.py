"""GPS, time and clean output of nine untouched photos from cameras and phones, one of them HEIC."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from factory.images import ImageSettings, Prepared, metadata_findings, read_metadata
from factory.images.worker import DecodeWorkers
from factory.store.layout import open_build
from tests.fake_endpoint import running_endpoint
from tests.real_build import factory, write_recipe

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
PHOTOS = SHARED / "photos"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (PHOTOS / "originals.csv").exists(), reason="real photos are missing: set FACTORY_SHARED"),
]


def rows() -> list[dict[str, str]]:
    with (PHOTOS / "originals.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_place_and_time_are_those_of_the_table() -> None:
    for row in rows():
        for source in (PHOTOS / row["file"], (PHOTOS / row["file"]).read_bytes()):
            found = read_metadata(source)
            assert (found.lat, found.lon) == pytest.approx((float(row["lat"]), float(row["lon"])), abs=1e-6), row["id"]
            date, _, clock = row["captured_at"].partition(" ")
            expected = f"{date.replace(':', '-')}T{clock}" if date else None
            assert (found.captured_at and found.captured_at[:19]) == expected, row["id"]


def test_every_photo_comes_out_small_and_without_metadata() -> None:
    with DecodeWorkers(2, ImageSettings(max_side=1024)) as workers:
        futures = {row["id"]: workers.submit(PHOTOS / row["file"]) for row in rows()}
    for identity, future in futures.items():
        result = future.result()
        assert isinstance(result, Prepared), (identity, result)
        assert max(result.width, result.height) <= 1024
        assert metadata_findings(result.jpeg) == []
    assert futures["p050"].result().source_format == "HEIF"
    assert futures["p075"].result().passthrough


def images_of(shard: Path) -> list[bytes]:
    with tarfile.open(shard) as tar:
        return [tar.extractfile(member).read() for member in tar if member.name.endswith(".jpg")]  # type: ignore[union-attr]


def test_a_folder_of_originals_becomes_a_release_without_a_trace_of_the_camera(tmp_path: Path) -> None:
    """The whole command over HTTP: EXIF is the truth; the endpoint knows a teacher's answers to seven photos."""
    identities = {row["file"].rpartition("/")[2]: row["id"] for row in rows()}
    recorded = {line["id"]: line["response"] for line in json_lines(PHOTOS / "responses" / "teacher_a.jsonl")}
    with DecodeWorkers(2, ImageSettings()) as workers:
        sent = {row["id"]: workers.submit(PHOTOS / row["file"]).result() for row in rows()}
    answers = tmp_path / "answers.jsonl"
    with answers.open("w") as file:
        for identity in identities.values() & recorded.keys():
            image = hashlib.sha256(sent[identity].jpeg).hexdigest()
            file.write(json.dumps({"image_sha256": image, "response": recorded[identity]}) + "\n")
    with running_endpoint(tmp_path / "endpoint", answers=answers) as endpoint:
        recipe = write_recipe(tmp_path, endpoint.url)
        folder = f"{{kind: folder, path: {PHOTOS / 'originals'}, licence: CC-BY-SA-4.0, author: Various}}"
        recipe.write_text(recipe.read_text().replace("{kind: table, path: photos.csv, images: images}", folder))
        built = factory("build", recipe, "--out", tmp_path / "builds", cwd=tmp_path)
        assert built.returncode == 0, built.stderr
        assert endpoint.stats()["requests"] == len(identities)
    build = open_build(next((tmp_path / "builds").glob("trial-*")))
    planned = {identities[name]: code for name, code in build.plan.select("id", "country_code").iter_rows()}
    assert planned == {row["id"]: row["country_code"] for row in rows()}
    chosen = build.verdicts.filter(pl.col("decision") == "accept")
    released = [
        image for shard in build.paths.root.rglob("*.tar") if "release" in str(shard) for image in images_of(shard)
    ]
    assert len(released) == chosen.height >= 3
    assert all(metadata_findings(image) == [] for image in released)


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
