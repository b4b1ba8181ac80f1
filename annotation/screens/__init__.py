"""What annotators see: one screen a family, from one source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from annotation.screens.family import FamilyScreen, chosen
from annotation.screens.shown import Speaks
from annotation.tasks import Screen
from factory.store.layout import Build
from schemas.settings import ReviewSettings


def shown_by(recipe: Mapping[str, Any]) -> str:
    """`Screen.shows` of a build's screens, by its recipe."""
    review = ReviewSettings.model_validate(recipe.get("review") or {})
    return chosen(review.language, show_truth=review.show_truth)


def open_screen(build: Build, speaks: Speaks | None) -> Screen:
    """The screen for a build's samples, in the words and with the truth that its recipe says.

    Args:
        speaks: which answer about a sample is released (`factory.generators.labelled.speaker`).
    """
    recipe = build.recipe
    review = ReviewSettings.model_validate(recipe.get("review") or {})
    return FamilyScreen(
        family=recipe["generator"]["name"],
        language=review.language,
        photo=bool(build.plan.select((pl.col("images").list.len() > 0).any()).item()),
        several=bool(build.plan.select((pl.col("images").list.len() > 1).any()).item()),
        show_truth=review.show_truth,
        speaks=speaks,
    )
