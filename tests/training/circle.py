"""The whole circle, by the commands a user gives: draw scenes, build, release, train, evaluate, report.

    python -m tests.training.circle --out circle                    # `make circle`: 400 scenes, three seeds
    python -m tests.training.circle --out circle --scenes 60 --places 6 --seeds 0 --steps 60

A tiny model with random weights learns where the drawn scenes are; the same model learns from the same rows with their
pictures dealt out anew. Both answer to pictures of the same places that neither has seen. What the first knows more, it
knows from looking.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import random
import runpy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import torch

from factory.cli.main import app
from release.read import open_release
from tests.training.tiny import make_llava, tokenizer

RENDER = Path(__file__).resolve().parents[2] / "recipes" / "demo" / "render.py"
BUILD = """\
name: {name}
generator: {{name: mg_geo_meta, coordinates: numbers, decimals: 1}}
source: {{kind: table, path: {table}, images: scenes}}
images: {{max_side: 256, quality: 90}}
select:
  - split: {{train: 0.75, validation: 0.05, test: 0.2, keep_together: [], seed: 7}}
release: {{formats: [webdataset], shard_size: 100, licence: per-row}}
"""
TRAIN = """\
name: {name}
trainer: sft
seed: {seed}
model: {{path: model, dtype: float32}}
data: {{releases: [{{path: {release}}}], evaluate: null}}
tune: {{method: full, parts: [vision, projector, language]}}
optim: {{steps: {steps}, batch_size: 16, learning_rate: 2.0e-3, warmup: 0.1, precision: fp32, checkpointing: false}}
keep: {{save_steps: {steps}, log_steps: 50, checkpoints: 1}}
"""
MEASURES = ("within 25 km", "within 750 km", "geoscore")


@dataclass(frozen=True, slots=True)
class Result:
    """What two models answered rightly on the same held-out pictures."""

    seed: int
    seen: dict[str, float]
    """By measure, of the model that saw each row's own picture."""
    shuffled: dict[str, float]


def circle(out: Path, *, scenes: int, places: int | None, seeds: Sequence[int], steps: int) -> list[Result]:
    """Goes once around for each seed; everything that is made lies in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    draw(out, scenes, places)
    releases = {name: build(out, name) for name in ("seen", "shuffled")}
    words = tokenizer([*said(releases["seen"]), "user", "assistant"], words=1500)
    make_llava(out / "model", width=64, pixels=56, words=words)
    return [
        Result(seed, *(measured(out, name, seed, steps, releases) for name in ("seen", "shuffled"))) for seed in seeds
    ]


def draw(out: Path, scenes: int, places: int | None) -> None:
    """Draws the scenes, and writes a second table in which pictures are dealt out anew among the rows."""
    only = [] if places is None else ["--only", *first_ids(places)]
    with contextlib.redirect_stdout(io.StringIO()):
        program = runpy.run_path(str(RENDER))
        program["main"]([*only, "--count", str(scenes), "--out", str(out / "scenes")])
    table = list(csv.DictReader((out / "scenes" / "scenes.csv").read_text(encoding="utf-8").splitlines()))
    files = [row["file"] for row in table]
    random.Random(7).shuffle(files)
    for name, dealt in (("seen", [row["file"] for row in table]), ("shuffled", files)):
        with (out / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, table[0])
            writer.writeheader()
            writer.writerows({**row, "file": shown} for row, shown in zip(table, dealt, strict=True))


def first_ids(places: int) -> list[str]:
    """Ids of some scenes of cities far apart."""
    table = csv.DictReader((RENDER.parent / "scenes.csv").read_text(encoding="utf-8").splitlines())
    return [row["id"] for row in table if row["scene"] == "urban"][:places]


def build(out: Path, name: str) -> Path:
    """`factory build`; the release's folder."""
    recipe = out / f"{name}.yaml"
    recipe.write_text(BUILD.format(name=name, table=f"{name}.csv"), encoding="utf-8")
    told = orjson.loads(commanded("build", recipe, "--out", out / "builds", "--json"))
    assert told["state"] == "done", told
    return Path(told["directory"]) / "release"


def said(release: Path) -> list[str]:
    """Every text of a release, for a tokenizer."""
    opened = open_release(release)
    rows = (row for split in opened.splits for row in opened.rows(split))
    return [part["text"] for row in rows for turn in row["messages"] for part in turn["content"] if part["text"]]


def measured(out: Path, name: str, seed: int, steps: int, releases: dict[str, Path]) -> dict[str, float]:
    """`factory train` on one of the releases, `factory eval` on the held-out pictures of the true one."""
    run = out / f"train-{name}-{seed}.yaml"
    given = {"name": f"{name}-{seed}", "seed": seed, "release": releases[name].resolve(), "steps": steps}
    run.write_text(TRAIN.format(**given), encoding="utf-8")
    folder = Path(commanded("train", run, "--out", out / "runs").strip()).parent
    more = (
        "--preset",
        "osv5m",
        "--json",
        "--report",
        out / f"{name}-{seed}.html",
        "--save",
        out / f"{name}-{seed}.jsonl",
    )
    told = orjson.loads(commanded("eval", releases["seen"], "--model", folder, "--split", "test", *more))
    values = {line["name"]: line["value"] for line in told["table"]}
    return {measure: values[measure] for measure in MEASURES}


def commanded(*words: Any) -> str:
    """What `factory` with these words prints as its result."""
    print(f"$ factory {' '.join(map(str, words))}", file=sys.stderr)
    kept = io.StringIO()
    with contextlib.redirect_stdout(kept):
        code = app([*map(str, words)], standalone_mode=False)
    assert not code, code
    return kept.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(description="From drawn scenes to an evaluated model, beside one taught blindly.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=400)
    parser.add_argument("--places", type=int, help="how many of the drawn places; all by default")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=500)
    asked = parser.parse_args()
    torch.set_num_threads(1)  # a tiny model is quickest so
    found = circle(asked.out, scenes=asked.scenes, places=asked.places, seeds=asked.seeds, steps=asked.steps)
    print(f"\n{'seed':<6}{'measure':<16}{'pictures':>10}{'shuffled':>10}")
    for result in found:
        for measure in MEASURES:
            print(f"{result.seed:<6}{measure:<16}{result.seen[measure]:>10.3f}{result.shuffled[measure]:>10.3f}")
    return 0 if all(result.seen["geoscore"] > result.shuffled["geoscore"] for result in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
