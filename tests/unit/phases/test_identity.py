"""What a recipe is once its files are looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import EnvironmentFault, RecipeError, SourceError
from factory.phases.identity import identify
from factory.plugins.contracts import Backends
from factory.plugins.registry import _PLUGINS, register
from factory.recipe.fingerprint import STAGES, Fingerprint
from factory.recipe.load import load_recipe
from factory.sources import open_source
from schemas import Case, CheckResult
from schemas.rows.mp16_reason import ROW
from schemas.settings import InputFile, TeacherSettings
from tests.made_onnx import red_finder

RECIPE = """\
name: tiny
generator: mp16_reason
source: {kind: table, path: photos.csv}
teachers: [{name: only, backend: replay, path: answers.jsonl}]
verify: {checks: [near_truth], decide: {reject: [near_truth], review: []}}
"""


def identity(folder: Path, *changes: tuple[str, str]) -> Fingerprint:
    """The identity of the recipe in a folder, with texts of it replaced."""
    folder.mkdir(exist_ok=True)
    text = RECIPE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "tiny.yaml").write_text(text)
    for name, content in (("photos.csv", "id,lat,lon\na,60,25\n"), ("answers.jsonl", '{"id": "a", "response": "x"}\n')):
        if not (folder / name).exists():
            (folder / name).write_text(content)
    loaded = load_recipe(folder / "tiny.yaml")
    return identify(loaded, open_source(loaded.recipe.source, loaded.root))


def changed_stages(one: Fingerprint, other: Fingerprint) -> list[str]:
    return [stage for stage, _ in STAGES if one.stages[stage] != other.stages[stage]]


def test_another_folder_of_the_same_files_is_the_same_build(tmp_path: Path) -> None:
    assert identity(tmp_path / "here").build == identity(tmp_path / "there").build


def test_a_corrected_recording_is_another_build_from_the_answers_on(tmp_path: Path) -> None:
    before = identity(tmp_path)
    (tmp_path / "answers.jsonl").write_text('{"id": "a", "response": "y"}\n')
    assert changed_stages(before, identity(tmp_path)) == ["answers", "verify", "review", "select", "release"]


def test_a_changed_table_is_another_build_from_the_plan_on(tmp_path: Path) -> None:
    before = identity(tmp_path)
    (tmp_path / "photos.csv").write_text("id,lat,lon\na,60,26\n")
    assert changed_stages(before, identity(tmp_path)) == [stage for stage, _ in STAGES]


def test_a_threshold_is_another_build_from_the_verdicts_on(tmp_path: Path) -> None:
    strict = identity(tmp_path, ("[near_truth], decide", "[{near_truth: {radius_km: 3}}], decide"))
    assert changed_stages(identity(tmp_path), strict) == ["verify", "review", "select", "release"]


def test_another_list_of_what_is_withdrawn_is_another_release_wherever_it_lies(tmp_path: Path) -> None:
    def with_list(name: str, lines: str) -> Fingerprint:
        (tmp_path / name).write_text(f"id,reason,since\n{lines}")
        return identity(tmp_path, ("name: tiny", f"name: tiny\nrelease: {{withdrawn: {name}}}"))

    one = with_list("errata.csv", "a,asked,2026-05-01\n")
    assert with_list("moved.csv", "a,asked,2026-05-01\n").build == one.build
    assert changed_stages(one, with_list("errata.csv", "b,asked,2026-05-01\n")) == ["release"]
    with pytest.raises(RecipeError, match=r"tiny\.yaml:2:11: `release\.withdrawn`: no file .*, which the recipe names"):
        identity(tmp_path, ("name: tiny", "name: tiny\nrelease: {withdrawn: nowhere.csv}"))


def test_the_release_before_counts_by_its_manifest(tmp_path: Path) -> None:
    def since(manifest: str) -> Fingerprint:
        (tmp_path / "old").mkdir(exist_ok=True)
        (tmp_path / "old" / "manifest.json").write_text(manifest)
        return identity(tmp_path, ("name: tiny", "name: tiny\nrelease: {before: old}"))

    assert changed_stages(since("{}"), since("{ }")) == ["release"]
    with pytest.raises(RecipeError, match=r"tiny\.yaml:2:11: `release\.before`: no file .*manifest\.json"):
        identity(tmp_path, ("name: tiny", "name: tiny\nrelease: {before: nowhere}"))


def test_words_rows_and_files_are_named_in_it(tmp_path: Path) -> None:
    found = identity(tmp_path).identity
    assert found["inputs.row"] == f"mp16_reason-{ROW.version}"
    assert {"inputs.generator", "inputs.prepare", "inputs.source", "inputs.plan", "inputs.needs"} <= set(found)
    assert {"inputs.teachers.only.0", "inputs.teachers.only.version"} <= set(found)
    other = identity(tmp_path, ("generator: mp16_reason", "generator: {name: mp16_reason, max_clues: 3}")).identity
    assert found["inputs.generator"] != other["inputs.generator"]


def test_a_recording_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text('{"id": "a", "response": "x"}\n')
    place = r"tiny\.yaml:4:42: `teachers\.0\.path`: "
    with pytest.raises(RecipeError, match=place + r"no file .*answer\.jsonl, which .* mean `answers\.jsonl`"):
        identity(tmp_path, ("answers.jsonl", "answer.jsonl"))


def test_a_table_and_a_benchmark_that_are_missing_are_named_with_key_and_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"tiny\.yaml:3:23: `source\.path`: .*no such file"):
        identity(tmp_path, ("photos.csv", "photo.csv"))
    select = "\nselect: [{decontaminate: {benchmarks: [{name: im2gps, table: no.csv}]}}]"
    with pytest.raises(SourceError, match=r"tiny\.yaml:6:\d+: `select\.0\.decontaminate\.benchmarks\.0\.table`: "):
        identity(tmp_path, ("review: []}}", "review: []}}" + select))


def test_a_recording_that_was_moved_is_the_same_build(tmp_path: Path) -> None:
    before = identity(tmp_path)
    (tmp_path / "kept").mkdir()
    (tmp_path / "answers.jsonl").rename(tmp_path / "kept" / "answers.jsonl")
    assert identity(tmp_path, ("path: answers.jsonl", "path: kept/answers.jsonl")).build == before.build


@pytest.mark.parametrize("kind", ["plain", "file"])
def test_a_path_counts_by_its_content_where_it_is_marked_as_a_file_and_else_as_it_is_written(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory.plugins.registry._PLUGINS", dict(_PLUGINS))

    @register("teacher", "plain")
    def plain(settings: TeacherSettings, root: Path, *, path: str) -> Backends:
        return Backends(endpoints=())

    @register("check", "file")
    def file(case: Case, *, path: InputFile) -> CheckResult:
        return CheckResult(check="file", outcome="abstain", reason="nothing_to_look_at")

    (tmp_path / "one.txt").write_text("the same")
    (tmp_path / "two.txt").write_text("the same")
    places = {
        "plain": ("backend: replay, path: answers.jsonl", "backend: plain, path: {}"),
        "file": ("checks: [near_truth]", "checks: [near_truth, file: {{path: {}}}]"),
    }
    old, new = places[kind]
    one, two = (identity(tmp_path, (old, new.format(name))).build for name in ("one.txt", "two.txt"))
    assert (one == two) == (kind == "file")


def test_a_list_beside_the_recipe_counts_without_being_named(tmp_path: Path) -> None:
    before = identity(tmp_path)
    (tmp_path / "withdrawn.csv").write_text("id,reason,since\na,asked,2026-05-01\n")
    beside = identity(tmp_path)
    assert changed_stages(before, beside) == ["release"]
    (tmp_path / "withdrawn.csv").write_text("id,reason,since\nb,asked,2026-05-01\n")
    assert changed_stages(beside, identity(tmp_path)) == ["release"]


def test_detectors_count_by_their_weights_and_are_looked_for_before_anybody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_release(settings: str) -> Fingerprint:
        return identity(tmp_path, ("name: tiny", f"name: tiny\nrelease: {{{settings}}}"))

    assert changed_stages(identity(tmp_path), with_release("faces: blur")) == ["release"]
    (tmp_path / "red.onnx").write_bytes(red_finder())
    one = with_release("plates: red.onnx")
    (tmp_path / "moved.onnx").write_bytes(red_finder())
    assert with_release("plates: moved.onnx").build == one.build
    (tmp_path / "moved.onnx").write_bytes(red_finder(head="corners"))
    assert changed_stages(one, with_release("plates: moved.onnx")) == ["release"]
    (tmp_path / "moved.onnx").write_bytes(b"no weights")
    with pytest.raises(RecipeError, match=r"moved\.onnx: is no ONNX model"):
        with_release("plates: moved.onnx")
    monkeypatch.setattr("release.onnx_model.find_spec", lambda name: None)
    with pytest.raises(EnvironmentFault, match=r"needs onnxruntime: pip install 'geo-reasoning-factory\[privacy\]'"):
        with_release("faces: blur")


def test_coordinates_that_are_released_as_they_are_are_no_part_of_it(tmp_path: Path) -> None:
    assert not any("coordinates" in key for key in identity(tmp_path).identity)
    coarse = identity(tmp_path, ("name: tiny", "name: tiny\nrelease: {coordinates: {km: 5}}"))
    assert changed_stages(identity(tmp_path), coarse) == ["release"]
