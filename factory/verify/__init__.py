"""Verification: what the teachers said, against the truth, each other and the picture.

One module a check; each is a pure function of a `Case` that passes, fails or abstains with a score, its threshold and
a reason. A decider turns the results into a verdict. To add a check, write its module and import it here.
"""

from __future__ import annotations

from factory.verify.blind_questions import blind_questions
from factory.verify.calibrated import calibrated
from factory.verify.clue_faithful import clue_faithful
from factory.verify.clue_known import clue_known
from factory.verify.clue_length import clue_length
from factory.verify.clue_no_leak import clue_no_leak
from factory.verify.decide import rules
from factory.verify.description_length import description_length
from factory.verify.description_no_leak import description_no_leak
from factory.verify.final_coordinates import final_coordinates
from factory.verify.grounded import grounded
from factory.verify.localizable import localizable
from factory.verify.names_given import names_given
from factory.verify.near_truth import near_truth
from factory.verify.no_game_talk import no_game_talk
from factory.verify.no_leak import no_leak
from factory.verify.not_told import not_told
from factory.verify.pictures_near import pictures_near
from factory.verify.regions_boxed import regions_boxed
from factory.verify.right_country import right_country
from factory.verify.round_score import points_fit_distance, round_score
from factory.verify.spans_exist import spans_exist
from factory.verify.spans_support import spans_support
from factory.verify.teachers_agree import teachers_agree

__all__ = [
    "blind_questions",
    "calibrated",
    "clue_faithful",
    "clue_known",
    "clue_length",
    "clue_no_leak",
    "description_length",
    "description_no_leak",
    "final_coordinates",
    "grounded",
    "localizable",
    "names_given",
    "near_truth",
    "no_game_talk",
    "no_leak",
    "not_told",
    "pictures_near",
    "points_fit_distance",
    "regions_boxed",
    "right_country",
    "round_score",
    "rules",
    "spans_exist",
    "spans_support",
    "teachers_agree",
]
