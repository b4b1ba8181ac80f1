"""The released row of MG-Geo's Dialog part (GaGA): three geo-questions with reasoning, and one for the coordinates."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from schemas.rows.schema import ANSWERS, CHECK, RowSchema

GEO_QUESTION: Final = pa.struct([pa.field(name, pa.string()) for name in ("question", "reasoning", "answer")])
LOC_QUESTION: Final = pa.struct(
    [
        pa.field("question", pa.string()),
        pa.field("answer", pa.string()),
        pa.field("lat", pa.float64()),
        pa.field("lon", pa.float64()),
    ]
)

SUMMARY: Final = "dialogs in which a player deduces from a photo, question by question, where it was taken"

ABOUT: Final = """\
Rows whose `saw_truth` is `place` are introspected: the teacher's first coordinates were too far off
(`distance_before_km`), it was shown the true ones, and wrote its answers anew. They read well and prove nothing of what
a model can see; leave them out where a dialog must be somebody's own deduction. `lat`, `lon` of the row may be those of
the landmark and not of the camera: `uncertainty_km` says how far that may be off. `loc_question` has the coordinates of
the dialog, which are the teacher's and differ from them."""

MADE: Final = """\
One model played both roles, questioner and player, as GaGA's CoT Deduction has it. Where its coordinates lay farther
from the truth than the recipe's `within_km`, it was told the place in the same conversation and answered the same
questions again (CoT Introspection). A row was kept only if its last answer's coordinates lie within that distance."""

ROW: Final = RowSchema.of(
    "mg_geo_dialog",
    3,
    {
        "question_id": (pa.string(), "of the dialog: family and id"),
        "source_dataset": (pa.string(), "where the photo comes from"),
        "image_path": (pa.string(), "of the photo in that data set"),
        "geo_questions": (pa.list_(GEO_QUESTION), "three rounds: question, the player's reasoning, answer"),
        "loc_question": (LOC_QUESTION, "the last round: question, answer, its coordinates in WGS84 degrees"),
        "distance_before_km": (pa.float64(), "truth to the first coordinates that the teacher gave, on the sphere"),
        "distance_after_km": (pa.float64(), "truth to the coordinates of `loc_question`"),
        "country": (pa.string(), "of the truth, in English"),
        "country_code": (pa.string(), "ISO 3166-1 alpha-2"),
        "region": (pa.string(), "of the truth, in English"),
        "city": (pa.string(), "of the truth, in English"),
        "lat": (pa.float64(), "the truth, WGS84 degrees: of landmarks the landmark's place, not the camera's"),
        "lon": (pa.float64(), "likewise"),
        "uncertainty_km": (pa.float64(), "how far off the truth may be from where the camera stood"),
        "landmark_id": (pa.string(), "of the landmark, where the source has one"),
        "landmark": (pa.string(), "its name, where the source has one"),
        "teacher": (pa.string(), "who talked with itself"),
        "model": (pa.string(), "its model"),
        "answers": ANSWERS,
        "checks": (pa.list_(CHECK), "each check's outcome, score, threshold and reason"),
        "licence": (pa.string(), "the photo's, as its source states it"),
        "author": (pa.string(), "likewise"),
        "source_url": (pa.string(), "likewise"),
        "image_sha256": (pa.string(), "of the source file's bytes"),
        "requests": (
            pa.list_(pa.string()),
            "ledger keys of the calls: deduction and, where it was needed, introspection",
        ),
        "source_row": (pa.int64(), "position in the source's table"),
    },
    nullable=frozenset(
        {"country", "country_code", "region", "city", "landmark_id", "landmark", "licence", "author", "source_url"}
    ),
    truth_in_messages="place",  # the player's own answers name what it found; questions are for `blind_questions`
    summary=SUMMARY,
    about=ABOUT,
    made=MADE,
    part="dialog",
)
