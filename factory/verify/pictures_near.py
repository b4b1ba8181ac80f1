"""Do a sample's pictures show one place? Their own coordinates against the camera's."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from factory.plugins.registry import register
from schemas import Case, CheckResult

Metres = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@register("check", "pictures_near")
def pictures_near(case: Case, *, metres: Metres = 30.0) -> CheckResult:
    """Every picture with a place of its own lies within some metres of where the camera stood.

    Args:
        case: the sample with its pictures.
        metres: farthest middle of a tile. VIGOR's positives are at most 25.8 m away; its semi-positives, which show
            the place near their edge, up to 42.

    Fails as `too_far`; the score is the largest distance in metres, its threshold `metres`. Abstains as `no_place`
    where the sample, or all its pictures, have none.
    """
    from factory.geo import haversine_km

    sample = case.sample
    found = [
        (image.role, haversine_km(sample.lat, sample.lon, image.lat, image.lon) * 1000)
        for image in sample.images
        if image.lat is not None and image.lon is not None
    ]
    if not found or not sample.placed:
        return CheckResult(check="pictures_near", outcome="abstain", reason="no_place", threshold=metres)
    role, away = max(found, key=lambda one: one[1])
    near = away <= metres
    return CheckResult(
        check="pictures_near",
        outcome="pass" if near else "fail",
        reason="near" if near else "too_far",
        score=round(away, 2),
        threshold=metres,
        detail=f"{role} is {away:,.1f} m from the camera",
    )
