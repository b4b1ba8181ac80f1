"""What left the flow where: the funnel from the source's rows to the released splits, and the table of places."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from factory.report.frames import ANSWERED, DECISIONS, PENDING, Frames

MAX_RULES = 12
"""Reasons listed for one phase; the rest are summed."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Samples that one rule took out. `kind` is a decision, `dropped` or `removed`: it chooses the colour."""

    rule: str
    reason: str
    count: int
    kind: str


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of the funnel. `segments` are (kind, count) of what left; they add up to entering - remaining."""

    name: str
    explanation: str
    entering: int
    remaining: int
    segments: tuple[tuple[str, int], ...]
    losses: tuple[Loss, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """Counts by decision of one country or scene class; `key` is what the gallery filters by."""

    key: str
    name: str
    total: int
    counts: tuple[int, ...]
    """In the order of DECISIONS."""


def phases(frames: Frames, dropped: pl.DataFrame) -> tuple[Phase, ...]:
    """Plan, images, answers, checks, people, selection and splits, leaving out what the build has not reached."""
    samples = frames.samples
    planned, lost = samples.height, int(dropped["count"].sum())
    drops = [Loss(rule, reason, count, "dropped") for rule, reason, count in dropped.iter_rows()]
    found = [_phase("plan", "rows of the source that can be planned", planned + lost, drops)]
    for state, name, explanation, waiting in (
        (PENDING, "work", "samples in answered shards", "shard not answered"),
        (ANSWERED, "verify", "samples that are verified", "shard not verified"),
    ):
        if count := samples.filter(pl.col("decision") == state).height:
            found.append(_phase(name, explanation, found[-1].remaining, [Loss(name, waiting, count, state)]))
    if not found[-1].remaining:
        return tuple(found)
    quarantined = _quarantined(samples)
    images = [loss for loss in quarantined if loss.rule.startswith("image")]
    answers = [loss for loss in quarantined if not loss.rule.startswith("image")]
    found.append(_phase("images", "samples whose pictures decode", found[-1].remaining, images))
    if answers or not frames.answers.is_empty():
        found.append(_phase("answers", "samples with a teacher's answer", found[-1].remaining, answers))
    found.append(_checks_phase(samples, found[-1].remaining))
    if samples["person"].is_not_null().any():
        found.append(_people_phase(samples, found[-1].remaining))
    if samples["kept"].is_not_null().any():
        found += _selection(samples, found[-1].remaining)
    return tuple(found)


def places(samples: pl.DataFrame, key: str, name: str) -> tuple[PlaceRow, ...]:
    """Counts of decisions by one column, largest first."""
    if samples.is_empty():
        return ()
    counts = [(pl.col("decision") == decision).sum().alias(decision) for decision in DECISIONS]
    rows = samples.group_by(key).agg(pl.col(name).first().alias("_name"), pl.len().alias("_total"), *counts)
    rows = rows.sort(["_total", key], descending=[True, False])
    return tuple(
        PlaceRow(key=value or "", name=label or "not given", total=total, counts=tuple(rest))
        for value, label, total, *rest in rows.iter_rows()
    )


def _phase(name: str, explanation: str, entering: int, losses: list[Loss]) -> Phase:
    segments: dict[str, int] = {}
    for loss in losses:
        segments[loss.kind] = segments.get(loss.kind, 0) + loss.count
    remaining = entering - sum(segments.values())
    return Phase(name, explanation, entering, remaining, tuple(segments.items()), _longest(losses))


def _longest(losses: list[Loss]) -> tuple[Loss, ...]:
    ordered = sorted(losses, key=lambda loss: (-loss.count, loss.rule, loss.reason, loss.kind))
    if len(ordered) <= MAX_RULES:
        return tuple(ordered)
    rest = ordered[MAX_RULES - 1 :]
    more = Loss(f"{len(rest)} further reasons", "", sum(loss.count for loss in rest), rest[0].kind)
    return (*ordered[: MAX_RULES - 1], more)


def _quarantined(samples: pl.DataFrame) -> list[Loss]:
    first = samples.filter(pl.col("verdict") == "quarantine").select(
        pl.col("reasons").list.first().fill_null("unknown")
    )
    return [_loss(text, count, "quarantine") for text, count in first["reasons"].value_counts().iter_rows()]


def _loss(text: str, count: int, kind: str) -> Loss:
    rule, _, reason = text.partition(":")
    return Loss(rule, reason, count, kind)


def _checks_phase(samples: pl.DataFrame, entering: int) -> Phase:
    """Every reason is listed with the samples it touched; one sample can have several, so they may exceed the loss."""
    undecided = samples.filter(pl.col("verdict").is_in(["review", "reject"]))
    totals = dict(undecided["verdict"].value_counts().iter_rows())
    counted = (
        undecided.select("verdict", "reasons")
        .explode("reasons")
        .filter(pl.col("reasons").is_not_null())
        .group_by("verdict", "reasons")
        .agg(count=pl.len())
    )
    losses = [_loss(reason, count, decision) for decision, reason, count in counted.iter_rows()]
    segments = tuple((kind, totals[kind]) for kind in ("review", "reject") if kind in totals)
    several = sum(loss.count for loss in losses) > undecided.height
    note = "a sample can have several reasons" if several else ""
    remaining = entering - undecided.height
    explanation = "samples that every check accepts"
    return Phase("checks", explanation, entering, remaining, segments, _longest(losses), note)


def _people_phase(samples: pl.DataFrame, entering: int) -> Phase:
    """What people changed. Samples that they accepted come in beside those that the checks accepted."""
    verdict, decision = pl.col("verdict"), pl.col("decision")
    promoted = samples.filter((verdict != "accept") & (decision == "accept")).height
    refused = samples.filter((verdict == "accept") & (decision == "reject")).height
    differ = samples.filter((verdict == "accept") & (decision == "review")).height
    losses = [Loss("people", "rejected", refused, "reject")] if refused else []
    losses += [Loss("people", "differ", differ, "review")] if differ else []
    explanation = f"accepted by the checks, and {promoted:,} more by people" if promoted else "not rejected by people"
    return _phase("people", explanation, entering + promoted, losses)


def _selection(samples: pl.DataFrame, entering: int) -> list[Phase]:
    accepted = samples.select("decision", "kept", "removed_by", "reason", "split").filter(
        pl.col("decision") == "accept"
    )
    removed = accepted.filter(pl.col("kept").not_() | pl.col("kept").is_null())
    rules = removed.group_by(pl.col("removed_by").fill_null("not selected"), pl.col("reason").fill_null("")).len()
    losses = [Loss(rule, reason, count, "removed") for rule, reason, count in rules.iter_rows()]
    selected = _phase("selection", "accepted samples that are kept", entering, losses)
    kept = accepted.filter(pl.col("kept"))
    splits = kept.group_by(pl.col("split").fill_null("no split")).len().sort("len", "split", descending=[True, False])
    parts = tuple(Loss(name, "", count, "split") for name, count in splits.iter_rows())
    return [selected, Phase("splits", "samples in the released splits", selected.remaining, kept.height, (), parts)]
