"""What plug-ins promise, held where they give it: whatever else they return or raise is a fault that names them.

A value of another kind would be found only when a whole shard is paid and written, or never, and then count in a row's
favour. So each is looked at as it comes; what a look costs is paid a million times, so it is a few `isinstance`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, Final, TypeVar, get_args

import orjson

from factory.errors import FactoryError, PluginFault
from factory.plugins.contracts import Backends, Decider, Generator, Said, Witness
from factory.plugins.registry import Kind, plugin
from schemas import CheckResult, Evidence, Finding, GeoAnswer, Label, Verdict
from schemas.plain_json import not_deep
from schemas.record import Decision, Outcome
from schemas.rows.schema import RowSchema

OpenedT = TypeVar("OpenedT")
GivenT = TypeVar("GivenT")

OUTCOMES: Final = frozenset(get_args(Outcome))
DECISIONS: Final = frozenset(get_args(Decision)) - {"quarantine"}
"""What a decider may say: a sample is quarantined where there is nothing to decide on."""


def opened(kind: Kind, name: str, promised: type[OpenedT], *given: Any, **settings: Any) -> OpenedT:
    """What the registered function of a plug-in returns, called with the recipe's settings.

    Args:
        promised: the type that its contract names.
        given: what functions of this kind get besides their settings.

    Raises UnknownPlugin for a name that nobody registered; what the function itself says in a FactoryError; and
    PluginFault when it raises anything else, or returns something that its contract does not allow.
    """
    function = plugin(kind, name).function
    try:
        made = function(*given, **settings)
        if not isinstance(made, promised):
            raise TypeError(f"returned {type(made).__name__}, not {promised.__name__}")
        if fault := _contradiction(made):
            raise ValueError(fault)
    except FactoryError:
        raise
    except Exception as error:
        raise PluginFault(
            f"{kind} `{name}` cannot be opened: {type(error).__name__}: {error}. This is a fault of the {kind}: mend "
            "it; nothing was asked yet that is not kept"
        ) from error
    return made


def _contradiction(made: object) -> str | None:
    """What in an opened plug-in its contract rules out."""
    if isinstance(made, Generator):
        return _family_contradiction(made)
    if isinstance(made, Witness):
        if made.when not in ("before", "after"):
            return f"`when` is {made.when!r}, expected before or after"
        if (made.settings is None) != (made.backends is None):
            return "a witness that asks a model has both `settings` and `backends`"
    if isinstance(made, Decider) and made.fit is not None and made.features is None:
        return "`fit` without `features`: there is nothing to fit on"
    if isinstance(made, Backends) and not made.endpoints:
        return "it has no endpoint"
    return None


def _family_contradiction(made: Generator) -> str | None:
    least, most = made.needs.calls
    if not 0 <= least <= most:
        return f"`needs.calls` is {made.needs.calls}, expected the least and the most"
    if not isinstance(made.needs.roles, tuple) or (most == 0 and made.needs.roles):
        return f"`needs.roles` is {made.needs.roles!r}, expected a tuple of roles, empty for a family that asks nobody"
    row: object = made.row
    if not isinstance(row, RowSchema):
        return f"`row` is {type(row).__name__}, expected RowSchema"
    if most > 0 and made.answer is None:
        return "`needs.calls` says that it asks, and it has no `answer`"
    if most == 0 and made.answer is not None:
        return "it has an `answer`, and `needs.calls` says that it asks nobody"
    if (made.record is None) == (made.records is None):
        return "it makes its rows by `record` or by `records`, one of them"
    if made.records is not None and most > 0:
        return "`records` is for families that ask nobody"
    if made.combine is not None and made.answer is None:
        return "`combine` without `answer`: there is nothing to combine"
    return None


def optional(promise: Callable[[object], GivenT]) -> Callable[[object], GivenT | None]:
    """The same promise of a plug-in that may also give nothing, which is None."""
    return lambda value: None if value is None else promise(value)


def said(value: object) -> Said:
    """What a family made of the replies. Raises TypeError for anything that answers.parquet cannot hold."""
    found = _of(value, Said)
    if found.place is not None:
        _of(found.place, GeoAnswer, "`place`")
    values: object = found.values
    if not isinstance(values, Mapping):
        raise TypeError(f"`values` is {type(values).__name__}, expected a mapping")
    orjson.dumps(not_deep(found.values))
    return found


def evidence(value: object) -> Evidence:
    """What a witness found. Raises TypeError for anything that answers.parquet cannot hold."""
    found = _of(value, Evidence)
    _of(found.source, str, "`source`")
    for finding in found.findings:
        _of(finding, Finding, "a finding")
        _of(finding.kind, str, "a finding's `kind`")
        _of(finding.text, str, "a finding's `text`")
        for name in ("lat", "lon", "score"):
            _number(getattr(finding, name), f"a finding's `{name}`")
        if finding.box is not None:
            if len(finding.box) != 4:
                raise TypeError(f"a finding's `box` has {len(finding.box)} numbers, expected left, top, right, bottom")
            for edge in finding.box:
                _number(edge, "a finding's `box`", may_lack=False)
    for text, vector in found.vectors.items():
        _of(text, str, "a vector's text")
        if math.isnan(sum(array("f", vector))):  # in C: a vector has a thousand numbers
            raise TypeError(f"the vector of {text!r} holds NaN")
    return found


def check_result(value: object, name: str) -> CheckResult:
    """What a check found. Raises TypeError, also for a result under another check's name: the gates go by names."""
    found = _of(value, CheckResult)
    if found.check != name:
        raise TypeError(f"returned a result of the check {found.check!r}")
    if found.outcome not in OUTCOMES:
        raise TypeError(f"`outcome` is {found.outcome!r}, expected one of {', '.join(sorted(OUTCOMES))}")
    _of(found.reason, str, "`reason`")
    _of(found.detail, str, "`detail`")
    _number(found.score, "`score`")
    _number(found.threshold, "`threshold`")
    return found


def verdict(value: object) -> Verdict:
    """What a decider decided. Raises TypeError for anything else than a verdict it may give."""
    found = _of(value, Verdict)
    if found.decision not in DECISIONS:
        raise TypeError(f"`decision` is {found.decision!r}, expected one of {', '.join(sorted(DECISIONS))}")
    reasons: object = found.reasons
    if not isinstance(reasons, tuple | list) or not all(isinstance(reason, str) for reason in reasons):
        raise TypeError("`reasons` are no texts")
    for check in found.checks:
        check_result(check, _of(check, CheckResult, "a check").check)
    if found.label is not None:
        label: Label = _of(found.label, Label, "`label`")
        _of(label.teacher, str, "the label's `teacher`")
        for name in ("probability", "radius_km"):
            _number(getattr(label, name), f"the label's `{name}`", may_lack=False)
    return found


def numbers(value: object) -> dict[str, float]:
    """Features of a sample. Raises TypeError for anything but names with finite numbers."""
    if not isinstance(value, Mapping):
        raise TypeError(f"returned {type(value).__name__}, expected names with numbers")
    found = {name: _number(number, f"feature {name!r}", may_lack=False) for name, number in value.items()}
    if odd := [name for name in found if not isinstance(name, str) or name == "id"]:
        raise TypeError(f"a feature is called {odd[0]!r}")
    if endless := [name for name, number in found.items() if not math.isfinite(number)]:
        raise TypeError(f"feature {endless[0]!r} is {found[endless[0]]}, expected a finite number")
    return {name: float(number) for name, number in found.items()}


def rows(value: object) -> Sequence[Mapping[str, Any]]:
    """The rows that a family made of one sample. Raises TypeError for anything but mappings in a row."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise TypeError(f"returned {type(value).__name__}, expected a sequence of rows")
    made = tuple(value)
    if odd := [row for row in made if not isinstance(row, Mapping)]:
        raise TypeError(f"a row is {type(odd[0]).__name__}, expected a mapping")
    return made


def _of(value: object, kind: type[GivenT], what: str = "") -> GivenT:
    if isinstance(value, kind):
        return value
    named = f"{what} is" if what else "returned"
    raise TypeError(f"{named} {type(value).__name__}, {'expected' if what else 'not'} {kind.__name__}")


def _number(value: Any, what: str, *, may_lack: bool = True) -> Any:
    """A number as it is; unknown where that is allowed. NaN is neither: it compares as false with every threshold."""
    if value is None and may_lack:
        return value
    if isinstance(value, bool) or not isinstance(value, float | Real) or value != value:
        raise TypeError(f"{what} is {value!r}, expected a number{' or None' if may_lack else ''}")
    return value
