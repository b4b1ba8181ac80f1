"""The page for leads: how far people agree, how they work, what audits prove, and where they differ, as cards."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from annotation import agreement, choose
from annotation.qualify import Round
from annotation.words import LEAD, REFUSED
from factory.phases.asked import told_of_spent
from factory.phases.decide import rule_of
from factory.phases.held import told_of_held
from factory.phases.weigh import Weighed, told, weigh_build
from factory.recipe.load import load_recipe
from factory.report import DECISION_WORDS, gallery, html, measures
from factory.report.frames import read_frames
from factory.report.words import shorten
from factory.store.decided import decided_of
from factory.store.files import make_folder, write_bytes
from factory.store.held import held
from factory.store.layout import Build
from factory.store.tables import read_table, read_tables
from factory.text import counted
from schemas import arrow

_REFUSED: Final = pl.col("flags").list.contains(REFUSED)
_FIGURES: Final = {
    "annotations": "annotations",
    "accepted": "accepted",
    "rejected": "rejected",
    "disagreed": "for the lead",
    "waiting": "without enough words",
}
MAX_CARDS: Final = 120
FLAGS: Final = ("privacy", "truth_wrong", "leaks_answer")
PROMISE: Final = 0.02
"""The share of wrong rows about which the page says how many audits it takes."""

Row = Mapping[str, Any]


def write_review_report(build: Build, weighed: Weighed | None = None) -> Path:
    """Writes the page and returns its path. Raises CorruptBuild naming a file.

    Args:
        weighed: what people said, where that is known already.
    """
    paths = build.paths
    target = paths.review_report
    found = weigh_build(build) if weighed is None else weighed
    said, decisions = _frame(found.annotations, arrow.ANNOTATIONS), _frame(found.rows, arrow.REVIEWS)
    tasks = _table(paths.tasks, arrow.TASKS)
    names, unheard = found.names, {found.names[who] for who in found.barred}
    said = said.with_columns(reviewer=pl.Series([names[name] for name in said["reviewer"]], dtype=pl.String))
    frames = read_frames(build)
    ids = list(dict.fromkeys([*found.held, *differing(said, decisions)]))
    cards = gallery.cards(build, frames, ids[:MAX_CARDS], {row["id"]: decided_of(row) for row in found.rows})
    by_sample = {name: _sayings(said, name, unheard) for name in ids[:MAX_CARDS]}
    style = (html.ASSETS / "report.css").read_text(encoding="utf-8")
    page = (
        html.environment()
        .get_template("review.jinja")
        .render(
            title=str(build.info.get("recipe")),
            rule=rule_of(load_recipe(paths.recipe_lock).recipe.review),
            style=html.own(style),
            policy=html.policy(""),
            counts=[(word, getattr(found.tally, name)) for name, word in _FIGURES.items()],
            lines=[told(found.tally.plain()), *told_of_held(found.held), *told_of_spent(found.asked, paths.root)],
            agreement=_agreement(said),
            people=_people(said, {names[who]: one for who, one in found.rounds.items()}, unheard),
            confusion=agreement.confusion(agreement.ratings_of(said), _gold(tasks)).to_dicts(),
            audit=audit_lines(build, said, decisions),
            cards=[(card, by_sample[card.id]) for card in cards],
            left_out=max(0, len(ids) - MAX_CARDS),
            words=DECISION_WORDS,
            directions=measures.score_directions(frames.checks),
        )
    )
    with held(paths.root):
        make_folder(paths.review)
        write_bytes(page.encode(), target)
    return target


def _frame(rows: Sequence[Row], schema: pa.Schema) -> pl.DataFrame:
    frame = pl.from_arrow(pa.Table.from_pylist([dict(row) for row in rows], schema=schema))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _table(path: Path, schema: Any) -> pl.DataFrame:
    return read_table(path, schema) if path.exists() else read_tables([], schema)


def differing(said: pl.DataFrame, decisions: pl.DataFrame) -> list[str]:
    """Samples about which people differ, those that wait for the lead first, then by id."""
    rated = agreement.ratings_of(said).drop_nulls("value")
    apart = rated.group_by("unit").agg(n=pl.col("value").n_unique()).filter(pl.col("n") > 1)["unit"]
    tied = set(decisions.filter(pl.col("decision") == "review")["id"])
    return sorted(tied) + sorted({*apart} - tied)


def _sayings(said: pl.DataFrame, name: str, unheard: Container[str]) -> list[dict[str, str]]:
    rows = said.filter((pl.col("id") == name) & ~pl.col("deleted")).sort("updated_at")
    return [_saying(row, unheard) for row in rows.iter_rows(named=True)]


def _saying(row: Row, unheard: Container[str]) -> dict[str, str]:
    what = ["skipped" if row["skipped"] else str(row["verdict"] or "no verdict").replace("_", " ")]
    what += [flag.replace("_", " ") for flag in row["flags"]]
    if row["lat"] is not None:
        what.append(f"at {row['lat']:.4f}, {row['lon']:.4f}")
    elif row["place"]:
        what.append(f"at {shorten(row['place'], 100)}")
    if row["boxes"]:
        what.append(counted(len(row["boxes"]), "mark"))
    words = row["comment"] or (f"rewritten: {row['reasoning']}" if row["reasoning"] else "")
    mark = " (lead)" if row["slot"] == LEAD else " (does not count)" if row["reviewer"] in unheard else ""
    return {"who": f"{row['reviewer']}{mark}", "what": ", ".join(what), "words": shorten(words, 600)}


def _agreement(said: pl.DataFrame) -> list[dict[str, Any]]:
    measured = []
    for name in ("verdict", *FLAGS):
        rated = agreement.ratings_of(said, name)
        measured.append(
            {
                "on": name.replace("_", " "),
                "alike": agreement.percent_agreement(rated),
                "alpha": agreement.krippendorff_alpha(rated),
                "kappa": agreement.fleiss_kappa(rated),
            }
        )
    return measured


def _gold(tasks: pl.DataFrame) -> pl.DataFrame:
    known = tasks.filter((pl.col("kind") == "gold") & pl.col("expected").is_not_null())
    return known.select(unit="id", value="expected").unique("unit", keep="first", maintain_order=True)


def _people(said: pl.DataFrame, rounds: Mapping[str, Round], unheard: Container[str]) -> list[dict[str, Any]]:
    times = {row["rater"]: row for row in agreement.times(said).to_dicts()}
    halves: dict[str, list[Row]] = {}
    for row in agreement.drift(said).to_dicts():
        halves.setdefault(row["rater"], []).append(row)
    tasks = dict(said.filter(~pl.col("deleted") & ~_REFUSED).group_by("reviewer").len().iter_rows())
    return [
        {
            "name": name,
            "tasks": tasks[name],
            "median_s": times.get(name, {}).get("median_s"),
            "p90_s": times.get(name, {}).get("p90_s"),
            "gold": _on_gold(rounds.get(name, Round()), barred=name in unheard),
            "drift": _told(halves, name, "agrees", lambda share: f"{100 * share:.0f} %"),
            "pace": _told(halves, name, "median_s", lambda seconds: f"{seconds:.0f}"),
        }
        for name in sorted(tasks, key=lambda name: int(name.rpartition("-")[2]))
    ]


def _on_gold(found: Round, *, barred: bool) -> str:
    told = f"{found.right:,} of {found.tasks:,}" if found.tasks else "–"
    return f"{told}, no word counts" if barred else told


def _told(halves: Mapping[str, Sequence[Row]], name: str, key: str, told: Callable[[float], str]) -> str:
    """What a measure of somebody is in the first half of their work, and then."""
    values = [row[key] for row in halves.get(name, ())] or [None]
    return " → ".join("–" if value is None else told(value) for value in values)


def audit_lines(build: Build, said: pl.DataFrame, decisions: pl.DataFrame) -> list[str]:
    """What the audit proves so far, and how many more looks the promise takes."""
    audited = said.filter((pl.col("kind") == "audit") & ~pl.col("deleted"))["id"].unique()
    settled = decisions.filter(pl.col("decision").is_in(["accept", "reject"]) & pl.col("id").is_in(audited.implode()))
    accepted = build.verdicts.filter(pl.col("decision") == "accept").select("id")
    settled = settled.join(accepted, on="id", how="semi")
    looked, wrong = settled.height, settled.filter(pl.col("decision") == "reject").height
    lines = [told_audit(wrong, looked, accepted.height)] if looked else ["No accepted row has been audited yet."]
    return [*lines, told_promise(wrong, looked, accepted.height)]


def told_audit(wrong: int, looked: int, population: int) -> str:
    """The interval of the share of wrong rows, in words."""
    exact, wilson = (one(wrong, looked, population=population) for one in (choose.exact, choose.wilson))
    return (
        f"People looked at {looked:,} of {population:,} accepted rows and reject {wrong:,}: "
        f"{100 * wrong / looked:.1f} %. Of all, {100 * exact.low:.1f} to {100 * exact.high:.1f} % are wrong, at 95 % "
        f"(exact, of this many rows); {100 * wilson.low:.1f} to {100 * wilson.high:.1f} % by Wilson's interval."
    )


def told_promise(wrong: int, looked: int, population: int) -> str:
    """The stopping rule, in words."""
    needed = choose.audits_needed(population, below=PROMISE, wrong=wrong)
    if needed is None:
        return f"That fewer than {100 * PROMISE:g} % are wrong cannot be said: {wrong:,} of {population:,} are already."
    more = max(0, needed - looked)
    end = "it can be said" if not more else f"{more:,} more, if none of them is wrong"
    return (
        f"That fewer than {100 * PROMISE:g} % are wrong, at 95 %, takes {needed:,} audits with {wrong:,} wrong: {end}."
    )
