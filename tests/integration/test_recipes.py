"""Every shipped recipe: its demo builds offline, its profiles are valid, and anybody's tools read what comes out."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import factory
from factory.generators import open_generator
from factory.phases.run import BuildResult
from factory.recipe.load import load_recipe
from factory.store.yaml_lines import read_yaml
from release import check_release
from release.read import open_release
from schemas.rows.json_schema import row_json_schema
from schemas.rows.schema import hub_features

REPOSITORY = Path(__file__).resolve().parents[2]
RECIPES = sorted((REPOSITORY / "recipes").glob("*.yaml"))
FULL_SPLIT = {"train": 0.9, "validation": 0.05, "test": 0.05, "cell_degrees": 0.05, "seed": 7}
DEMO_SPLIT = FULL_SPLIT | {"train": 0.7, "validation": 0.15, "test": 0.15}
EVALUATION = {"gws15k"}
"""Sets that are held out whole, wherever their photos lie; training sets leave them out by `decontaminate`, as
tests/integration/families/test_gws15k.py shows."""
HELD_OUT = {"train": 0.0, "validation": 0.0, "test": 1.0}
SCHEMAS = REPOSITORY / "schemas" / "rows"


@pytest.fixture(scope="module", params=RECIPES, ids=lambda path: path.stem)
def recipe(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], BuildResult]:
    """Each recipe's demo, built once; a recipe over a finished build gets that of `make demo`."""

    @cache
    def demo(recipe: Path) -> BuildResult:
        over = read_yaml(recipe).data["source"]["kind"] == "build"
        given = [f"source.path={demo(recipe.with_name('mp16_reason.yaml')).directory}"] if over else []
        return factory.build(recipe, out=tmp_path_factory.mktemp(recipe.stem), overrides=given)

    return demo


@pytest.fixture(scope="module")
def built(recipe: Path, demos: Callable[[Path], BuildResult]) -> BuildResult:
    return demos(recipe)


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def test_its_profiles_are_valid_and_one_is_full(recipe: Path) -> None:
    profiles = read_yaml(recipe).data["profiles"]
    assert {"demo", "full"} <= set(profiles)
    for profile in profiles:
        load_recipe(recipe, profile=profile)


def test_a_place_is_in_the_same_split_whichever_family_draws_it(recipe: Path) -> None:
    agreed = {"train", "validation", "test", "cell_degrees", "seed"}
    for profile in read_yaml(recipe).data["profiles"]:
        rules = {use.name: use.settings for use in load_recipe(recipe, profile=profile).recipe.select}
        if recipe.stem in EVALUATION:
            assert rules["geocell_split"].model_dump(include={"train", "validation", "test"}) == HELD_OUT
            continue
        assert "split" not in rules, "groups of one data set say nothing of another"
        if (rule := rules.get("geocell_split")) is not None:
            assert rule.model_dump(include=agreed) == (DEMO_SPLIT if profile == "demo" else FULL_SPLIT)


def test_its_demo_is_built_without_a_call_and_released(built: BuildResult) -> None:
    assert built.exit_code == 0
    assert (built.state, built.counts["calls"]) == ("done", 0)
    assert check_release(Path(built.directory) / "release") == []
    assert built.counts["kept"] > 0


def test_its_rows_follow_the_familys_json_schema(recipe: Path, built: BuildResult) -> None:
    """The schema that ships; renew it with RENEW_GOLDEN=1 pytest, this file."""
    generator = open_generator(load_recipe(recipe, profile="demo").recipe.generator)
    schema = row_json_schema(generator.row)
    shipped = SCHEMAS / f"{generator.row.family}.schema.json"
    if os.environ.get("RENEW_GOLDEN"):
        shipped.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
    assert json.loads(shipped.read_text()) == schema
    jsonschema.Draft202012Validator.check_schema(schema)
    judge = jsonschema.Draft202012Validator(schema)
    rows = list(json_rows(Path(built.directory) / "release"))
    assert len(rows) == len(open_release(Path(built.directory) / "release"))
    for row in rows:
        judge.validate(row)


def json_rows(release: Path) -> Iterator[dict[str, Any]]:
    """The JSON of each row, read by the standard library alone."""
    for path in sorted((release / "webdataset").rglob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".json"):
                    yield json.load(tar.extractfile(member))  # type: ignore[arg-type]


def test_its_release_loads_with_datasets_in_both_formats(recipe: Path, built: BuildResult, tmp_path: Path) -> None:
    import datasets

    release = Path(built.directory) / "release"
    row = open_release(release).schema
    opened = {format_: open_release(release, format=format_) for format_ in ("parquet", "webdataset")}
    for format_ in ("parquet", "webdataset"):
        splits = opened[format_].splits
        files = {
            split: [str(path) for path, _ in opened[format_].files(split)] for split, rows in splits.items() if rows
        }
        loaded = datasets.load_dataset(format_, data_files=files, cache_dir=str(tmp_path / format_))
        assert {name: split.num_rows for name, split in loaded.items()} == {name: splits[name] for name in files}
        split = "train" if "train" in files else next(iter(files))  # an evaluation set has no such split
        first = loaded[split][0]
        if format_ == "parquet":
            assert loaded[split].features == datasets.Features.from_dict(hub_features(row.columns))
            assert first["id"] == next(opened[format_].rows(split))["id"]
        else:
            assert tuple(first["json"]) == row.json_keys


def test_a_picture_is_in_one_split_in_the_demos_of_all_families(demos: Callable[[Path], BuildResult]) -> None:
    """By the digest of its source: a family scales it as it likes. Where a family places it elsewhere, at the landmark
    instead of the camera, its geocell may be another's, and only a mix sees that."""
    found: dict[str, dict[tuple[float, float], set[str]]] = {}
    degrees = FULL_SPLIT["cell_degrees"]
    seen = 0
    for recipe in (recipe for recipe in RECIPES if recipe.stem not in EVALUATION):
        release = open_release(Path(demos(recipe).directory) / "release")
        for split in release.splits:
            for row in release.rows(split):
                if row.get("image_sha256") and row.get("lat") is not None:
                    seen += 1
                    cells = found.setdefault(row["image_sha256"], {})
                    cells.setdefault((row["lat"] // degrees, row["lon"] // degrees), set()).add(split)
    assert seen > len(found) + 20, "families share scenes, or this shows nothing"
    apart = 0
    for cells in found.values():
        assert {len(splits) for splits in cells.values()} == {1}
        apart += len(set.union(*cells.values())) > 1
    assert apart == 2, "pictures that Dialog places elsewhere, at a landmark"
