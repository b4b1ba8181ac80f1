"""A build's recipe, photos and recorded answers of two made teachers, for what is fitted on a whole build."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from tests.made_teachers import Teacher, drawn
from tests.real_build import make_photos

PHOTOS = 120
RECIPE = """\
name: fitted
generator: mp16_reason
source: {kind: table, path: photos.csv, images: images}
plan: {shard_size: 50}
teachers:
  - {name: a, backend: replay, path: a.jsonl, model: a}
  - {name: b, backend: replay, path: b.jsonl, model: b}
verify:
  checks: [near_truth]
  decide: {by: calibrated, target: 0.9, reject: [near_truth]}
"""


def record(folder: Path) -> Path:
    """Photos with recorded answers of two made teachers: right places, or places some degrees off."""
    with make_photos(folder, PHOTOS).open(newline="") as file:
        photos = list(csv.DictReader(file))
    made = drawn(np.random.default_rng(4), PHOTOS, (Teacher(), Teacher()), ease=1.0)
    for number, name in enumerate("ab"):
        with (folder / f"{name}.jsonl").open("w") as file:
            for row, photo in enumerate(photos):
                lat, lon = float(photo["lat"]), float(photo["lon"])
                shift = 0.0 if made.right[row, number] else (8.0 + 4 * number) * (-1 if lat > 0 else 1)
                said = {
                    "localizable": True,
                    "confidence": float(made.said.confidence[row, number]),
                    "clues": [{"kind": "road", "text": f"a road of kind {row}", "supports": "here"}],
                    "reasoning": "The road looks like those here.",
                    "latitude": lat + shift,
                    "longitude": lon,
                }
                if row % 20 == number:  # some say less, as real teachers do
                    del said["confidence" if row % 40 == number else "latitude"]
                file.write(json.dumps({"id": photo["id"], "response": said}) + "\n")
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder / "recipe.yaml"
