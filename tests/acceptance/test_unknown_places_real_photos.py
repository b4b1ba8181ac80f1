"""Real photos as if half of them had no coordinates: how often the place they are given is the one they have.

Whole sources (first set) or trips (second set) lose their places, so the model has seen no neighbour of what it labels.
`pytest -s` prints the figures that docs/acceptance.md shows.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

import factory
from factory.geo import haversine_km
from factory.store.cases import read_cases
from factory.store.layout import open_build

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
SETS = {"photos": "source_repo", "photos2": "trip"}
"""The folders, and the column of what belongs together."""
PICTURES = {"photos": "{}", "photos2": "{}/images"}
RECIPE = """\
name: half
generator: mp16_reason
source:
  kind: table
  path: photos.csv
  images: PICTURES
  columns: {id: id, image: file, lat: lat, lon: lon, uncertainty_km: coord_uncertainty_km, author: GROUP}
plan: {truth: unknown}
teachers:
  - {name: a, backend: replay, model: a, path: IMAGES/responses/teacher_a.jsonl}
  - {name: b, backend: replay, model: b, path: IMAGES/responses/teacher_b.jsonl}
verify:
  checks: [near_truth, no_leak]
  decide: {by: calibrated, target: 0.98, reject: [no_leak]}
"""

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not all((SHARED / name / "responses").is_dir() for name in SETS),
        reason="real answers are missing: set FACTORY_SHARED",
    ),
]


@pytest.mark.parametrize("name", SETS)
def test_labels_of_real_photos_are_as_right_as_was_asked(name: str, tmp_path: Path) -> None:
    with (SHARED / name / "photos.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    pictures = PICTURES[name].format(SHARED / name)
    recipe = RECIPE.replace("PICTURES", pictures).replace("IMAGES", str(SHARED / name)).replace("GROUP", SETS[name])
    groups = sorted({row[SETS[name]] for row in rows})
    known, labelled, right = 0, 0, 0
    for half in (0, 1):
        folder = tmp_path / str(half)
        folder.mkdir()
        mine = [{**row} for row in rows]
        for row in mine:
            if groups.index(row[SETS[name]]) % 2 == half:
                row |= {"lat": "", "lon": ""}
        with (folder / "photos.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(mine[0]))
            writer.writeheader()
            writer.writerows(mine)
        (folder / "half.yaml").write_text(recipe, encoding="utf-8")
        build = open_build(factory.build(folder / "half.yaml", out=folder / "out").directory)
        true = {row["id"]: row for row in rows}
        for case in read_cases(build.paths, 0):
            known += not case.sample.placed
            if case.sample.placed or case.verdict is None or case.verdict.decision != "accept":
                continue
            truth, label = true[case.sample.id], case.verdict.label
            assert label is not None and label.lat is not None and label.lon is not None
            apart = haversine_km(float(truth["lat"]), float(truth["lon"]), label.lat, label.lon)
            labelled += 1
            right += apart <= label.radius_km + float(truth["coord_uncertainty_km"] or 0)
    print(f"{name}: of {known} photos without a place {labelled} are labelled, {right} within 25 km")
    assert labelled >= 0.4 * known
    assert right >= 0.95 * labelled
