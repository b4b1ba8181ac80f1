"""What a release says of its labels' precision: what was asked for, what was counted, what people upheld."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from factory.errors import CorruptBuild
from factory.store.files import read_json
from factory.store.layout import Build
from factory.store.reviews import read_reviews
from factory.store.tables import read_columns

_TOLD: Final = ("kind", "asked", "confidence", "rows", "accepted", "right", "words")


def acceptance(build: Build) -> dict[str, Any] | None:
    """The threshold that the build's decider chose, as plain data, with how many of the accepted samples people looked
    at (`audited`) and how many of these they accept (`upheld`).

    None where it chose none. Raises CorruptBuild for a model that cannot be read.
    """
    if not build.paths.model.is_file():
        return None
    model = read_json(build.paths.model)
    threshold = model.get("threshold") if isinstance(model, Mapping) else None
    if not isinstance(threshold, Mapping):
        return None
    if missing := [name for name in _TOLD if name not in threshold]:
        raise CorruptBuild(f"{build.paths.model}: its threshold lacks {', '.join(missing)}")
    verdicts = [read_columns(shard.verdicts, ["id", "decision"]) for shard in build.paths.shards()]
    accepted = pl.concat(verdicts).filter(pl.col("decision") == "accept") if verdicts else pl.DataFrame({"id": []})
    decided = read_reviews(build.paths).filter(pl.col("decision").is_in(["accept", "reject"]))
    people = decided.filter(pl.col("id").is_in(accepted["id"].cast(pl.String).implode()))
    upheld = people.filter(pl.col("decision") == "accept").height
    return {**{name: threshold[name] for name in _TOLD}, "audited": people.height, "upheld": upheld}
