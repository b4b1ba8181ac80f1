"""Whatever a plug-in gives that its contract does not allow is named before it is stored or counts for anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from factory.errors import EnvironmentFault, PluginFault
from factory.plugins import promises, registry
from factory.plugins.contracts import Ask, Backends, Decider, Generator, Needs, Said, Witness
from factory.plugins.registry import register
from schemas import CheckResult, Evidence, Finding, GeoAnswer, Seen, Verdict
from schemas.rows.mp16_reason import ROW


async def answer(seen: Seen, ask: Ask) -> Said:
    return Said()


async def look(*_: object) -> None:
    return None


def family(**more: Any) -> Generator:
    fields = {"name": "f", "version": "1", "row": ROW, "answer": answer, "record": lambda case: (), **more}
    return Generator(**fields)


MADE = {"what": None}


@pytest.fixture
def kind() -> Iterator[str]:
    @register("generator", "made_for_a_test")
    def made_for_a_test() -> Any:
        made = MADE["what"]
        return made() if callable(made) else made

    yield "made_for_a_test"
    registry._PLUGINS.pop(("generator", "made_for_a_test"))


def boom(error: Exception) -> Callable[[], None]:
    def function() -> None:
        raise error

    return function


@pytest.mark.parametrize(
    ("made", "promised", "said"),
    [
        (boom(KeyError("weights")), Generator, "KeyError: 'weights'"),
        (None, Generator, "returned NoneType, not Generator"),
        (family(answer=None), Generator, "has no `answer`"),
        (family(needs=Needs(calls=(0, 0))), Generator, "asks nobody"),
        (family(needs=Needs(calls=(2, 1))), Generator, "expected the least and the most"),
        (family(record=None), Generator, "by `record` or by `records`"),
        (family(records=lambda frame: frame), Generator, "by `record` or by `records`"),
        (family(row={"city": str}), Generator, "`row` is dict, expected RowSchema"),
        (Witness(name="w", when="during", look=look), Witness, "`when` is 'during'"),  # type: ignore[arg-type]
        (Decider(decide=lambda *_: None, fit=lambda frame: {}), Decider, "`fit` without `features`"),  # type: ignore
        (Backends(()), Backends, "no endpoint"),
    ],
)
def test_a_plug_in_that_cannot_be_opened_is_named_with_what_is_wrong(
    kind: str, made: Any, promised: type, said: str
) -> None:
    MADE["what"] = made
    with pytest.raises(PluginFault, match="generator `made_for_a_test` cannot be opened") as fault:
        promises.opened("generator", kind, promised)
    assert said in str(fault.value) and fault.value.exit_code == 3


def test_what_a_plug_in_says_for_the_user_is_left_as_it_says_it(kind: str) -> None:
    MADE["what"] = boom(EnvironmentFault("no key in the environment"))
    with pytest.raises(EnvironmentFault, match=r"^no key in the environment$"):
        promises.opened("generator", kind, Generator)


def finding(**more: Any) -> Evidence:
    return Evidence(source="w", findings=(Finding(**{"kind": "sign", **more}),))


PASSED: dict[str, Any] = {"check": "near_truth", "outcome": "pass", "reason": "near"}


@pytest.mark.parametrize(
    ("promise", "value", "said"),
    [
        (promises.said, None, "returned NoneType, not Said"),
        (promises.said, Said(place="Paris"), "`place` is str, expected GeoAnswer"),  # type: ignore[arg-type]
        (promises.said, Said(values=[1]), "`values` is list"),  # type: ignore[arg-type]
        (promises.said, Said(values={1: 2}), "str"),  # type: ignore[dict-item]
        (promises.said, Said(values={"x": object()}), "not JSON serializable"),
        (promises.evidence, "a sign", "returned str, not Evidence"),
        (promises.evidence, Evidence(source="w", findings=("sign",)), "a finding is str"),  # type: ignore[arg-type]
        (promises.evidence, finding(score="high"), "`score` is 'high'"),
        (promises.evidence, finding(score=float("nan")), "`score` is nan"),
        (promises.evidence, finding(lat=True), "`lat` is True"),
        (promises.evidence, finding(box=(1.0, 2.0)), "`box` has 2 numbers"),
        (promises.evidence, Evidence(source="w", vectors={"road": ("x",)}), "str"),  # type: ignore[dict-item]
        (promises.evidence, Evidence(source="w", vectors={"road": (float("nan"),)}), "the vector of 'road' holds NaN"),
        (promises.verdict, None, "returned NoneType, not Verdict"),
        (promises.verdict, Verdict(decision="quarantine", reasons=(), checks=()), "'quarantine'"),
        (promises.verdict, Verdict(decision="maybe", reasons=(), checks=()), "'maybe'"),  # type: ignore[arg-type]
        (promises.verdict, Verdict(decision="review", reasons="abc", checks=()), "no texts"),  # type: ignore[arg-type]
        (promises.numbers, None, "returned NoneType"),
        (promises.numbers, {"x": "far"}, "feature 'x' is 'far'"),
        (promises.numbers, {"x": float("inf")}, "finite"),
        (promises.numbers, {"id": 1.0}, "a feature is called 'id'"),
        (promises.rows, {"id": "a"}, "returned dict, expected a sequence of rows"),
        (promises.rows, ["a"], "a row is str"),
    ],
)
def test_what_could_not_be_stored_or_judged_is_refused(
    promise: Callable[[object], object], value: object, said: str
) -> None:
    with pytest.raises(TypeError) as refused:
        promise(value)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"check": "mine"}, "a result of the check 'mine'"),
        ({"outcome": "perhaps"}, "`outcome` is 'perhaps'"),
        ({"score": "high"}, "`score` is 'high'"),
        ({"score": float("nan")}, "`score` is nan"),
        ({"reason": None}, "`reason` is NoneType"),
    ],
)
def test_a_check_speaks_in_the_words_of_checks_and_for_itself_alone(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError) as refused:
        promises.check_result(CheckResult(**PASSED | changed), "near_truth")
    assert said in str(refused.value)


def test_what_is_promised_passes_as_it_is() -> None:
    place = GeoAnswer(localizable=True, country="Chad")
    given = Said(place=place, values={"n": 1, "deep": {"x": [None, 2.5]}})
    assert promises.said(given) is given
    found = finding(score=np.float32(0.5), box=(1, 2.0, 3, 4))
    assert promises.evidence(found) is found
    vectors = Evidence(source="w", vectors={"road": tuple(np.ones(3, np.float32))})
    assert promises.evidence(vectors) is vectors
    assert promises.numbers({"km": np.float64(2), "turns": 3}) == {"km": 2.0, "turns": 3.0}
    assert promises.rows(row for row in ({"id": "a"},)) == ({"id": "a"},)
    assert promises.rows(()) == ()
    assert promises.optional(promises.evidence)(None) is None
