"""The tasks for other harnesses, as far as they can be run without these: what they load measures the same."""

from __future__ import annotations

import ast
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from factory.errors import RecipeError
from release.read import open_release
from release.write import write_release
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build
from train.evaluate.adapters import lmms_task, single
from train.evaluate.evaluation import evaluate, rules_of
from train.evaluate.predictions import predictions_of
from train.evaluate.truth import read_truth

SAID = "country: Germany\ncity: Leipzig"
TASK = Path(lmms_task.__file__).with_name("inspect_release.py")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = make_build(tmp_path_factory.mktemp("adapted") / "b", 14, all_accepted=True)
    write_release(build, settings=ReleaseSettings(shard_size=10))
    return build.paths.release


def loaded(file: Path) -> Any:
    """A task as lmms-eval loads it: `!function module.name` is a function of the file of that name beside it."""

    def function(loader: Any, node: Any) -> Callable[..., Any]:
        module, _, name = node.value.rpartition(".")
        spec = importlib.util.spec_from_file_location(module, file.with_name(f"{module}.py"))
        assert spec is not None and spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        found: Callable[..., Any] = getattr(made, name)
        return found

    yaml = YAML(typ="safe")
    yaml.constructor.add_constructor("!function", function)
    return yaml.load(file)


def test_the_task_of_lmms_eval_measures_what_factory_eval_measures(release: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    file, _ = lmms_task.write_task(release, tmp_path, split="train", preset="globe")
    task = loaded(file)
    cache = str(tmp_path / "cache")
    rows = datasets.load_dataset(
        task["dataset_path"], split=task["test_split"], cache_dir=cache, **task["dataset_kwargs"]
    )
    assert len(rows) == 10
    first = rows[0]
    assert [image.size for image in task["doc_to_visual"](first)] == [(160, 120)]
    assert "Where was this photo taken" in task["doc_to_text"](first, {"post_prompt": " Be short."})
    assert task["doc_to_text"](first, {"post_prompt": " Be short."}).endswith(" Be short.")
    assert task["doc_to_target"](first).endswith("</answer>")
    results = [task["process_results"](row, [SAID]) for row in rows]
    found = {
        one["metric"]: one["aggregation"]([each[one["metric"]] for each in results]) for one in task["metric_list"]
    }
    said = predictions_of({"id": row["id"], "text": SAID} for row in open_release(release).rows("train"))
    whole = evaluate(read_truth(release, split="train"), said, rules_of("globe"))
    table = {line.name: line.interval.value for line in whole.table}
    names = {"median_error_km": "median error", "country": "country DIRE"}
    assert found == {name: table[names.get(name, name.replace("_", " "))] for name in found}
    assert 0 < found["within_25_km"] < 1


def test_a_task_for_what_is_not_there_is_not_written(release: Path, tmp_path: Path) -> None:
    for change, message in ({"split": "tests"}, "no split 'tests'"), ({"preset": "glob"}, "did you mean `globe`"):
        with pytest.raises(RecipeError, match=message):
            lmms_task.write_task(release, tmp_path, **change)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["SPLIT", "FILES", 'PRESET = "globe"', "a: {b} #c", "'\"\\", "写真 😀", "\x7f\t"])
def test_a_folder_may_have_any_name(release: Path, tmp_path: Path, folder: str) -> None:
    there = tmp_path / folder / "release"
    shutil.copytree(release, there)
    (tmp_path / "task").mkdir()
    file, code = lmms_task.write_task(there, tmp_path / "task", split="train", preset="gaga")
    task = loaded(file)
    named = task["dataset_kwargs"]["data_files"]["train"]
    assert [Path(one).is_relative_to(there) and Path(one).is_file() for one in named] == [True] * len(named) != []
    assert task["test_split"] == "train" and 'PRESET = "gaga"\n' in code.read_text()


def test_the_task_of_inspect_is_found_by_its_decorators() -> None:
    """inspect_ai looks for them in the file's tree before it is run."""
    functions = {node.name: node for node in ast.parse(TASK.read_text()).body if isinstance(node, ast.FunctionDef)}
    assert [ast.unparse(one) for one in functions["geolocation"].decorator_list] == ["task"]
    assert [arg.arg for arg in functions["geolocation"].args.args] == ["release", "split", "preset", "limit"]
    assert ast.unparse(functions["by_preset"].decorator_list[0]).startswith("scorer(metrics=")


def test_a_row_is_a_question_with_its_photo_and_nothing_of_its_answer(release: Path) -> None:
    row = next(open_release(release).rows("test"))
    turns = single.question(row)
    assert [turn["role"] for turn in turns] == ["system", "user"]
    assert [part["type"] for part in turns[-1]["content"]] == ["image", "text"]
    assert turns[-1]["content"][0]["image"].startswith("data:image/jpeg;base64,/9j/")
    assert row["city"] not in str(turns) and single.target(row).endswith(f"city: {row['city']}</answer>")


def test_one_answer_adds_0_to_every_mean_where_it_failed(release: Path) -> None:
    row = next(open_release(release).rows("test"))
    failed = single.measured_alone(single.truth_of(row), "I cannot say.", rules_of("globe"))
    assert set(failed.values()) == {0.0} and "geoscore" in failed and len(failed) == 7
    right = single.measured_alone(single.truth_of(row), f"{row['city']}, {row['country']}", rules_of("globe"))
    assert right["within 25 km"] == right["recall"] == 1.0
