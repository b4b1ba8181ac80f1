"""What a release says of the people who decided: how many, by which rules, and the digest of their decisions.

The digest is of review/decisions.parquet; with the build's fingerprint it says which release this is.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from factory.store.decided import decided_of, told
from factory.store.files import digest_of
from factory.store.layout import Build
from factory.store.reviews import read_reviews, rule_name


def people_facts(build: Build, kept: pl.Series) -> dict[str, Any] | None:
    """For manifest and card, as plain data; None where nobody decided anything.

    `decided` counts samples by decision, `rules` by rule, `changed` released samples by what people changed of them.
    """
    rows = read_reviews(build.paths)
    if rows.is_empty():
        return None
    rules = Counter(map(rule_name, rows["rule"]))
    changed: Counter[str] = Counter()
    for row in rows.filter(pl.col("id").is_in(kept.implode())).iter_rows(named=True):
        changed.update(filter(None, told(decided_of(row))["changed"].split(", ")))
    return {
        "decisions_sha256": digest_of(build.paths.decisions),
        "decided": dict(sorted(Counter(said or "picture alone" for said in rows["decision"]).items())),
        "people": rows["by"].explode().drop_nulls().n_unique(),
        "rules": dict(sorted(rules.items())),
        "changed": dict(sorted(changed.items())),
    }
