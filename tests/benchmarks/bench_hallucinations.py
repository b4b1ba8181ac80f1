"""Do the checks of clues find what people call hallucinations? GeoComp's labels, AUC as it is.

    FACTORY_SHARED=... python tests/benchmarks/bench_hallucinations.py

Three models described the same street panoramas; people marked object (OH), fact (FH) and attribution (AH)
hallucinations. A text is prose, so its sentences stand for clues. Each text is scored by what the other two models say
of the same panorama, and by the text a person wrote. AUC: how often a marked text scores below an unmarked one; 0.5 is
chance.
"""

from __future__ import annotations

import csv
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from factory.verify import grounded
from factory.verify.clues import overlap
from schemas import Answered, Case, Clue, GeoAnswer, ImageRef, LocatedAnswer, Sample

FOLDER = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared")) / "data" / "geocomp"
MODELS = ("GPT4o", "GeoCoT", "GeoReasoners")
LABELS = ("OH", "FH", "AH", "any")
FEWEST = 15
"""Marked texts from which an AUC says anything."""

Score = Callable[[GeoAnswer, GeoAnswer], float | None]


def answer(text: str) -> GeoAnswer:
    sentences = [part.strip() for part in re.split(r"(?<=[.!?])\s+", text)]
    clues = tuple(Clue(text=part) for part in sentences if len(part.split()) >= 3)[:64]
    return GeoAnswer(localizable=True, clues=clues, reasoning=text)


def read(model: str) -> dict[str, tuple[GeoAnswer, dict[str, bool]]]:
    found = {}
    with (FOLDER / f"{model}.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if all(row[label] in ("0", "1") for label in LABELS[:3]) and row["output"]:
                marks = {label: row[label] == "1" for label in LABELS[:3]}
                found[row["panoid"]] = (answer(row["output"]), {**marks, "any": any(marks.values())})
    return found


def people() -> dict[str, GeoAnswer]:
    with (FOLDER / "Ground_Truth.csv").open(encoding="gbk", errors="replace", newline="") as file:
        return {row[1]: answer(row[2]) for row in csv.reader(file) if len(row) > 2 and row[2]}


def confirmed(one: GeoAnswer, other: GeoAnswer) -> float | None:
    """The score of the check `grounded`."""
    voices = tuple(
        LocatedAnswer(answered=Answered(teacher=name, model=name, place=place))
        for name, place in (("one", one), ("other", other))
    )
    return grounded(Case(sample=Sample(id="x", images=(ImageRef(locator="x"),), lat=0, lon=0), answers=voices)).score


def shared_words(one: GeoAnswer, other: GeoAnswer) -> float | None:
    return overlap([clue.text for clue in one.clues], [clue.text for clue in other.clues])


def auc(scores: np.ndarray, marked: np.ndarray) -> float:
    ranks = rankdata(scores)
    low = marked.sum() * (~marked).sum() + marked.sum() * (marked.sum() + 1) / 2 - ranks[marked].sum()
    return float(low / (marked.sum() * (~marked).sum()))


def lines(texts: Mapping[str, Mapping[str, tuple[GeoAnswer, dict[str, bool]]]]) -> Iterator[str]:
    human = people()
    rules: tuple[tuple[str, Score], ...] = (("grounded", confirmed), ("clue overlap", shared_words))
    for name, score in rules:
        for against in ("the other two", "a person"):
            for model in MODELS:
                scores, marks = [], []
                for panorama, (text, marked) in texts[model].items():
                    if against == "a person":
                        others = [human[panorama]] if panorama in human else []
                    else:
                        others = [texts[one][panorama][0] for one in MODELS if one != model and panorama in texts[one]]
                    values = [value for other in others if (value := score(text, other)) is not None]
                    if values:
                        scores.append(float(np.mean(values)))
                        marks.append(marked)
                cells = []
                for label in LABELS:
                    chosen = np.array([mark[label] for mark in marks], dtype=bool)
                    enough = min(chosen.sum(), (~chosen).sum()) >= FEWEST
                    cells.append(
                        f"{auc(np.array(scores), chosen):.3f} ({chosen.sum()})" if enough else f"- ({chosen.sum()})"
                    )
                yield f"| {name} by {against} | {model} | {len(scores)} | {' | '.join(cells)} |"


def main() -> None:
    if not FOLDER.is_dir():
        print(f"{FOLDER} is missing: set FACTORY_SHARED")
        return
    print("| check | model | texts | OH | FH | AH | any |")
    print("|---|---|---|---|---|---|---|")
    for line in lines({model: read(model) for model in MODELS}):
        print(line, flush=True)


if __name__ == "__main__":
    main()
