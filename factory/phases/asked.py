"""How far the rows are that people were asked about, and what is lacking until the recipe's rule is met."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from annotation.decide import TIED
from annotation.words import is_refused
from factory.store.brought_back import mends
from factory.store.decided import released_with
from factory.store.layout import Build, BuildPaths
from factory.store.tables import read_arrow
from factory.text import counted
from schemas import arrow

MOST_NAMED: Final = 5
"""Rows named in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Rows that were sent to reviewers, gold left out."""

    sent: int = 0
    decided: int = 0
    tied: int = 0
    """Those that wait for the lead."""
    lacking: int = 0
    """Those that are neither, for want of answers."""
    answers: int = 0
    """How many answers those lack: where reviewers agree, fewer may do."""
    to_send: int = 0
    """Of those, how many were sent to fewer reviewers than the recipe wants."""
    spent: tuple[str, ...] = ()
    """Of those, which have an answer in every project that they were sent to: none comes by itself any more."""
    twice: tuple[str, ...] = ()
    """Who answered one of these in several projects, by pseudonym: a person has one voice."""


def sent_slots(paths: BuildPaths) -> dict[str, set[str]]:
    """The slots of samples that were sent to be decided; none where nothing was sent. Raises CorruptBuild."""
    if not paths.tasks.exists():
        return {}
    columns, remedy = ("id", "slot", "kind"), mends(paths, paths.tasks)
    found: dict[str, set[str]] = {}
    for row in read_arrow(paths.tasks, arrow.TASKS, columns=columns, remedy=remedy).to_pylist():
        if row["kind"] != "gold":
            found.setdefault(row["id"], set()).add(row["slot"])
    return found


def how_far(
    sent: Mapping[str, set[str]],
    decided: Mapping[str, Mapping[str, Any]],
    looked: Mapping[str, int],
    overlap: int,
    *,
    annotations: Iterable[Mapping[str, Any]] = (),
    names: Mapping[str, str] | None = None,
) -> Asked:
    """
    Args:
        sent: slots by sample.
        decided: rows of decisions.parquet by sample.
        looked: how many reviewers looked at a sample.
        overlap: how many the recipe wants for each.
        annotations: all that was said.
        names: the pseudonym of everybody.
    """
    final = {name for name in sent if name in decided and decided[name]["decision"] in ("accept", "reject")}
    tied = {name for name in sent if name in decided and decided[name]["rule"] == TIED}
    lacking = {name: max(0, overlap - looked.get(name, 0)) for name in sent if name not in final | tied}
    said = _said(annotations, lacking)
    spent = [name for name in sorted(lacking) if len(sent[name]) >= overlap and sent[name] <= said.get(name, {}).keys()]
    twice = {who for name in spent for who in _twice([*said[name].values()])}
    return Asked(
        sent=len(sent),
        decided=len(final),
        tied=len(tied),
        lacking=len(lacking),
        answers=sum(lacking.values()),
        to_send=sum(len(sent[name]) < overlap for name in lacking),
        spent=tuple(spent),
        twice=tuple(sorted((names or {}).get(who, who) for who in twice)),
    )


def _said(annotations: Iterable[Mapping[str, Any]], wanted: Mapping[str, int]) -> dict[str, dict[str, str]]:
    """Who answered these samples, by the slot of this build; refused answers and those taken back are none."""
    found: dict[str, dict[str, str]] = {}
    for one in annotations:
        if one["id"] in wanted and one["taken_from"] is None and not one["deleted"] and not is_refused(one):
            found.setdefault(one["id"], {})[one["slot"]] = one["reviewer"]
    return found


def _twice(people: Sequence[str]) -> set[str]:
    return {who for who in people if people.count(who) > 1}


def told_after_pull(found: Asked, root: Path) -> Iterator[str]:
    """What a pull says of it beside the counts that are told everywhere, and the command that comes next."""
    if not found.sent:
        return
    if found.decided or found.tied:
        yield f"{_lacking(found)}`factory review decide {root}` writes down what is decided and lists what waits"
    elif found.answers > 0:
        yield f"{_lacking(found)}`factory review pull {root}` takes them back when reviewers have given them"
    yield from told_of_spent(found, root)


def told_after_deciding(found: Asked, build: Build) -> Iterator[str]:
    """What deciding says of it, and the commands that come next."""
    root = build.paths.root
    if found.answers > 0:
        yield f"{_lacking(found)}`factory review pull {root}` takes them back when reviewers have given them"
    yield from told_of_spent(found, root)
    if not released_with(build.info, build.paths):
        yield f"the release is without this until `{build_command(build)}` runs again"


def told_of_spent(found: Asked, root: Path) -> Iterator[str]:
    """Rows about which no answer comes by itself any more, and how to go on."""
    if found.to_send:
        was = "was" if found.to_send == 1 else "were"
        yield (
            f"{counted(found.to_send, 'row')} of them {was} sent to fewer reviewers than `review.overlap` wants: "
            f"`factory review push {root}` sends the rest"
        )
    if not found.spent:
        return
    more = f" and {len(found.spent) - MOST_NAMED:,} more" * (len(found.spent) > MOST_NAMED)
    has, lacks = ("has", "lacks") if len(found.spent) == 1 else ("have", "lack")
    named = f"{', '.join(found.spent[:MOST_NAMED])}{more}"
    told = f"{counted(len(found.spent), 'row')} ({named}) {has} an answer in every project and {lacks} one all the same"
    why = "some of them are about an answer that does not stand there any more"
    remedy = ""
    if found.twice:
        both = "has answered" if len(found.twice) == 1 else "have answered"
        why = f"{', '.join(found.twice)} {both} in several projects, and a person has one voice"
        remedy = "delete one of the two answers in Label Studio and let another account answer there, or "
    yield f"{told}: {why}; {remedy}decide as the lead, `factory review decide {root} ID=VERDICT --lead NAME`"


def build_command(build: Build) -> str:
    """The command that goes on with a build, as it was begun."""
    info = build.info
    words = ["factory", "build", str(info.get("recipe_path") or "RECIPE")]
    words += ["--profile", str(info["profile"])] if info.get("profile") else []
    words += [word for one in info.get("overrides") or () for word in ("--set", str(one))]
    if build.paths.root.parent.resolve() != Path("builds").resolve():
        words += ["--out", str(build.paths.root.parent)]
    return shlex.join(words)


def _lacking(found: Asked) -> str:
    return f"{counted(found.answers, 'answer')} {'is' if found.answers == 1 else 'are'} lacking: " * (found.answers > 0)
