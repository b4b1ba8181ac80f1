"""The released row of MG-Geo's Clue part (GaGA): a photo, the clues that it shows, and where each comes from."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from schemas.rows.schema import ANSWERS, CHECK, RowSchema

CLUE: Final = pa.struct(
    [pa.field(name, pa.string()) for name in ("id", "kind", "seen", "text", "clue", "source", "licence")]
)

SUMMARY: Final = "photos with the geographic clues that they show, each traced to a clue of a repository and its source"

ABOUT: Final = """\
The last turn of `messages` is JSON as GaGA's Clue part asks for it: the place, and the clues in words. The place is the
photo's own; no teacher stated it."""

MADE: Final = """\
A teacher was shown each photo with the clues that the repository has about the photo's country, so it knew the
country (`saw_truth`): it chose those that the picture shows and put them into its own words. A row was kept only if
its clues are of the repository and of the photo's country; where the words say more than the clue, people were
asked."""

ROW: Final = RowSchema.of(
    "mg_geo_clue",
    3,
    {
        "description": (pa.string(), "what the photo shows, in the teacher's words"),
        "country": (pa.string(), "where the photo was taken, in English"),
        "country_code": (pa.string(), "ISO 3166-1 alpha-2"),
        "region": (pa.string(), "in English"),
        "city": (pa.string(), "in English"),
        "lat": (pa.float64(), "WGS84 degrees"),
        "lon": (pa.float64(), "WGS84 degrees"),
        "uncertainty_km": (pa.float64(), "how far off `lat`, `lon` may be"),
        "clues": (
            pa.list_(CLUE),
            "id, kind, what of it is seen, the teacher's words; the repository's clue, its source and licence",
        ),
        "offered": (pa.list_(pa.string()), "ids of the clues that the teacher chose from"),
        "teacher": (pa.string(), "who chose"),
        "model": (pa.string(), "its model"),
        "answers": ANSWERS,
        "checks": (pa.list_(CHECK), "each check's outcome, score, threshold and reason"),
        "licence": (pa.string(), "the photo's, as its source states it"),
        "author": (pa.string(), "likewise"),
        "source_url": (pa.string(), "likewise"),
        "captured_at": (pa.string(), "likewise"),
        "image_sha256": (pa.string(), "of the source file's bytes"),
        "requests": (pa.list_(pa.string()), "ledger keys of the teacher's calls"),
        "source_row": (pa.int64(), "position in the source's table"),
    },
    nullable=frozenset({"region", "city", "licence", "author", "source_url", "captured_at"}),
    summary=SUMMARY,
    about=ABOUT,
    made=MADE,
    part="clue",
)
