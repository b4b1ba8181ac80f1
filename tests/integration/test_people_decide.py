"""Annotations, written as files, change a real build's release: by which rule, by whom, and what of it byte by byte."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

import factory
from factory.cli.check import file_faults
from factory.cli.explain import explain_sample
from factory.cli.review_report import write_review_report
from factory.phases.decide import decide_build
from factory.plugins import registry
from factory.plugins.registry import plugin, register
from factory.store.layout import Build
from release.manifest import read_manifest
from schemas import Case, CheckResult
from tests.annotations import box, said, shown, write_annotations
from tests.pages import REPOSITORY
from tests.real_build import factory as run_factory
from tests.real_build import release_digests

RECIPE = REPOSITORY / "recipes" / "mp16_reason.yaml"
THREE = ("review.overlap=3",)
NAMES = ("ann", "ben", "cem")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo")
    return Path(factory.build(RECIPE, out=out / "builds", overrides=THREE, workers=1).directory)


@pytest.fixture
def build(demo: Path, tmp_path: Path) -> Build:
    return factory.open_build(shutil.copytree(demo, tmp_path / "builds" / demo.name))


def again(build: Build, *overrides: str) -> Build:
    result = factory.build(RECIPE, out=build.paths.root.parent, overrides=(*THREE, *overrides), workers=1)
    assert result.calls_now == 0
    return factory.open_build(result.directory)


def disputed(build: Build) -> list[str]:
    """Disputed rows that would be kept."""
    from factory.recipe.load import load_recipe
    from factory.select.reviewable import reviewable_rows

    loaded = load_recipe(build.paths.recipe_lock)
    rows = reviewable_rows(build, loaded.recipe, RECIPE.parent)
    return rows.filter(pl.col("kind") == "dispute")["id"].to_list()


def released(build: Build) -> dict[str, dict[str, Any]]:
    files = sorted((build.paths.release / "parquet").rglob("*.parquet"))
    return {row["id"]: row for file in files for row in pl.read_parquet(file).to_dicts()}


def spoken(build: Build, name: str) -> int:
    """The number of the answer that is released; of a row that is not, the first that has a text."""
    answers = build.answers.row(by_predicate=pl.col("id") == name, named=True)["answers"]
    row = released(build).get(name)
    texts = [at for at, one in enumerate(answers) if one["place"] and one["place"]["reasoning"]]
    return next(at for at in texts if row is None or answers[at]["teacher"] == row["answer"]["teacher"])


def by_all(build: Build, name: str, *verdicts: str, **more: Any) -> list[dict[str, Any]]:
    """What three people say of a row: the same, or a verdict each."""
    seen = shown(build, name, spoken(build, name))
    each = verdicts if len(verdicts) == 3 else (verdicts or ("accept",)) * 3
    pairs = enumerate(zip(NAMES, each, strict=True), start=1)
    return [said(name, who, verdict, slot=str(at), **seen, **more) for at, (who, verdict) in pairs]


def pixels(row: Mapping[str, Any]) -> Any:
    return np.asarray(Image.open(io.BytesIO(row["images"][0]["bytes"])).convert("RGB"), dtype=int)


def without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def test_what_people_accept_comes_in_what_they_reject_goes_and_every_other_row_stays(build: Build) -> None:
    before, name = released(build), disputed(build)[0]
    gone = next(iter(before))
    write_annotations(build.paths, [*by_all(build, name), *by_all(build, gone, "reject")])
    build = again(build)
    after = released(build)
    assert name in after and gone not in after
    told = after[name]["people"]
    assert (told["decision"], told["by"], told["rule"]) == (
        "accept",
        "reviewer-1, reviewer-2, reviewer-3",
        "majority (3 of 3)",
    )
    assert told["at"].startswith("2026-11-30T10:") and told["changed"] == ""
    for same in before.keys() & after.keys():
        assert without(after[same], "split", "images") == without(before[same], "split", "images")
        assert after[same]["images"][0]["bytes"] == before[same]["images"][0]["bytes"]
        assert after[same]["people"] == dict.fromkeys(told, "")
    assert list(file_faults(build.paths.root)) == []
    assert explain_sample(build, gone).outcome == "rejected by people"


def test_a_name_of_an_annotator_leaves_the_folder_nowhere(build: Build) -> None:
    write_annotations(
        build.paths, [one | {"reviewer": f"{one['reviewer']}@example.org"} for one in by_all(build, disputed(build)[0])]
    )
    build = again(build)
    for path in build.paths.root.rglob("*"):
        if path.is_file() and path not in (build.paths.annotations, build.paths.reviewers):
            assert b"@example.org" not in path.read_bytes(), path
    assert build.paths.reviewers.stat().st_mode & 0o777 == 0o600
    assert build.paths.review.stat().st_mode & 0o777 == 0o700


def test_manifest_and_card_name_the_decisions(build: Build) -> None:
    assert "people" not in read_manifest(build.paths.release)
    write_annotations(build.paths, by_all(build, disputed(build)[0]))
    build = again(build)
    from factory.store.files import file_digest

    told = read_manifest(build.paths.release)["people"]
    assert told["decisions_sha256"] == file_digest(build.paths.decisions)
    assert (told["people"], told["decided"], told["rules"]) == (3, {"accept": 1}, {"majority": 1})
    card = (build.paths.release / "README.md").read_text()
    assert (
        f"with the decisions `{told['decisions_sha256'][:16]}`" in card and "3 people decided about 1 samples" in card
    )


def test_the_same_annotations_give_the_same_release(build: Build, tmp_path: Path) -> None:
    write_annotations(
        build.paths, by_all(build, disputed(build)[0], "fix", reasoning="A tram stop with Latin letters.")
    )
    twin = shutil.copytree(build.paths.root, tmp_path / "twin" / build.paths.root.name)
    assert release_digests(again(build).paths.root) == release_digests(again(factory.open_build(twin)).paths.root)


def test_a_rewritten_text_becomes_the_row_s_and_nothing_else_changes(build: Build) -> None:
    name = next(iter(released(build)))
    before = released(build)[name]
    text = "Trams, plane trees and a bilingual sign point to this city."
    write_annotations(build.paths, by_all(build, name, "fix", reasoning=text))
    after = released(again(build))[name]
    assert after["response"] == text
    assert after["people"]["changed"] == "text"
    assert without(after, "response", "messages", "people", "checks", "split") == without(
        before, "response", "messages", "people", "checks", "split"
    )


@pytest.mark.parametrize("text", ["The EXIF data says 51.33972, 12.37313.", "   "])
def test_a_text_that_leaks_or_is_none_is_released_by_nobody(build: Build, text: str) -> None:
    name = next(iter(released(build)))
    write_annotations(build.paths, by_all(build, name, "fix", reasoning=text))
    build = again(build)
    assert name not in released(build)
    verdict = build.verdicts.row(by_predicate=pl.col("id") == name, named=True)
    assert verdict["decision"] in ("review", "reject") and verdict["unreleasable"] is not None
    assert "people's decision cannot count" in explain_sample(build, name).outcome


def test_a_clue_that_people_call_wrong_leaves_the_row(build: Build) -> None:
    name, before = next((name, row) for name, row in released(build).items() if len(row["clues"]) > 1)
    judged = [{"index": 0, "judgement": "not_visible"}]
    write_annotations(build.paths, by_all(build, name, clues=judged))
    after = released(again(build))[name]
    assert after["clues"] == before["clues"][1:]
    assert (after["people"]["changed"], after["response"]) == ("clues", before["response"])


def test_reviewers_who_take_out_different_clues_leave_a_row_that_is_the_leads(build: Build) -> None:
    rows = []
    for name in released(build):
        first, second, third = by_all(build, name, "fix", "fix", "accept")
        clues = [{"index": at, "judgement": "wrong"} for at in range(clue_count(build, name))]
        first["clues"], second["clues"] = clues[::2], clues[1::2]
        rows += [first, second, third]
    write_annotations(build.paths, rows)
    build = again(build)
    found = decide_build(build)
    name = min(found.held)
    assert name not in released(build)
    outcome = explain_sample(build, name).outcome
    assert f"people's decision cannot count ({found.held[name]}): as they left it nobody can release it" in outcome
    page = write_review_report(build).read_text()
    assert f'id="{name}"' in page and "that people accept and rewrote cannot be released so" in page
    waiting = factory.build(RECIPE, out=build.paths.root.parent, overrides=(*THREE, "review.wait=true"), workers=1)
    assert waiting.exit_code == 5 and "cannot be released so" in (waiting.waiting or "")
    decide_build(build, lead="lena", said=[f"{name}=as_shown" for name in found.held])
    build = again(build)
    assert {*found.held} <= {*released(build)} and decide_build(build).held == {}


def clue_count(build: Build, name: str) -> int:
    row = build.answers.row(by_predicate=pl.col("id") == name, named=True)
    return len(row["answers"][spoken(build, name)]["place"]["clues"])


def test_a_round_of_a_dialog_that_people_call_wrong_takes_the_row_out_and_says_why(tmp_path: Path) -> None:
    recipe = REPOSITORY / "recipes" / "mg_geo_dialog.yaml"
    one = ("review.overlap=1",)
    build = factory.open_build(factory.build(recipe, out=tmp_path, overrides=one, workers=1).directory)
    name, row = next(iter(released(build).items()))
    answers = build.answers.row(by_predicate=pl.col("id") == name, named=True)["answers"]
    seen = shown(build, name, next(at for at, found in enumerate(answers) if found["failure"] is None))
    write_annotations(build.paths, [said(name, "ann", clues=[{"index": 1, "judgement": "wrong"}], **seen)])
    after = factory.open_build(factory.build(recipe, out=tmp_path, overrides=one, workers=1).directory)
    assert name not in released(after) and row["people"]["changed"] == ""
    decided = pl.read_parquet(after.paths.decisions).row(0, named=True)
    assert (decided["decision"], decided["clues"]) == ("reject", [])
    assert decided["note"] == "a part of it is called wrong, and rows of this family can lose none"
    assert explain_sample(after, name).outcome == "rejected by people"


def test_a_corrected_place_is_the_truth_of_every_check_and_of_the_row(build: Build) -> None:
    name = build.verdicts.filter(pl.col("decision") == "reject")["id"][0]
    write_annotations(build.paths, by_all(build, name, "reject", lat=48.8566, lon=2.3522))
    before = build.verdicts.row(by_predicate=pl.col("id") == name, named=True)
    build = again(build)
    after = build.verdicts.row(by_predicate=pl.col("id") == name, named=True)
    measured = [pair for pair in zip(before["located"], after["located"], strict=True) if pair[0]["distance_km"]]
    assert measured and all(one["distance_km"] != other["distance_km"] for one, other in measured)
    decided = pl.read_parquet(build.paths.decisions).row(0, named=True)
    assert (decided["country_code"], decided["city"]) == ("FR", "Paris")
    assert build.plan.row(by_predicate=pl.col("id") == name, named=True)["lat"] != 48.8566


def test_a_moved_row_is_released_where_people_put_it(build: Build) -> None:
    name, row = next(iter(released(build).items()))
    nudged = round(row["lat"] + 0.01, 6)
    write_annotations(build.paths, by_all(build, name, "fix", lat=nudged, lon=row["lon"]))
    after = released(again(build))[name]
    assert (after["lat"], after["lon"], after["people"]["changed"]) == (nudged, row["lon"], "place")


def test_privacy_boxes_are_blurred_in_the_release_and_only_there(build: Build) -> None:
    name, before = next(iter(released(build).items()))
    private = box(x=0.25, y=0.25, width=0.5, height=0.5)
    write_annotations(build.paths, [said(name, "ann", boxes=[private], **shown(build, name))])
    stored = build.paths.shard(0).images.read_bytes()
    build = again(build)
    after = released(build)[name]
    assert build.paths.shard(0).images.read_bytes() == stored
    assert after["people"]["changed"] == "blurred" and after["people"]["decision"] == ""
    was, now = (pixels(row) for row in (before, after))
    assert was.shape == now.shape
    height, width = was.shape[:2]
    outside = np.ones((height, width), dtype=bool)
    outside[height // 4 - 16 : 3 * height // 4 + 16, width // 4 - 16 : 3 * width // 4 + 16] = False
    assert np.abs(was - now)[outside].mean() < 4
    inner = now[height // 4 + 16 : 3 * height // 4 - 16, width // 4 + 16 : 3 * width // 4 - 16]
    assert np.abs(np.diff(inner, axis=1)).mean() < 3
    assert without(after, "images", "people", "split") == without(before, "images", "people", "split")


def lead_says(build: Build, name: str, *words: str) -> None:
    said_now = [f"{name}={word}" for word in words]
    done = run_factory("review", "decide", build.paths.root, *said_now, "--lead", "dora", cwd=build.paths.root.parent)
    assert done.returncode == 0, done.stderr


def test_a_flag_without_a_box_withholds_a_row_that_the_lead_accepts_until_the_lead_takes_it_back(build: Build) -> None:
    name = next(iter(released(build)))
    seen = shown(build, name, spoken(build, name))
    flagged = said(name, "cem", slot="3", flags=["privacy"], **seen)
    ann, ben = by_all(build, name)[:2]
    corner = box(x=0.0, y=0.0, width=0.05, height=0.05)
    write_annotations(build.paths, [ann | {"boxes": [corner]}, ben, flagged])
    lead_says(build, name, "accept")
    build = again(build)
    assert name not in released(build)
    why = "accepted by the checks, and flagged for privacy by somebody who drew nothing to blur: waits for their lead"
    assert explain_sample(build, name).outcome == why
    lead_says(build, name, "not_private")
    build = again(build)
    assert released(build)[name]["people"]["rule"] == "lead (1 of 1)"
    later = flagged | {"annotation": 999_999, "reviewer": "eve", "updated_at": "2026-11-30T09:00:00.000000Z"}
    write_annotations(build.paths, [*pl.read_parquet(build.paths.annotations).to_dicts(), later])
    assert name not in released(again(build)), "whoever flags it, and the lead has not seen that"


def test_what_is_private_holds_beside_a_row_of_another_program(build: Build) -> None:
    flagged, marked = list(released(build))[:2]
    before = released(build)[marked]
    write_annotations(
        build.paths,
        [
            said(flagged, "ann", flags=["privacy"], **shown(build, flagged)),
            said(marked, "ann", boxes=[box(x=0.25, y=0.25, width=0.5, height=0.5)], **shown(build, marked)),
        ],
    )
    own = [{"id": name, "decision": "accept", "by": ["max"], "at": "2026-12-01"} for name in (flagged, marked)]
    pl.DataFrame(own).write_parquet(build.paths.decisions)
    build = again(build)
    after = released(build)
    assert flagged not in after and after[marked]["people"]["changed"] == "blurred"
    assert np.abs(pixels(before) - pixels(after[marked])).max() > 20
    verdict = build.verdicts.row(by_predicate=pl.col("id") == flagged, named=True)
    assert (verdict["decision"], verdict["unreleasable"]) == ("review", "unmarked")
    lead_says(build, flagged, "not_private")
    build = again(build)
    row = released(build)[flagged]["people"]
    assert (row["decision"], row["rule"]) == ("accept", "")


def test_a_lead_s_accept_keeps_what_reviewers_mended_and_as_shown_does_not(build: Build) -> None:
    name, row = next((name, row) for name, row in released(build).items() if len(row["clues"]) > 1)
    text, nudged = "Trams, plane trees and a bilingual sign point to this city.", round(row["lat"] + 0.01, 6)
    judged = [{"index": 0, "judgement": "wrong"}]
    mended = by_all(build, name, "fix", reasoning=text, clues=judged, lat=nudged, lon=row["lon"])
    write_annotations(build.paths, [*mended[:2], mended[2] | {"verdict": "reject"}])
    lead_says(build, name, "accept")
    build = again(build)
    after = released(build)[name]
    assert (after["response"], after["clues"], after["lat"]) == (text, row["clues"][1:], nudged)
    assert (after["people"]["changed"], after["people"]["rule"]) == ("text, clues, place", "lead (1 of 1)")
    lead_says(build, name, "as_shown")
    after = released(again(build))[name]
    assert without(after, "people", "split") == without(row, "people", "split")


@pytest.mark.parametrize(("stated", "default"), [("CC BY-NC-ND 4.0", "per-row"), (None, "CC-BY-ND-4.0")])
def test_a_picture_that_needs_blurring_and_may_not_be_changed_is_not_released(
    build: Build, stated: str | None, default: str
) -> None:
    name = next(iter(released(build)))
    from tests.build_fixture import change_plan

    licensed = pl.when(pl.col("id") == name).then(pl.lit(stated)).otherwise("licence")
    write_annotations(build.paths, [said(name, "ann", boxes=[box()], **shown(build, name))])
    from factory.cli.explain import explain_sample as explain
    from factory.phases.decide import decide_build
    from factory.recipe.load import load_recipe
    from factory.verify.judge import judge_of
    from factory.verify.shards import VerifySpec, verify_shard

    decide_build(change_plan(build, licence=licensed))
    loaded = load_recipe(build.paths.recipe_lock)
    plain = loaded.plain() | {"release": loaded.plain()["release"] | {"licence": default}}
    spec = VerifySpec(build=str(build.paths.root), number=0, recipe=plain, root=str(RECIPE.parent))
    verify_shard(spec, judge_of(loaded.recipe, RECIPE.parent))
    verdict = factory.open_build(build.paths.root).verdicts.row(by_predicate=pl.col("id") == name, named=True)
    assert (verdict["decision"], verdict["unreleasable"]) == ("review", "no_derivatives")
    found = explain(factory.open_build(build.paths.root), name)
    assert found.verdict == "review" and "privacy:no_derivatives" in found.reasons


@pytest.fixture
def examined() -> Iterator[Counter[str]]:
    """How often the check `counted_for_a_test` has seen each sample."""
    times: Counter[str] = Counter()

    @register("check", "counted_for_a_test")
    def counted_for_a_test(case: Case) -> CheckResult:
        times[case.sample.id] += 1
        return CheckResult(check="counted_for_a_test", outcome="pass", reason="seen")

    yield times
    registry._PLUGINS.pop(("check", "counted_for_a_test"))


def test_only_a_sample_that_people_edited_is_examined_twice(build: Build, examined: Counter[str]) -> None:
    from factory.phases.decide import decide_build
    from factory.recipe.load import load_recipe
    from factory.verify.judge import judge_of
    from factory.verify.shards import VerifySpec, verify_shard

    accepted, edited, blurred = list(released(build))[:3]
    text = "Trams, plane trees and a bilingual sign point to this city."
    marked = [said(blurred, "ann", boxes=[box()], **shown(build, blurred))]
    write_annotations(build.paths, [*by_all(build, accepted), *by_all(build, edited, "fix", reasoning=text), *marked])
    decide_build(build)
    loaded = load_recipe(build.paths.recipe_lock)
    judge = judge_of(loaded.recipe, RECIPE.parent)
    counting = ("counted_for_a_test", plugin("check", "counted_for_a_test").settings())
    judge = replace(judge, checks=(*judge.checks, counting))
    for shard in sorted(set(build.plan["shard"])):
        spec = VerifySpec(build=str(build.paths.root), number=shard, recipe=loaded.plain(), root=str(RECIPE.parent))
        verify_shard(spec, judge)
    assert {name for name, times in examined.items() if times != 1} == {edited}
    assert {accepted, blurred} <= examined.keys() and examined[edited] == 2


def test_where_people_differ_an_accepted_row_leaves_until_the_lead_decides_on_the_command_line(build: Build) -> None:
    name = next(iter(released(build)))
    write_annotations(build.paths, by_all(build, name, "accept", "reject", "not_localizable"))
    build = again(build)
    assert name not in released(build)
    assert explain_sample(build, name).outcome == "accepted by the checks, and people differ: waits for their lead"
    shown_queue = run_factory("review", "decide", build.paths.root, cwd=build.paths.root.parent)
    assert shown_queue.returncode == 0, shown_queue.stderr
    assert f"for the lead: {name}  1 accept, 1 not_localizable, 1 reject" in shown_queue.stderr
    wrong = run_factory(
        "review", "decide", build.paths.root, f"{name}=acept", "--lead", "dora", cwd=build.paths.root.parent
    )
    assert wrong.returncode == 2 and "did you mean" in wrong.stderr and "Traceback" not in wrong.stderr
    nobody = run_factory("review", "decide", build.paths.root, f"{name}=accept", cwd=build.paths.root.parent)
    assert nobody.returncode == 2 and "--lead NAME" in nobody.stderr
    done = run_factory(
        "review", "decide", build.paths.root, f"{name}=accept", "--lead", "dora", cwd=build.paths.root.parent
    )
    assert done.returncode == 0, done.stderr
    row = released(again(build))[name]["people"]
    assert (row["by"], row["rule"]) == ("reviewer-4", "lead (1 of 1)")


def test_a_build_waits_until_the_rule_is_met_and_goes_on_by_itself(tmp_path: Path) -> None:
    waits = ("review.wait=true",)
    first = factory.build(RECIPE, out=tmp_path / "builds", overrides=(*THREE, *waits), workers=1)
    assert (first.exit_code, first.state) == (5, "waiting")
    build = factory.open_build(first.directory)
    names = disputed(build)
    assert first.waiting is not None and f"people: {len(names)} of 13 disputed rows" in first.waiting
    two = [one for name in names for one in by_all(build, name)[:2]]
    write_annotations(build.paths, two[:-2])
    second = factory.build(RECIPE, out=tmp_path / "builds", overrides=(*THREE, *waits), workers=1)
    assert second.exit_code == 5 and second.waiting is not None and "people: 1 of 13" in second.waiting
    write_annotations(build.paths, two)
    third = factory.build(RECIPE, out=tmp_path / "builds", overrides=(*THREE, *waits), workers=1)
    assert (third.exit_code, third.state) == (0, "done")
    assert {*names} <= released(factory.open_build(third.directory)).keys()


def test_decisions_outlive_a_changed_threshold_and_a_new_prompt_asks_again_only_what_it_changed(build: Build) -> None:
    accepted, moved_one = disputed(build)[0], next(iter(released(build)))
    row = released(build)[moved_one]
    boxes = said(moved_one, "ann", boxes=[box()], **shown(build, moved_one))
    write_annotations(build.paths, [*by_all(build, accepted), boxes])
    build = again(build)
    newer = again(build, "verify.checks.near_truth.tier=region")
    assert newer.paths.root != build.paths.root
    told = released(newer)[accepted]["people"]
    assert (told["decision"], told["by"]) == ("accept", "reviewer-1, reviewer-2, reviewer-3")
    taken = pl.read_parquet(newer.paths.decisions)
    assert set(taken["taken_from"].drop_nulls()) == {build.paths.root.name}
    answers = pl.read_parquet(newer.paths.annotations).with_columns(keys=pl.lit(["gone"]), id=pl.lit("other"))
    names = {boxes["images"][0]: moved_one}
    changed = [one | {"id": names.get(one["images"][0], accepted), "taken_from": None} for one in answers.to_dicts()]
    write_annotations(newer.paths, changed)
    last = again(newer, "verify.checks.near_truth.tier=region")
    decided = {one["id"]: one for one in pl.read_parquet(last.paths.decisions).to_dicts()}
    assert row["people"]["decision"] == ""
    assert decided[moved_one]["boxes"] == [box()] and decided[moved_one]["decision"] is None


def test_what_people_say_later_in_an_earlier_build_reaches_the_newer_one(build: Build) -> None:
    later, gone = next(iter(released(build))), list(released(build))[1]
    newer = again(build, "verify.checks.near_truth.tier=region")
    assert {later, gone} <= released(newer).keys()
    rejected = [*by_all(build, later, "reject"), *by_all(build, gone, "reject")]
    write_annotations(build.paths, rejected)
    newer = again(newer, "verify.checks.near_truth.tier=region")
    assert not {later, gone} & released(newer).keys()
    minds = {row["annotation"]: row["updated_at"].replace("T10:", "T11:") for row in rejected if row["id"] == later}
    changed = [
        row | {"verdict": "accept", "updated_at": minds[row["annotation"]]}
        if row["id"] == later
        else row | {"deleted": True}
        for row in rejected
    ]
    write_annotations(build.paths, changed)
    newer = again(newer, "verify.checks.near_truth.tier=region")
    assert {later, gone} <= released(newer).keys()
    assert (released(newer)[later]["people"]["decision"], released(newer)[gone]["people"]["decision"]) == ("accept", "")


def test_a_row_of_another_program_is_final_and_its_author_gets_a_pseudonym(build: Build) -> None:
    name = next(iter(released(build)))
    write_annotations(build.paths, by_all(build, name))
    build = again(build)
    decided = pl.read_parquet(build.paths.decisions)
    own = pl.DataFrame([{"id": name, "decision": "reject", "by": ["max@example.org"], "at": "2026-12-01T09:00:00Z"}])
    pl.concat([decided, own], how="diagonal_relaxed").write_parquet(build.paths.decisions)
    root, build = build.paths.root, again(build, "review.rule=agree", "review.agree=3")
    assert name not in released(build)
    assert build.paths.root == root and build.recipe["review"]["rule"] == "agree", "the lock holds the rule"
    assert list(file_faults(root)) == []
    row = pl.read_parquet(build.paths.decisions).row(0, named=True)
    assert (row["decision"], row["rule"], row["by"]) == ("reject", None, ["reviewer-4"])
    assert sorted(path.name for path in build.paths.review.iterdir()) == [
        "annotations.parquet",
        "decisions.parquet",
        "reviewers.json",
    ]


def test_a_finished_build_decides_nothing_again(build: Build) -> None:
    write_annotations(build.paths, by_all(build, disputed(build)[0]))
    build = again(build)
    before = build.paths.decisions.stat().st_mtime_ns
    again(build)
    assert build.paths.decisions.stat().st_mtime_ns == before
