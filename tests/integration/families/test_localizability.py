"""Localizability end to end: answers of a finished build to rows with P(yes), and builds that are not to be read."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

import factory
import factory.sources.build
from factory.errors import CorruptBuild, RecipeError, SourceError
from factory.phases.run import BuildResult
from factory.sources.build import build as build_source
from factory.store.files import file_digest
from factory.store.info import write_info
from factory.store.layout import open_build
from release.read import open_release
from tests import made_build
from tests.annotations import box, said, shown, write_annotations
from tests.golden_digests import held_to
from tests.published import localizability as published
from tests.real_build import factory as command
from tests.real_build import only_build, release_digests

REPOSITORY = Path(__file__).resolve().parents[3]
RECIPE = REPOSITORY / "recipes" / "localizability.yaml"
DEMO = RECIPE.parent / "demo"
GOLDEN = REPOSITORY / "tests" / "golden" / "localizability.json"


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build of `make demo`."""
    made = factory.build(RECIPE.with_name("mp16_reason.yaml"), out=tmp_path_factory.mktemp("answered"))
    return Path(made.directory)


@pytest.fixture(scope="module")
def demo(answered: Path, tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    return over(answered, tmp_path_factory.mktemp("demo"))


@pytest.fixture
def foreign(answered: Path, tmp_path: Path) -> Path:
    """A copy of the build, to change."""
    return Path(shutil.copytree(answered, tmp_path / "foreign"))


@pytest.fixture
def renamed(answered: Path, tmp_path: Path) -> Path:
    """A copy of the build under its own name, where the same command finds it."""
    return Path(shutil.copytree(answered, tmp_path / "builds" / answered.name))


def over(made: Path, out: Path, *given: str, **more: Any) -> BuildResult:
    return factory.build(RECIPE, out=out, overrides=[f"source.path={made}", *given], **more)


def row_of(table: pl.DataFrame, name: str) -> dict[str, Any]:
    return table.row(by_predicate=pl.col("id") == name, named=True)


def rows_of(built: BuildResult, format_: Any = "parquet") -> list[Mapping[str, Any]]:
    release = open_release(Path(built.directory) / "release", format=format_)
    return [row for split in release.splits for row in release.rows(split)]


def test_rows_are_what_the_reward_model_is_asked_in_both_formats(demo: BuildResult) -> None:
    for format_ in ("parquet", "webdataset"):
        rows = rows_of(demo, format_)
        assert [fault for row in rows for fault in published.row_faults(row)] == []
        assert all(row["images"][0]["bytes"][:2] == b"\xff\xd8" for row in rows)


def test_p_yes_is_what_the_recorded_answers_say(demo: BuildResult) -> None:
    """Computed again from the recordings and the table of scenes alone."""
    said = [
        {one["id"]: one.get("response") for one in map(json.loads, (DEMO / file).read_text().splitlines())}
        for file in ("first.jsonl", "second.jsonl")
    ]
    with (DEMO / "scenes.csv").open(encoding="utf-8") as file:
        scenes = {row["id"]: row for row in csv.DictReader(file)}
    compared = 0
    for row in rows_of(demo):
        truth = scenes[row["id"]]
        answers, place = [one[row["id"]] for one in said], (float(truth["lat"]), float(truth["lon"]))
        expected = published.p_yes(answers, place, 25 + float(truth["coord_uncertainty_km"]))
        if expected is not None:
            assert row["p_yes"] == expected, row["id"]
            compared += 1
    assert compared > 25


def test_photos_without_evidence_are_no_and_disputed_ones_are_in_between(demo: BuildResult) -> None:
    assert demo.counts["dropped_by_reason"] == {"too_few_answers": 1}
    assert demo.counts["calls"] == 0
    rows = {row["id"]: row for row in rows_of(demo)}
    for name in ("s29-snowfield", "s30-white-wall", "s33-fog-field", "s36-leaves", "s49-open-sea"):
        assert (rows[name]["p_yes"], rows[name]["answer"], rows[name]["decided"]) == (0.0, "no", True)
    assert (rows["s05-paris-rivoli"]["p_yes"], rows["s05-paris-rivoli"]["answer"]) == (1.0, "yes")
    assert (rows["s23-kazan-shops"]["p_yes"], rows["s23-kazan-shops"]["decided"]) == (0.5, False)


def test_each_row_says_whose_answers_it_is_made_of(demo: BuildResult, answered: Path) -> None:
    info = open_build(answered).info
    for row in rows_of(demo):
        assert (row["build"], row["build_fingerprint"]) == (answered.name, info["fingerprint"])
        assert (row["teachers"], row["target"], row["calibrated"]) == (2, "shares", None)


def test_the_pictures_are_those_of_the_build(demo: BuildResult, answered: Path) -> None:
    made = open_build(answered)
    places = {name: (shard, at) for name, shard, at in made.plan.select("id", "shard", "position").iter_rows()}
    source = build_source(answered.parent, path=str(answered))
    table = source.table()
    for name, locator in table.select("id", "image").iter_rows():
        part = source.read(locator)
        with part.path.open("rb") as file:  # type: ignore[union-attr]
            file.seek(part.offset)  # type: ignore[union-attr]
            assert file.read(part.size) == made.image(*places[name])  # type: ignore[union-attr]
    for odd in ("0/99/0", "9/0/0", "../0/0", "0/0", "0/0/0/0", ""):
        assert source.stamp(odd) is None
        with pytest.raises(SourceError, match="no such picture"):
            source.read(odd)


def test_both_answers_are_balanced_by_a_hash_and_the_rest_is_counted(answered: Path, tmp_path: Path) -> None:
    chosen = []
    for seed in (1, 1, 2):
        source = build_source(tmp_path, path=str(answered), balance=True, undecided=False, seed=seed)
        table = source.table()
        kept = table.filter(pl.col("problem").is_null())
        said = Counter(json.loads(texts[0]["text"])["answer"] for texts in kept["texts"])
        assert said == {"yes": 5, "no": 5}
        reasons = Counter(table["problem"].drop_nulls())
        assert (reasons["too_few_answers"], reasons["undecided"]) == (1, 7)
        assert reasons["balanced_away"] == table.height - 10 - 8
        chosen.append(set(kept["id"]))
    assert chosen[0] == chosen[1] != chosen[2]


def test_a_build_of_one_answer_cannot_be_balanced(tmp_path: Path) -> None:
    recipe = made_build.record(tmp_path)
    for name in ("a.jsonl", "b.jsonl"):
        said = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        nowhere = [{**one, "response": {**one["response"], "localizable": False}} for one in said]
        (tmp_path / name).write_text("".join(json.dumps(one) + "\n" for one in nowhere))
    rules = "verify.decide={by: rules, reject: [near_truth], review: []}"
    made = factory.build(recipe, out=tmp_path / "out", overrides=[rules])
    with pytest.raises(SourceError, match=r"all 120 photos are answered no.*`balance`"):
        build_source(tmp_path, path=made.directory, balance=True).table()


def test_probabilities_of_a_calibrated_build_are_the_target(tmp_path: Path) -> None:
    """Not shares of two teachers, but what the build found its best place to be worth."""
    made = factory.build(made_build.record(tmp_path), out=tmp_path / "out")
    given = ("source.target=calibrated", "select=[]")
    rows = rows_of(over(Path(made.directory), tmp_path / "rows", *given))
    assert rows and all(row["p_yes"] == row["calibrated"] and row["target"] == "calibrated" for row in rows)
    assert len({row["p_yes"] for row in rows}) > 20
    assert {row["answer"] for row in rows} == {"yes", "no"}


def test_a_build_without_probabilities_has_none_to_give(answered: Path, tmp_path: Path) -> None:
    table = build_source(tmp_path, path=str(answered), target="calibrated").table()
    assert Counter(table["problem"]) == {"no_probability": 48, "too_few_answers": 1}


def test_photos_of_unknown_places_are_named(tmp_path: Path) -> None:
    """A label is a teacher's own place: near it is whoever it came from."""
    made_build.record(tmp_path)
    with (tmp_path / "photos.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows[::3]:
        row["lat"] = row["lon"] = ""
    with (tmp_path / "photos.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    given = ["plan={truth: unknown}"]
    made = factory.build(tmp_path / "recipe.yaml", out=tmp_path / "out", overrides=given)
    table = build_source(tmp_path, path=made.directory, min_teachers=1).table()
    assert Counter(table["problem"].drop_nulls())["place_unknown"] == 40


@pytest.mark.parametrize(
    "name", ["plan.parquet", "verified.json", "shards/00000/verdicts.parquet", "shards/00000/images.tar"]
)
@pytest.mark.parametrize("change", ["other bytes", "gone"])
def test_a_file_that_is_not_the_one_that_was_written_is_refused(
    foreign: Path, tmp_path: Path, name: str, change: str
) -> None:
    path = foreign / name
    path.write_bytes(path.read_bytes()[:-1] + b"\n") if change == "other bytes" else path.unlink()
    with pytest.raises(CorruptBuild, match=name.rsplit("/")[-1]):
        build_source(tmp_path, path=str(foreign)).digest()


def test_answers_and_reports_are_held_to_their_digests(foreign: Path, tmp_path: Path) -> None:
    shard = foreign / "shards" / "00000"
    report = orjson.loads((shard / "report.json").read_bytes())
    (shard / "report.json").write_bytes(orjson.dumps({**report, "calls": 7}))
    with pytest.raises(CorruptBuild, match=r"report\.json differs"):
        build_source(tmp_path, path=str(foreign)).digest()
    (shard / "answers.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorruptBuild, match=r"answers\.parquet: differs"):
        build_source(tmp_path, path=str(foreign)).digest()


def forge(made: Path, name: str, table: pl.DataFrame) -> None:
    """Another table in the place of one of the build, with every digest that speaks of it."""
    table.write_parquet(made / name)
    info = open_build(made).info
    verified = orjson.loads((made / "verified.json").read_bytes())
    if "verdicts" in name:
        verified["verdicts"][0] = file_digest(made / name)
        (made / "verified.json").write_bytes(orjson.dumps(verified))
    files = {file: file_digest(made / file) for file in info["files"]}
    write_info({**info, "files": files}, made / "build.json")


def test_a_forged_table_is_named_and_no_fault_of_the_source(foreign: Path, tmp_path: Path) -> None:
    verdicts = foreign / "shards" / "00000" / "verdicts.parquet"
    whole = pl.read_parquet(verdicts)
    for table in (
        whole.drop("located"),
        whole.with_columns(located=pl.lit("near")),
        whole.with_columns(pl.col("id").reverse()),
        whole.head(3),
    ):
        forge(foreign, "shards/00000/verdicts.parquet", table)
        with pytest.raises(CorruptBuild):
            build_source(tmp_path, path=str(foreign)).table()
    forge(foreign, "shards/00000/verdicts.parquet", whole)
    plan = pl.read_parquet(foreign / "plan.parquet")
    for table in (plan.with_columns(shard=pl.lit(4, pl.Int32)), plan.drop("lat"), plan.clear()):
        forge(foreign, "plan.parquet", table)
        with pytest.raises(CorruptBuild):
            build_source(tmp_path, path=str(foreign)).table()


def test_links_and_pipes_are_refused(foreign: Path, tmp_path: Path) -> None:
    verdicts = foreign / "shards" / "00000" / "verdicts.parquet"
    verdicts.unlink()
    verdicts.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorruptBuild, match="symbolic link"):
        build_source(tmp_path, path=str(foreign)).digest()
    verdicts.unlink()
    os.mkfifo(verdicts)
    with pytest.raises(CorruptBuild, match="pipe"):
        build_source(tmp_path, path=str(foreign)).digest()


def test_a_build_that_is_not_finished_or_of_another_layout_is_refused(foreign: Path, tmp_path: Path) -> None:
    info = open_build(foreign).info
    write_info({**info, "state": "working"}, foreign / "build.json")
    with pytest.raises(SourceError, match=r"is not finished \(working\)"):
        build_source(tmp_path, path=str(foreign)).digest()
    write_info({**info, "layout": 1}, foreign / "build.json")
    with pytest.raises(RecipeError, match="another layout"):
        build_source(tmp_path, path=str(foreign)).digest()
    (foreign / "build.json").write_bytes(orjson.dumps({**info, "fingerprint": "f" * 64}))
    with pytest.raises(CorruptBuild, match="its own digest"):
        build_source(tmp_path, path=str(foreign)).digest()


def decided(foreign: Path, name: str, **more: Any) -> Path:
    """The build, released again with what its lead says of a photo."""
    made = open_build(foreign)
    write_annotations(made.paths, [said(name, "dora", "fix", slot="lead", **more, **shown(made, name))])
    again = factory.build(RECIPE.with_name("mp16_reason.yaml"), out=foreign.parent, workers=1)
    assert (Path(again.directory), again.calls_now) == (foreign, 0)
    return foreign


def test_a_photo_is_where_people_put_it_and_its_target_is_measured_from_there(renamed: Path, tmp_path: Path) -> None:
    name, before = "s05-paris-rivoli", build_source(tmp_path, path=str(renamed))
    was, digest = row_of(before.table(), name), before.digest()
    after = build_source(tmp_path, path=str(decided(renamed, name, lat=59.9139, lon=10.7522)))
    row = row_of(after.table(), name)
    assert was["lat"] == pytest.approx(48.86, abs=0.1) and was["country"] == "FR"
    assert (row["lat"], row["lon"], row["country"], row["city"]) == (59.9139, 10.7522, "NO", "Oslo")
    assert [json.loads(one["texts"][0]["text"])["near"] for one in (was, row)] == [2, 0]
    assert after.digest() != digest
    built = over(renamed, tmp_path / "rows")
    told = next(one for one in rows_of(built) if one["id"] == name)
    assert (told["country_code"], told["answers_near"]) == ("NO", 0)


@pytest.mark.parametrize("said", [{"boxes": [box()]}, {"flags": ["privacy"]}])
def test_a_photo_with_something_private_in_it_is_named_and_left_out(
    renamed: Path, tmp_path: Path, said: dict[str, Any]
) -> None:
    """The stored picture is the whole one: what people had blurred in the release, or withheld from it, stays there."""
    name = "s05-paris-rivoli"
    table = build_source(tmp_path, path=str(decided(renamed, name, **said))).table()
    row = row_of(table, name)
    assert (row["problem"], row["texts"]) == ("private", [])
    assert Counter(table["problem"].drop_nulls()) == {"private": 1, "too_few_answers": 1}


def test_decisions_that_the_release_does_not_know_are_refused(renamed: Path, tmp_path: Path) -> None:
    decisions = open_build(decided(renamed, "s05-paris-rivoli", lat=59.9139, lon=10.7522)).paths.decisions
    pl.read_parquet(decisions).with_columns(lat=pl.lit(10.0)).write_parquet(decisions)
    with pytest.raises(CorruptBuild, match=r"decisions\.parquet: differs from what the release was made with"):
        build_source(tmp_path, path=str(renamed)).digest()
    decisions.unlink()
    with pytest.raises(CorruptBuild, match=r"decisions\.parquet: differs"):
        build_source(tmp_path, path=str(renamed)).digest()


def test_the_table_of_a_build_is_made_once_for_digest_and_plan(
    answered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Any] = []
    judged = factory.sources.build.judged
    monkeypatch.setattr("factory.sources.build.judged", lambda *of, **more: looked.append(of) or judged(*of, **more))
    source = build_source(tmp_path, path=str(answered))
    source.digest()
    held = source.table()
    assert len(looked) == 1
    assert source.table().equals(held) and len(looked) == 2
    source.digest()
    source.stamp("0/0/0")  # pictures are asked for: nothing is held any more
    assert source.table().equals(held) and len(looked) == 4


def test_the_same_build_made_again_elsewhere_is_the_same_source(answered: Path, tmp_path: Path) -> None:
    """Contents count: neither where it lies, nor when and how fast it was made."""
    again = factory.build(RECIPE.with_name("mp16_reason.yaml"), out=tmp_path)
    digests = {build_source(tmp_path, path=str(path)).digest() for path in (answered, again.directory)}
    assert len(digests) == 1


def test_the_command_says_which_command_makes_the_build(tmp_path: Path) -> None:
    told = command("build", RECIPE, "--set", "source.path=builds/none-*", cwd=tmp_path)
    assert told.returncode == 2
    assert "there is no build" in told.stderr and "make demo" in told.stderr
    assert "Traceback" not in told.stderr and not (tmp_path / "builds").exists()


def test_the_page_shows_a_row_of_the_demo(demo: BuildResult) -> None:
    page = (REPOSITORY / "docs" / "families" / "localizability.md").read_text()
    shown = json.loads(page.split("```json\n")[1].split("```")[0])
    row: dict[str, Any] = dict(next(row for row in rows_of(demo) if row["id"] == shown["id"]))
    for turn in row["messages"]:
        turn["content"] = [{name: value for name, value in part.items() if value} for part in turn["content"]]
    assert {name: row[name] for name in shown} == shown


def test_the_demo_is_the_same_bytes_everywhere(demo: BuildResult, answered: Path, tmp_path: Path) -> None:
    """With the locked versions. Renew after a change of meaning: RENEW_GOLDEN=1 pytest, this file."""
    digests = held_to(GOLDEN, demo)
    sharded = over(answered, tmp_path, "plan.shard_size=11", workers=2)
    assert only_build(tmp_path) == Path(sharded.directory)
    files = {name: digest for name, digest in digests.items() if name.endswith((".parquet", ".tar"))}
    assert files.items() <= release_digests(Path(sharded.directory)).items()
