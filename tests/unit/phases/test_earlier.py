from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from factory.calls.ledger import Ledger
from factory.phases.earlier import EarlierBuild, PriorAnswers, earlier_builds, prior_shard, question_identity
from factory.recipe.fingerprint import Fingerprint, fingerprint
from factory.store.layout import BuildPaths
from factory.store.tables import write_table
from schemas import arrow
from schemas.arrow import BUILD_SCHEMA_VERSION

NOW = Fingerprint("f" * 64, {"plan": "new"}, {})


def plan(path: Path, *shards: str) -> Path:
    """A plan whose shards hold samples named by one letter each: `"ab", "c"`."""
    nothing = {field.name: None for field in arrow.PLAN}
    zero = {"lat": 0.0, "lon": 0.0, "uncertainty_km": 0.0, "source_row": 0, "images": [], "texts": []}
    rows = [
        {**nothing, **zero, "shard": number, "position": position, "id": name}
        for number, names in enumerate(shards)
        for position, name in enumerate(names)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(pa.Table.from_pylist(rows, schema=arrow.PLAN), path)
    return path


def empty_ledger(path: Path) -> None:
    """A ledger of today's form without a row, live or sealed by its name."""
    if path.suffix == ".parquet":
        write_table(arrow.LEDGER.empty_table(), path)
    else:
        Ledger(path).close()


def build(root: Path, *shards: str, stage: str = "old", live: tuple[int, ...] = ()) -> EarlierBuild:
    paths = BuildPaths(root)
    plan(paths.plan, *shards)
    for number in range(len(shards)):
        files = paths.shard(number)
        files.root.mkdir(parents=True)
        empty_ledger(files.live_ledger if number in live else files.ledger)
    return EarlierBuild(paths, {"plan": stage}, {}, "")


def named(found: tuple[str, ...], root: Path) -> list[str]:
    return [str(Path(path).relative_to(root)) for path in found]


def test_the_same_plan_needs_the_same_shard_only(tmp_path: Path) -> None:
    old = build(tmp_path / "old", "ab", "c", stage="new")
    priors = PriorAnswers([old], NOW, tmp_path / "never read.parquet")
    assert named(priors.ledgers_for(1), tmp_path) == ["old/shards/00001/ledger.parquet"]


def test_another_plan_needs_the_shards_that_held_its_samples_newest_build_first(tmp_path: Path) -> None:
    new = plan(tmp_path / "plan.parquet", "ax", "bcd", "yz")
    builds = [build(tmp_path / "late", "abcd"), build(tmp_path / "early", "ab", "c", "d", "z", live=(2,))]
    priors = PriorAnswers(builds, NOW, new)
    assert named(priors.ledgers_for(0), tmp_path) == [
        "late/shards/00000/ledger.parquet",
        "early/shards/00000/ledger.parquet",
    ]
    assert named(priors.ledgers_for(1), tmp_path) == [
        "late/shards/00000/ledger.parquet",
        "early/shards/00000/ledger.parquet",
        "early/shards/00001/ledger.parquet",
        "early/shards/00002/ledger.sqlite",
    ]
    assert named(priors.ledgers_for(2), tmp_path) == ["early/shards/00003/ledger.parquet"]


def test_each_plan_is_read_once_for_all_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from factory.phases import earlier

    new = plan(tmp_path / "plan.parquet", *"abcdef")
    read: list[Path] = []
    whole = earlier.read_columns
    monkeypatch.setattr(earlier, "read_columns", lambda path, columns: read.append(path) or whole(path, columns))
    priors = PriorAnswers([build(tmp_path / "old", "abc", "def")], NOW, new)
    assert [len(priors.ledgers_for(number)) for number in range(6)] == [1] * 6
    assert sorted(read) == sorted([new, tmp_path / "old" / "plan.parquet"])


def test_a_damaged_old_plan_rules_no_shard_out_and_a_missing_one_has_none(tmp_path: Path) -> None:
    new = plan(tmp_path / "plan.parquet", "a")
    damaged, planless = build(tmp_path / "damaged", "a", "b"), build(tmp_path / "planless", "a")
    damaged.paths.plan.write_bytes(b"PAR1 no more")
    planless.paths.plan.unlink()
    assert len(PriorAnswers([damaged, planless], NOW, new).ledgers_for(0)) == 2


def test_a_shard_that_is_asked_again_has_two_ledgers(tmp_path: Path) -> None:
    new = plan(tmp_path / "plan.parquet", "a")
    old = build(tmp_path / "old", "a")
    shard = old.paths.shard(0)
    empty_ledger(shard.live_ledger)
    assert len(PriorAnswers([old], NOW, new).ledgers_for(0)) == 2
    shard.report.touch()
    assert named(PriorAnswers([old], NOW, new).ledgers_for(0), shard.root) == ["ledger.parquet"]


def a_build_json(folder: Path, **info: object) -> None:
    folder.mkdir()
    (folder / "build.json").write_bytes(orjson.dumps({"recipe": "a", "state": "done", "identity": {}, **info}))


def test_earlier_builds_are_of_the_same_recipe_newest_first(tmp_path: Path) -> None:
    started = {"a-00000001": "2026-01-01", "a-00000002": "2026-02-01", "a-3-00000003": "2026-03-01"}
    for name, when in started.items():
        a_build_json(tmp_path / name, started_at=when, layout=BUILD_SCHEMA_VERSION)
    found = earlier_builds(tmp_path, "a", tmp_path / "a-00000009")
    assert [build.paths.root.name for build in found] == ["a-00000002", "a-00000001"]


def test_a_build_whose_own_description_is_lost_or_damaged_still_lends_what_was_paid(tmp_path: Path) -> None:
    a_build_json(tmp_path / "a-00000001", layout=BUILD_SCHEMA_VERSION, started_at="2026-01-01")
    a_build_json(tmp_path / "a-00000002", stage_fingerprints=[1], layout=BUILD_SCHEMA_VERSION)
    (tmp_path / "a-00000003").mkdir()
    (tmp_path / "a-00000004").mkdir()
    (tmp_path / "a-00000004" / "build.json").write_text("{")
    found = earlier_builds(tmp_path, "a", tmp_path / "a-00000009")
    assert [(one.paths.root.name[-1], one.same_layout) for one in found] == [
        ("1", True),
        ("2", False),
        ("3", False),
        ("4", False),
    ]
    old = build(tmp_path / "a-00000005", "ab")
    new = plan(tmp_path / "plan.parquet", "ab")
    lost = [one for one in earlier_builds(tmp_path, "a", tmp_path / "none") if one.paths.root == old.paths.root]
    assert named(PriorAnswers(lost, NOW, new).ledgers_for(0), tmp_path) == ["a-00000005/shards/00000/ledger.parquet"]


def test_a_build_of_another_layout_lends_its_ledgers_alone(tmp_path: Path) -> None:
    a_build_json(tmp_path / "a-00000001")
    a_build_json(tmp_path / "a-00000002", layout=BUILD_SCHEMA_VERSION + 1)
    assert [one.same_layout for one in earlier_builds(tmp_path, "a", tmp_path / "a-00000009")] == [False, False]
    old = replace(build(tmp_path / "old", "ab", stage="new"), same_layout=False)
    new = plan(tmp_path / "plan.parquet", "ab")
    assert named(PriorAnswers([old], NOW, new).ledgers_for(0), tmp_path) == ["old/shards/00000/ledger.parquet"]
    for path in (old.paths.shard(0).images, old.paths.shard(0).report):
        path.touch()
    same = replace(old, stages={"images": "same"})
    assert prior_shard([same], Fingerprint("f" * 64, {"images": "same"}, {}), 0) is None


def test_a_ledger_of_another_version_is_not_lent_and_a_damaged_one_is_named_where_it_is_read(tmp_path: Path) -> None:
    old = build(tmp_path / "old", "a", "b")
    older = pa.table({"key": ["k"], "answer": ["Kazan"]})
    write_table(older, old.paths.shard(0).ledger)
    new = plan(tmp_path / "plan.parquet", "a", "b")
    assert PriorAnswers([old], NOW, new).ledgers_for(0) == ()
    assert len(PriorAnswers([old], NOW, new).ledgers_for(1)) == 1


def test_images_are_linked_from_a_finished_shard_with_the_same_samples_and_settings(tmp_path: Path) -> None:
    now = Fingerprint("f" * 64, {"images": "same"}, {})
    builds = [build(tmp_path / name, "ab") for name in ("other", "unfinished", "done")]
    builds = [replace(one, stages={"images": stage}) for one, stage in zip(builds, ("x", "same", "same"), strict=True)]
    for one in builds:
        one.paths.shard(0).images.touch()
    for one in (builds[0], builds[2]):
        one.paths.shard(0).report.touch()
    assert prior_shard(builds, now, 0) == str(builds[2].paths.shard(0).root)
    assert prior_shard(builds, now, 1) is None


def recipe(**changes: object) -> dict[str, object]:
    teacher = {"name": "t", "backend": "openai", "model": "m", "sampling": {"temperature": 0.6}}
    other = {"name": "t2", "backend": "openai", "model": "m2", "sampling": {"temperature": 0.6}}
    return {
        "generator": {"name": "g", "max_clues": 6},
        "teachers": [other, {**teacher, "bad_answer": {"retries": 1}, "max_in_flight": 3}],
        "images": {"max_side": 1024, "quality": 90, "max_scans": 64},
        "verify": {"checks": []},
        **changes,
    }


def question(plain: dict[str, object], **inputs: str) -> dict[str, object] | None:
    given = {"generator": "v1", "prepare": "1", "source": "s", **inputs}
    return question_identity(fingerprint(plain, given).identity, "t")


def with_teacher(**changes: object) -> dict[str, object]:
    return recipe(teachers=[{**recipe()["teachers"][1], **changes}])  # type: ignore[index]


@pytest.mark.parametrize(
    "plain",
    [
        recipe(verify={"checks": [{"near_truth": {"radius_km": 3}}]}),
        recipe(images={"max_side": 1024, "quality": 90, "max_scans": 1}),
        with_teacher(),
        with_teacher(bad_answer={"retries": 7, "repair": True}),
        with_teacher(role="judge"),
        recipe(generator={"name": "g", "max_clues": 6, "answer": "first"}),
        with_teacher(max_in_flight=99, base_urls=["http://x"], prices={"input_per_million": 3}),
    ],
)
def test_what_enters_no_request_leaves_the_question_the_same(plain: dict[str, object]) -> None:
    assert question(plain, source="other") == question(recipe())


@pytest.mark.parametrize(
    "plain",
    [
        recipe(images={"max_side": 512, "quality": 90, "max_scans": 64}),
        recipe(images={"max_side": 1024, "quality": 80, "max_scans": 64}),
        with_teacher(model="m9"),
        with_teacher(sampling={"temperature": 0.7}),
        with_teacher(structured_output=False),
        with_teacher(extra_body={"top_k": 3}),
        with_teacher(name="renamed"),
    ],
)
def test_what_enters_a_request_makes_it_another_question(plain: dict[str, object]) -> None:
    assert question(plain) != question(recipe())


@pytest.mark.parametrize("inputs", [{"generator": "v2"}, {"prepare": "2"}])
def test_another_prompt_or_preparation_makes_it_another_question(inputs: dict[str, str]) -> None:
    assert question(recipe(), **inputs) != question(recipe())
