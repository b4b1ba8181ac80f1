"""GaGA's Decision Criterion once more, on what would be released: the last answer's coordinates lie near the truth."""

from __future__ import annotations

from dataclasses import replace

from factory.generators.fields import coordinates
from factory.generators.mg_geo_dialog import WITHIN_KM, messages, told_dialog
from factory.plugins.registry import register
from schemas import Case, CheckResult
from schemas.plain_json import read_json
from schemas.record import UNREADABLE
from schemas.settings import Kilometres


@register("check", "final_coordinates")
def final_coordinates(case: Case, *, within_km: Kilometres = WITHIN_KM) -> CheckResult:
    """The coordinates with which a dialog ends can be read and lie near the truth, after introspection too.

    Read is the JSON in the text of the last released turn, not what the parser kept of the reply.

    Args:
        case: The sample with its dialog.
        within_km: Most kilometres on the sphere, compared with <=; 25 in the paper, for the dialogs it introspects. It
            does not grow by the truth's uncertainty, as the paper's does not.

    Fails as `too_far`. Abstains as `no_answer` where no teacher gave a whole dialog, as `no_truth` where the sample has
    no position, and as `unreadable`, which nobody accepts, where the text holds no coordinates.
    """
    result = CheckResult(check="final_coordinates", outcome="abstain", reason="no_answer", threshold=within_km)
    told = told_dialog(case)
    if told is None:
        failures = [f"{found.answered.teacher} {found.answered.failure or 'no dialog'}" for found in case.voices]
        return replace(result, detail="; ".join(failures))
    if not case.sample.placed:
        return replace(result, reason="no_truth", detail="the sample has no position")
    text = messages(told.last)[-1]["content"][-1]["text"]
    try:
        stated = read_json(text[text.rindex("{") :].encode())
        point = coordinates(stated["latitude"], stated["longitude"])
    except (ValueError, KeyError, TypeError):
        point = None
    if point is None:
        return replace(result, reason=UNREADABLE, detail="the last answer holds no coordinates that can be read")
    distance = told._replace(last=replace(told.last, lat=point[0], lon=point[1])).km(case)
    when = "deduced" if told.found.answered.saw_truth == "none" else "after introspection"
    detail = f"{told.found.answered.teacher} {distance:,.1f} km, {when}"
    if distance <= within_km:
        return replace(result, outcome="pass", reason="near", score=distance, detail=detail)
    return replace(result, outcome="fail", reason="too_far", score=distance, detail=detail)
