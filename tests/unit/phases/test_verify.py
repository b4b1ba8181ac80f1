"""Verification as a phase: stored answers in, verdicts out; a fitted model is that of the whole set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from factory.errors import PluginFault
from factory.phases.phase import done, note
from factory.phases.run import Run, Silent
from factory.phases.verify import VERIFY
from factory.plugins import registry
from factory.plugins.contracts import Decider, Model, Task
from factory.plugins.registry import register
from factory.recipe.fingerprint import Fingerprint
from factory.recipe.load import load_recipe
from factory.sources import open_source
from factory.store.cases import AnsweredSample, answers_table, read_cases
from factory.store.layout import BuildPaths
from factory.store.tables import write_table
from schemas import Answered, Case, CheckResult, GeoAnswer, Photo, Verdict, arrow

RECIPE = """\
name: tiny
generator: mp16_reason
source: {kind: table, path: photos.csv}
teachers: [{name: only, backend: replay, path: answers.jsonl}]
verify: {checks: [near_truth], decide: DECIDE}
"""
RULES = "{reject: [near_truth], review: []}"
KAZAN = (55.79, 49.12)


def answered(confidence: float | None) -> AnsweredSample:
    """A right answer of some confidence, or none."""
    photo = Photo(sha256="0" * 64, phash=0, width=8, height=8, bytes=8)
    if confidence is None:
        return AnsweredSample(photos=(photo,), answers=(Answered(teacher="only", model="m", failure="refused"),))
    place = GeoAnswer(localizable=True, confidence=confidence, reasoning="A tram.", lat=KAZAN[0], lon=KAZAN[1])
    return AnsweredSample(photos=(photo,), answers=(Answered(teacher="only", model="m", place=place),))


def a_run(folder: Path, decide: str, shards: Sequence[Sequence[float | None]], engine: str = "local") -> Run:
    """A build whose work is done: its plan and its answers, by the confidence of each."""
    folder.mkdir(exist_ok=True)
    (folder / "tiny.yaml").write_text(RECIPE.replace("DECIDE", decide))
    loaded = load_recipe(folder / "tiny.yaml")
    paths = BuildPaths(folder / "build")
    photo = {"role": "photo", "locator": "a.jpg", "embed": True}
    nothing: dict[str, Any] = {**{field.name: None for field in arrow.PLAN}, "images": [photo], "texts": []}
    truth = {"lat": KAZAN[0], "lon": KAZAN[1], "uncertainty_km": 0.0, "source_row": 0}
    plan = [
        {**nothing, **truth, "shard": shard, "position": position, "id": f"s{shard}-{position}"}
        for shard, found in enumerate(shards)
        for position in range(len(found))
    ]
    for shard, found in enumerate(shards):
        paths.shard(shard).root.mkdir(parents=True)
        ids = [f"s{shard}-{position}" for position in range(len(found))]
        write_table(answers_table(ids, [answered(one) for one in found]), paths.shard(shard).answers)
        paths.shard(shard).report.write_bytes(b"{}")
    write_table(pa.Table.from_pylist(plan, schema=arrow.PLAN), paths.plan)
    identity = Fingerprint("f" * 64, {"verify": decide}, {})
    source = open_source(loaded.recipe.source, loaded.root)
    run = Run.of(loaded, identity, paths, source, engine=engine, workers=1, listener=Silent())
    run.info = {"counts": {"shards": len(shards), "planned": len(plan)}}
    return run


def verdicts(run: Run) -> dict[str, tuple[str, tuple[str, ...]]]:
    cases = [case for shard in run.shards for case in read_cases(run.paths, shard)]
    return {case.sample.id: (case.verdict.decision, case.verdict.reasons) for case in cases if case.verdict}


@pytest.fixture
def above_the_mean() -> Iterator[str]:
    """A decider that accepts what is at least as sure as the mean of all that can be judged."""

    @register("decider", "above_the_mean")
    def above_the_mean(*, least: int = 1, returns: str = "") -> Decider:
        def features(case: Case, _checks: Sequence[CheckResult]) -> Mapping[str, float]:
            place = case.voices[0].answered.place
            assert place is not None and place.confidence is not None
            return {"sure": place.confidence}

        def decide(checks: Sequence[CheckResult], found: Mapping[str, float], model: Model | None) -> Verdict:
            assert model is not None
            fine = found["sure"] >= model["mean"]
            reasons = () if fine else ("mine:unsure",)
            return Verdict(decision="accept" if fine else "reject", reasons=reasons, checks=tuple(checks))

        def fit(frame: Any) -> Model:
            if frame.height < least:
                raise ValueError("too few samples")
            if returns:
                return {"[1]": [1], "set()": {"mean": {1}}}[returns]  # type: ignore[return-value]
            return {"mean": frame["sure"].mean(), "ids": frame["id"].to_list()}

        return Decider(decide=decide, features=features, fit=fit)

    yield "above_the_mean"
    registry._PLUGINS.pop(("decider", "above_the_mean"))


@pytest.fixture
def backwards() -> Iterator[str]:
    """An engine that takes the last spec first."""

    @register("engine", "backwards")
    def backwards(task: Task[Any, Any, Any], specs: Sequence[Any], *, workers: int = 1) -> Iterator[Any]:
        """Runs specs from the last to the first."""
        with task.staff(specs[-1]) as staff:
            for spec in reversed(specs):
                yield task.function(spec, staff)

    yield "backwards"
    registry._PLUGINS.pop(("engine", "backwards"))


def test_stored_answers_become_verdicts_and_counts(tmp_path: Path) -> None:
    run = a_run(tmp_path, RULES, [[0.9, None], [0.2]])
    assert VERIFY.go(run) is None
    assert verdicts(run) == {
        "s0-0": ("accept", ()),
        "s0-1": ("quarantine", ("teachers:refused",)),
        "s1-0": ("accept", ()),
    }
    assert run.info["counts"]["decisions"] == {"accept": 2, "quarantine": 1}
    assert run.info["counts"]["reasons"] == {"teachers:refused": 1}
    assert not run.paths.model.exists()


def test_a_fitted_decider_sees_the_whole_set_that_can_be_judged(tmp_path: Path, above_the_mean: str) -> None:
    run = a_run(tmp_path, f"{{by: {above_the_mean}}}", [[0.9, None], [0.3], [None]])
    VERIFY.go(run)
    assert orjson.loads(run.paths.model.read_bytes()) == {"mean": pytest.approx(0.6), "ids": ["s0-0", "s1-0"]}
    assert [decision for decision, _ in verdicts(run).values()] == ["accept", "quarantine", "reject", "quarantine"]


def test_the_model_does_not_depend_on_the_order_in_which_shards_come_back(
    tmp_path: Path, above_the_mean: str, backwards: str
) -> None:
    shards = [[0.11, 0.72], [0.37], [0.93, 0.58]]
    runs = [
        a_run(tmp_path / engine, f"{{by: {above_the_mean}}}", shards, engine=engine) for engine in ("local", backwards)
    ]
    for run in runs:
        VERIFY.go(run)
    one, other = runs
    assert one.paths.model.read_bytes() == other.paths.model.read_bytes()
    assert verdicts(one) == verdicts(other)
    assert [one.paths.shard(n).verdicts.read_bytes() for n in one.shards] == [
        other.paths.shard(n).verdicts.read_bytes() for n in other.shards
    ]


def test_a_set_in_which_nothing_can_be_judged_fits_nothing_and_is_quarantined(
    tmp_path: Path, above_the_mean: str
) -> None:
    run = a_run(tmp_path, f"{{by: {above_the_mean}}}", [[None], [None, None]])
    VERIFY.go(run)
    assert {decision for decision, _ in verdicts(run).values()} == {"quarantine"}
    assert orjson.loads(run.paths.model.read_bytes()) is None


def test_a_fit_that_raises_is_a_fault_of_the_decider(tmp_path: Path, above_the_mean: str) -> None:
    run = a_run(tmp_path, f"{{by: {above_the_mean}, least: 9}}", [[0.9, 0.1]])
    with pytest.raises(PluginFault, match=r"decider `above_the_mean` failed in `fit` on 2 samples: ValueError"):
        VERIFY.go(run)


@pytest.mark.parametrize("model", ["[1]", "set()"])
def test_a_fitted_model_that_is_no_json_mapping_is_a_fault_of_the_decider(
    tmp_path: Path, above_the_mean: str, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    run = a_run(tmp_path, f"{{by: {above_the_mean}, returns: '{model}'}}", [[0.9]])
    with pytest.raises(PluginFault, match=r"decider `above_the_mean` failed in `fit` on 1 sample: TypeError"):
        VERIFY.go(run)


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run.paths.shard(0).report.write_bytes(b'{"samples": 1}'),
        lambda run: run.paths.shard(0).verdicts.unlink(),
        lambda run: setattr(run, "identity", Fingerprint("f" * 64, {"verify": "other rules"}, {})),
    ],
    ids=["answers", "verdicts", "rules"],
)
def test_it_is_done_until_answers_rules_or_verdicts_change(tmp_path: Path, change: Callable[[Run], object]) -> None:
    run = a_run(tmp_path, RULES, [[0.9]])
    assert not done(VERIFY, run)
    VERIFY.go(run)
    note(VERIFY, run, VERIFY.reads(run))
    assert done(VERIFY, run)
    change(run)
    assert not done(VERIFY, run)
