"""What GaGA's paper says a row of the Clue part is, held against released rows. Imports nothing of the factory.

From the paper: a street view, a question from a template that asks for JSON, an answer in JSON that holds the place
(country, region, city, as its Meta part writes them) and the clues in natural language, each matched to a clue of the
country's own list. Eight kinds of clues.

    python -m tests.published.mg_geo_clue RELEASE
"""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

PLACE = ("country", "region", "city")


def faults(row: dict[str, Any]) -> Iterator[str]:
    """Everything in a row that the paper rules out."""
    name = row.get("id")
    turns = row["messages"]
    if [turn["role"] for turn in turns] != ["user", "assistant"]:
        yield f"{name}: is no pair of question and answer"
        return
    asked, told = turns[0]["content"], turns[1]["content"]
    if [part["type"] for part in asked] != ["image", "text"] or [part["type"] for part in told] != ["text"]:
        yield f"{name}: the question is not an image and a text, or the answer not a text"
        return
    question, answer = asked[1]["text"], told[0]["text"]
    if "JSON" not in question:
        yield f"{name}: the question does not ask for JSON"
    try:
        said = json.loads(answer)
    except ValueError:
        yield f"{name}: the answer is no JSON"
        return
    if list(said) != [*PLACE, "clues"]:
        yield f"{name}: the answer has the keys {list(said)}"
        return
    if not said["country"] or any((said[key] or None) != (row[key] or None) for key in PLACE):
        yield f"{name}: the answer's place is not the photo's"
    for key in PLACE:
        if said[key] and len(said[key]) > 4 and said[key].casefold() in question.casefold():
            yield f"{name}: the question tells {said[key]}"
    clues = said["clues"]
    if not clues or not all(isinstance(clue, str) and len(clue.split()) > 3 for clue in clues):
        yield f"{name}: the clues are not sentences"
    if len(clues) != len(row["clues"]):
        yield f"{name}: {len(clues)} clues in the answer, {len(row['clues'])} in the row"
    for clue, traced in zip(clues, row["clues"], strict=False):
        if traced["text"].rstrip(".") not in clue:
            yield f"{name}: the answer's clue is not that of {traced['id']}"
        if not all(traced[key] for key in ("id", "kind", "clue", "source", "licence")):
            yield f"{name}: {traced['id']} cannot be traced"
        if traced["id"] not in row["offered"]:
            yield f"{name}: {traced['id']} is not of the country's list"
    if row["saw_truth"] not in ("country", "place"):
        yield f"{name}: does not say that its writer knew the country"


def parquet_rows(release: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(release.rglob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            assert row["images"] and row["images"][0]["bytes"][:3] == b"\xff\xd8\xff", row["id"]
            yield row


def tar_rows(release: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(release.rglob("*.tar")):
        with tarfile.open(path) as tar:
            names = [member.name for member in tar.getmembers()]
            for member in names:
                if member.endswith(".json"):
                    assert any(name != member and name.split(".")[0] == member.split(".")[0] for name in names), member
                    file = tar.extractfile(member)
                    assert file is not None
                    yield json.load(file)


def main(release: str) -> int:
    found = [fault for rows in (parquet_rows, tar_rows) for row in rows(Path(release)) for fault in faults(row)]
    kinds = {clue["kind"] for row in parquet_rows(Path(release)) for clue in row["clues"]}
    if len(kinds) > 8:
        found.append(f"{len(kinds)} kinds of clues")
    print("\n".join(found) or f"every row is as the paper says, clues of {len(kinds)} kinds")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
