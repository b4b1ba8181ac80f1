"""The released row of Localizability: a photo, the question whether it can be located, yes or no, and P(yes)."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from schemas.rows.schema import RowSchema

TEXT: Final = pa.string()
COUNT: Final = pa.int64()

ROW: Final = RowSchema.of(
    "localizability",
    2,
    {
        "question": (TEXT, "the same for every row, as a reward model is asked"),
        "answer": (TEXT, "yes or no: the likelier of both, no where they are alike"),
        "p_yes": (pa.float64(), "the target: how probably yes, 0 to 1"),
        "decided": (pa.bool_(), "whether `p_yes` is at least the recipe's `yes_from` or at most its `no_to`"),
        "target": (TEXT, "where `p_yes` comes from: shares (of teachers) or calibrated (the build's own probability)"),
        "teachers": (COUNT, "teachers that judged the photo without knowing its place"),
        "answers": (COUNT, "their answers; more than teachers where these were asked several times"),
        "answers_localizable": (COUNT, "of these answers, those that call the photo localizable"),
        "answers_near": (COUNT, "those that lie within `radius_km` of the truth"),
        "answers_yes": (COUNT, "those that do both"),
        "calibrated": (pa.float64(), "the build's probability that its best place is right, where it has one"),
        "radius_km": (pa.float64(), "how near an answer had to be, beside the truth's own uncertainty"),
        "build": (TEXT, "the build whose answers these are"),
        "build_fingerprint": (TEXT, "its fingerprint"),
        "country_code": (TEXT, "of the truth, ISO 3166-1 alpha-2"),
        "scene": (TEXT, "as the build's source states it"),
        "licence": (TEXT, "the photo's, as its source states it"),
        "author": (TEXT, "likewise"),
        "source_url": (TEXT, "likewise"),
        "captured_at": (TEXT, "likewise"),
    },
    nullable=frozenset({"calibrated", "country_code", "scene", "licence", "author", "source_url", "captured_at"}),
    summary="photos with the question whether they can be located, yes or no, and P(yes)",
    about=(
        "What GLOBE's reward model for localizability learns: it is asked with the photo, and P(yes) / (P(yes) + "
        "P(no)) of its first token is the reward. `p_yes` is the value that this quotient should take; `answer` is its "
        "token."
    ),
    made=(
        "Nobody was asked anew: the answers are those of a finished build, whose teachers were asked where each photo "
        "was taken. An answer counts as yes if it calls the photo localizable and lies near the truth; answers of "
        "teachers that had been shown anything of the place do not count, nor does what could not be read."
    ),
)
