"""Witnesses in whole builds: what they find is stored, weighed where the recipe says so, and measured in the report."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import polars as pl
import pytest
from PIL import Image

from factory.errors import EnvironmentFault
from factory.phases.worth import worths_of
from factory.store.layout import open_build
from factory.witnesses import ocr
from tests.real_build import factory, only_build
from tests.recorded import cases
from tests.witnessed import lines_in, measured, of_kind, witnessed

DEMO = Path(__file__).parents[2] / "recipes" / "demo"
SCENES = ("s02-zermatt-station", "s07-quebec-snow")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, two scenes of it with readable signs, with all witnesses that need no server."""
    root = tmp_path_factory.mktemp("witnessed")
    shutil.copytree(DEMO / "images", root / "images")
    scenes = pl.read_csv(DEMO / "scenes.csv", infer_schema=False).filter(pl.col("id").is_in(SCENES))
    scenes.with_columns(captured_at=pl.col("captured_at") + "+02:00").write_csv(root / "scenes.csv")
    path = root / "recipe.yaml"
    path.write_text(f"""\
name: witnessed
generator: mp16_reason
source:
  kind: table
  path: scenes.csv
  images: .
  columns: {{id: id, image: file, lat: lat, lon: lon, captured_at: captured_at, author: author, licence: licence}}
teachers:
  - {{name: first, backend: replay, path: {DEMO}/first.jsonl, model: recorded-first}}
  - {{name: second, backend: replay, path: {DEMO}/second.jsonl, model: recorded-second}}
witnesses: [ocr, facts, sun]
verify:
  checks: [near_truth, no_leak]
  decide: {{by: calibrated, min_probability: 0.0, witnesses: [ocr, facts, sun], reject: [near_truth, no_leak]}}
""")
    return path


def test_a_build_with_witnesses_from_end_to_end(recipe: Path) -> None:
    done = factory("build", recipe, "--out", recipe.parent / "builds", cwd=recipe.parent)
    assert done.returncode == 1 and "calibrated:not_fitted 2" in done.stderr, "two photos are too few to fit on"
    build = only_build(recipe.parent / "builds")
    (answers,) = build.glob("shards/*/answers.parquet")
    evidence = pl.read_parquet(answers).explode("evidence").unnest("evidence").explode("findings").unnest("findings")
    found = {source: set(kinds) for source, kinds in evidence.group_by("source").agg("kind").iter_rows()}
    assert {"text", "quote", "support"} <= found["ocr"]
    read = evidence.filter((pl.col("kind") == "text") & (pl.col("id") == "s02-zermatt-station"))
    assert "ZERMATT" in read["text"].to_list() and read["box"].list.len().to_list() == [4] * read.height
    model = orjson.loads((build / "model.json").read_bytes())
    assert model["witnesses"] == ["ocr", "facts", "sun"]
    assert worths_of(open_build(build)) == (), "two known places say nothing of any source's worth"
    shown = factory("explain", build, "s02-zermatt-station", cwd=recipe.parent)
    assert "ZERMATT" in shown.stdout


def test_a_witness_that_the_recipe_lacks_is_refused(recipe: Path) -> None:
    broken = recipe.with_name("broken.yaml")
    broken.write_text(recipe.read_text().replace("witnesses: [ocr, facts, sun]\nverify", "witnesses: [facts]\nverify"))
    done = factory("recipe", "check", broken, cwd=recipe.parent)
    assert done.returncode == 2
    assert "verify.decide.witnesses names `ocr`, which is not among the witnesses: facts" in done.stderr


def test_the_ablation_on_rendered_scenes_counts_what_signs_confirm() -> None:
    """The twin of tests/acceptance/test_witnesses_real_photos.py: 49 scenes, of which two are read."""
    plain = cases(DEMO / "scenes.csv", [DEMO / "first.jsonl", DEMO / "second.jsonl"])
    read = {name: lines_in(DEMO / plain[name].sample.images[0].locator) for name in SCENES}
    found = witnessed(plain.values(), read)
    quotes = of_kind(found, "quote")
    assert sum(one.box is not None for one in quotes) >= 0.7 * len(quotes) > 4
    agreement, facts, signs = measured(found)
    assert [one.source for one in (agreement, facts, signs)] == ["agreement", "facts", "ocr"]
    assert signs.rows == len(plain) and signs.spoke_for is not None and signs.spoke_against is not None
    assert 2 <= signs.spoke_for.places <= 4 and signs.spoke_against.places == 0
    assert agreement.at[0].right_with >= agreement.at[0].right_without


@pytest.mark.parametrize("size", [(960, 3), (3, 960), (8, 8)])
def test_odd_pictures_have_no_text(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.effect_noise(size, 90).convert("RGB").save(tmp_path / "odd.png")
    assert lines_in(tmp_path / "odd.png") == []


def test_a_model_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "lines.onnx").write_bytes(b"not a model")
    out = tmp_path / "white.jpg"
    Image.new("RGB", (64, 64), "white").save(out)
    with pytest.raises(EnvironmentFault, match="its models cannot be opened"):
        ocr.read({"Det": tmp_path / "lines.onnx", "Rec": None}, out.read_bytes())
    with pytest.raises(EnvironmentFault, match="no such file; name a model of yours"):
        ocr.read({"Det": tmp_path / "gone.onnx", "Rec": None}, out.read_bytes())
