"""A release as five programs of others load it, by what its own card and croissant.json say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Attribution = dict[str, tuple[str | None, str | None, str | None]]
"""Licence, author and address of each photo, by id; None where a row states none."""


def attributed(rows: Any) -> Attribution:
    """What rows say of whose photo each shows."""
    return {row["id"]: tuple(row[name] or None for name in ("licence", "author", "source_url")) for row in rows}  # type: ignore[misc]


def with_datasets(release: Path, cache: Path) -> list[dict[str, Any]]:
    """All splits of the default configuration, each with its pictures decoded."""
    import datasets

    loaded = datasets.load_dataset(str(release), cache_dir=str(cache))
    rows = [row for split in loaded.values() for row in split]
    assert all(picture.size[0] > 0 for row in rows for picture in row["images"])
    return rows


def with_webdataset(release: Path) -> list[dict[str, Any]]:
    """The JSON of each sample of the tars, whose picture is decoded."""
    import webdataset

    tars = [str(path) for path in sorted((release / "webdataset").glob("*.tar"))]
    samples = list(webdataset.WebDataset(tars, shardshuffle=False, empty_check=False).decode("pil"))
    assert all(sample["jpg"].size[0] > 0 for sample in samples)
    return [sample["json"] for sample in samples]


def with_polars(release: Path) -> list[dict[str, Any]]:
    """The Parquet files as one table."""
    import polars as pl

    found = pl.scan_parquet(release / "parquet" / "*.parquet").select("id", "licence", "author", "source_url", "images")
    rows = found.collect().to_dicts()
    assert all(image["bytes"][:2] == b"\xff\xd8" for row in rows for image in row["images"])
    return rows


def with_duckdb(release: Path) -> list[dict[str, Any]]:
    """The same in SQL."""
    import duckdb

    names = ("id", "licence", "author", "source_url")
    told = duckdb.sql(f"select {', '.join(names)}, len(images) from '{release}/parquet/*.parquet'").fetchall()
    assert all(row[-1] == 1 for row in told)
    return [dict(zip(names, row, strict=False)) for row in told]


def with_croissant(release: Path) -> list[dict[str, Any]]:
    """The records of the default configuration, read by what croissant.json says of them."""
    import mlcroissant

    described = mlcroissant.Dataset(jsonld=str(release / "croissant.json"))
    assert not described.metadata.issues.errors
    rows = []
    for record in described.records("default"):
        texts = {name: record[f"default/{name}"] for name in ("id", "licence", "author", "source_url")}
        rows.append({name: text.decode() if isinstance(text, bytes) else None for name, text in texts.items()})
    return rows
