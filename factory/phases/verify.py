"""The verify phase: every stored answer against the truth, each other and the picture; where a decider fits, twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Final

import orjson
import polars as pl

from factory.engines import open_engine
from factory.errors import FactoryError, PluginFault
from factory.phases.lines import verdict_line
from factory.phases.phase import Phase
from factory.phases.run import Run, UnderWay
from factory.plugins.contracts import Model, Task
from factory.shard.memory import give_back
from factory.store.decided import laid_digest
from factory.store.files import digest_of, remove, write_bytes
from factory.store.layout import shards_digest, verdicts_digest
from factory.text import counted
from factory.verify.judge import Judge, judge_of
from factory.verify.shards import VerifyReport, VerifySpec, open_judge, shard_features, verify_shard

WORTH_A_PROCESS: Final = 2_000
"""Samples whose verification takes as long as starting a process: 1.0 s of a core, at 0.4 to 1.1 ms a sample."""
WORTH_A_BAR: Final = 10_000
"""Samples from which verifying takes seconds, so that somebody wants to see how far it is."""


def _verify(run: Run) -> None:
    engine = open_engine(run.engine)
    numbers, planned = run.shards, run.info["counts"]["planned"]
    processes = run.processes(planned, worth=WORTH_A_PROCESS)
    whole = partial(VerifySpec, build=str(run.paths.root), recipe=run.loaded.plain(), root=str(run.loaded.root))
    judge = judge_of(run.recipe, run.loaded.root)
    remove(run.paths.verified)  # written last, of verdicts that are all there
    model: Model | None = None
    if judge.decider is not None and judge.decider.fit is not None:
        specs = [whole(number=number) for number in numbers]
        model = _fitted(judge, list(engine(Task(shard_features, open_judge), specs, workers=processes)))
        write_bytes(orjson.dumps(model, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2), run.paths.model)
    else:
        remove(run.paths.model)
    spec = partial(whole, model=model)
    reports: list[VerifyReport] = []
    shown = run.listener.working("verify", planned, lambda: UnderWay(done=sum(one.samples for one in tuple(reports))))
    with shown if planned >= WORTH_A_BAR else nullcontext():
        reports += engine(Task(verify_shard, open_judge), [spec(number=n) for n in numbers], workers=processes)
    give_back()
    digests = [report.digest for report in sorted(reports, key=lambda report: report.number)]
    noted = {"verdicts": digests, "model": digest_of(run.paths.model)}
    write_bytes(orjson.dumps(noted, option=orjson.OPT_INDENT_2), run.paths.verified)
    decisions: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for report in reports:
        decisions.update(report.decisions)
        reasons.update(report.reasons)
    run.info["counts"] |= {
        "decisions": dict(sorted(decisions.items())),
        "reasons": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    }


def _fitted(judge: Judge, frames: Sequence[pl.DataFrame]) -> Model | None:
    """What the decider fits on the features of every sample that can be judged; None where none can.

    Raises what it says in a FactoryError, PluginFault when it raises anything else.
    """
    known = pl.concat(frames, how="diagonal_relaxed").sort("id")
    if known.is_empty():
        return None
    assert judge.decider is not None and judge.decider.fit is not None
    try:
        model = orjson.loads(orjson.dumps(judge.decider.fit(known)))
        if not isinstance(model, dict):
            raise TypeError(f"returned {type(model).__name__}, not a mapping of JSON values")
        return model
    except FactoryError:
        raise
    except Exception as error:
        raise PluginFault(
            f"decider `{judge.decider_name}` failed in `fit` on {counted(known.height, 'sample')}: "
            f"{type(error).__name__}: {error}. This is a fault of the decider: mend it; stored answers are kept"
        ) from error


def _says(run: Run) -> Iterator[tuple[str, str]]:
    yield "verify", verdict_line(run.info["counts"])


VERIFY = Phase(
    name="verify",
    reads=lambda run: {
        "shards": shards_digest(run.paths, len(run.shards)),
        "rules": run.identity.stages["verify"],
        "people": laid_digest(run.paths),
    },
    makes=lambda run: (run.paths.verified, *(run.paths.shard(number).verdicts for number in run.shards)),
    left=lambda run: {
        "verdicts": verdicts_digest(run.paths, len(run.shards)),
        "model": digest_of(run.paths.model),
        "verified": digest_of(run.paths.verified),
    },
    counts=("decisions", "reasons"),
    go=_verify,
    says=_says,
    state="verified",
)
