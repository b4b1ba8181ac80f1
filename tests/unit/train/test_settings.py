"""A training run is read as a recipe is: everything wrong with it is said at once, with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from factory.cli.main import app
from factory.errors import RecipeError
from factory.store.yaml_lines import plain_yaml
from train.runs import RUNS
from train.settings import is_run, load_run, run_json_schema

REPOSITORY = Path(__file__).resolve().parents[3]
SHIPPED = sorted((REPOSITORY / "recipes" / "train").glob("*.yaml"))
MINIMAL = """\
name: tiny
trainer: sft
model: {path: model}
data: {releases: [{path: release}]}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text)
    return path


def problem(folder: Path, text: str, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_run(write(folder, text), overrides=overrides)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_runs_are_valid_and_named_for_their_files(path: Path) -> None:
    assert is_run(path)
    assert load_run(path).run.name == path.stem


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_editor_schema_accepts_the_shipped_runs(path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    shipped = json.loads((REPOSITORY / "schemas" / "train.schema.json").read_text())
    assert shipped == json.loads(json.dumps(run_json_schema())), "renew it: factory recipe schema --train"
    validator = jsonschema.Draft202012Validator(shipped)
    assert list(validator.iter_errors(plain_yaml(path))) == []
    assert list(validator.iter_errors(plain_yaml(path) | {"optimm": {}}))


def test_a_misspelt_key_is_told_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    text = MINIMAL + "optim:\n  learning_rat: 0.1\n"
    assert problem(tmp_path, text).endswith(
        "run.yaml:6:3: optim: unknown key `learning_rat` (did you mean `learning_rate`?)"
    )


def test_every_problem_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    said = problem(tmp_path, MINIMAL + "tune: {method: lorra}\noptim: {epochs: -1}\nkeep: {checkpoints: none}\n")
    assert [line.split(":")[1] for line in said.splitlines()] == ["5", "6", "7"]
    assert "did you mean `lora`?" in said


def checked(*words: str | Path) -> list[str]:
    """The faults that `factory recipe check` finds."""
    with pytest.raises(RecipeError) as caught:
        app(["recipe", "check", *map(str, words)], standalone_mode=False)
    return [str(line).rpartition("run.yaml")[2] for line in caught.value.args]


@pytest.mark.parametrize("gone", ["", "trainr: sft\n"], ids=["left out", "misspelt"])
def test_a_training_run_without_its_trainer_is_told_from_a_recipe_of_a_data_set(tmp_path: Path, gone: str) -> None:
    path = write(tmp_path, MINIMAL.replace("trainer: sft\n", gone) + "optim: {epochs: -1}\n")
    missing, *others = checked(path)
    assert missing == (
        ": `trainer` is missing: its keys are those of a training run, which names one of grpo, retriever, sft"
    )
    assert [line for line in others if "`optim.epochs`" in line and "greater than 0" in line]
    assert len(others) == 1 + bool(gone) and (not gone or "did you mean `trainer`?" in others[0])


def test_a_file_of_both_kinds_keys_is_what_most_of_them_say(tmp_path: Path) -> None:
    recipe = ("name", "description", "generator", "source", "verify")
    assert not is_run(write(tmp_path, "name: a\ndescription: b\n"), recipe)
    assert not is_run(write(tmp_path, "generator: a\nmodel: b\n"), recipe)
    assert is_run(write(tmp_path, "generator: a\nmodel: b\ntune: c\n"), recipe)
    assert is_run(write(tmp_path, "generator: a\nsource: b\ntrainer: sft\n"), recipe)


def test_an_unknown_trainer_hides_no_other_fault(tmp_path: Path) -> None:
    """A name near to one is taken for it; any other run is read as the one that knows most of its keys."""
    near = checked(write(tmp_path, MINIMAL.replace("sft", "sftt") + "rewards: {}\n"))
    assert "did you mean `sft`?" in near[0] and near[1].endswith(
        "unknown key `rewards` (known: data, description, keep, model, name, optim, seed, trainer, tune)"
    )
    far = checked(write(tmp_path, MINIMAL.replace("sft", "ppo") + "rewards: {}\nsample: {generations: 1}\n"))
    assert [line.split(": ")[1] for line in far] == ["`trainer`", "`rewards`", "`sample.generations`"]


def test_a_training_run_given_as_a_recipe_of_a_data_set_is_told_its_command(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"run.yaml:2:1: `trainer` tells a training run, .* `factory train` takes it"):
        app(["plan", str(write(tmp_path, MINIMAL))], standalone_mode=False)


GRPO = MINIMAL.replace("sft", "grpo") + "rewards: {weights: {format: 1}}\noptim: {batch_size: 3, accumulate: 2}\n"


def test_answers_that_no_step_holds_whole_are_told_before_training(tmp_path: Path) -> None:
    path = write(tmp_path, GRPO + "sample:\n  generations: 8\n")
    (told,) = checked(path)
    assert told == (
        ":8:3: `sample.generations`: 8 answers a question, and a step sees 6 (`optim.batch_size` 3 x "
        "`optim.accumulate` 2 x 1 process): expected a multiple of 8; 4 processes would have one"
    )
    assert "a step sees 18" in checked("--processes", "3", path)[0]
    for processes in (4, 8):
        app(["recipe", "check", "--processes", str(processes), str(path)], standalone_mode=False)


def test_another_trainer_is_told_by_the_nearest_name(tmp_path: Path) -> None:
    assert "unknown trainer 'sftt' (did you mean `sft`?)" in problem(tmp_path, MINIMAL.replace("sft", "sftt"))
    assert "`trainer` is missing" in problem(tmp_path, MINIMAL.replace("trainer: sft\n", ""))


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("model.path=null", "expected `path`, a model's folder, or `hub` with `revision`"),
        ("model.revision=" + "a" * 40, "`hub` and `revision` go together"),
        ("tune.parts=[]", "nothing learns"),
        ("tune={method: full, lora: {rank: 8}}", "`method: full` makes no adapters"),
        ("tune={method: qlora, parts: [vision], lora: {whole: [language]}}", "weights in 4 bits do not learn"),
        ("tune={lora: {whole: [language]}}", "name it once"),
        ("data.releases=[]", "at least 1 item"),
        ("optim.learning_rate=.nan", "finite number"),
        ("description=${HOME}", "variables stand in paths only"),
        ("model.path=${NOT_SET_ANYWHERE}", "the environment variable NOT_SET_ANYWHERE is not set"),
        ("model.path=${HF_TOKEN}", "looks like a secret"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_remedy(tmp_path: Path, override: str, told: str) -> None:
    assert told in problem(tmp_path, MINIMAL, override)


def test_a_model_of_the_hub_is_pinned_to_a_commit(tmp_path: Path) -> None:
    text = MINIMAL.replace("path: model", "hub: org/name, revision: main")
    assert "`model.revision`" in problem(tmp_path, text)
    pinned = text.replace("main", "'" + "0123456789" * 4 + "'")
    assert load_run(write(tmp_path, pinned)).run.model.hub == "org/name"


def test_profiles_and_overrides_are_laid_over(tmp_path: Path) -> None:
    text = MINIMAL + "profiles:\n  small: {optim: {steps: 3}}\n"
    run = load_run(write(tmp_path, text), profile="small", overrides=("optim.batch_size=4",)).run
    assert (run.optim.steps, run.optim.batch_size) == (3, 4)


def test_many_files_of_both_kinds_are_checked_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = write(tmp_path, MINIMAL + "optimm: {}\n")
    recipe = REPOSITORY / "recipes" / "mp16_reason.yaml"
    with pytest.raises(RecipeError, match="did you mean `optim`"):
        app(["recipe", "check", str(recipe), str(wrong), *map(str, SHIPPED)], standalone_mode=False)
    told = capsys.readouterr().err
    assert f"{recipe}: valid (profile demo, the default" in told
    assert all(f"{path}: valid" in told for path in SHIPPED)


def test_every_trainer_of_the_settings_has_its_function() -> None:
    from train.trainers import Trainer  # noqa: F401

    assert set(RUNS) >= {"sft"}
