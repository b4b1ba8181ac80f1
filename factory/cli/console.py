"""What the command line prints. Talk goes to standard error, data to standard output; no terminal, plain lines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from factory.cli.out import Part, line, tell_json, terminal
from factory.cli.pace import Pace, Paced
from factory.text import escaped

if TYPE_CHECKING:
    from factory.cli.doctor import Finding
    from factory.cli.estimate import Estimate
    from factory.cli.explain import Story
    from factory.cli.status import BuildStatus
    from factory.phases.run import UnderWay

PLAIN_EVERY_S = 5.0
"""Seconds between progress lines where no terminal redraws them."""

OUTCOMES = {"pass": "green", "fail": "bold red", "abstain": "dim"}
MOST_VALUES = 400
"""Characters of an answer's values in a story: five lines of a terminal; `--json` has all of them."""
MOST_OF_ONE, MOST_LISTED = 120, 16
"""Likewise: characters of one value of a listed thing, and things of a list."""


class BuildDisplay:
    """Draws a build's phases as they end and a progress bar while shards run."""

    def __init__(self, *, detailed: bool = False) -> None:
        self._console, self._detailed = terminal(talk=True), detailed

    def started(self, title: str) -> None:
        self._console.print(line((title, "bold")))

    def phase(self, name: str, text: str) -> None:
        self._console.print(line((f"{name:<9}", "cyan"), f" {text}"))

    def detail(self, name: str, text: str) -> None:
        """When a phase begins and how long it took."""
        if self._detailed:
            self._console.print(line((f"{name:<9} {text}", "dim")))

    @contextmanager
    def working(
        self, name: str, total: int, look: Callable[[], UnderWay], paced: Callable[[int, UnderWay, float], Paced] = Pace
    ) -> Iterator[None]:
        """A bar with rate and time left; a line every few seconds when standard error is no terminal."""
        first = look()
        pace = paced(total, first, time.monotonic())
        over = threading.Event()
        draw = self._draw_bar if self._console.is_terminal else self._print_lines
        arguments = (name, total, first.done, look, pace, over)
        thread = threading.Thread(target=draw, args=arguments, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        self.phase(name, pace.end(look(), time.monotonic()))

    def _draw_bar(
        self, name: str, total: int, first: int, look: Callable[[], UnderWay], pace: Paced, over: threading.Event
    ) -> None:
        columns = (
            TextColumn(f"{name:<9}", style="cyan", markup=False),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[told]}", markup=False),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(name, total=total, completed=first, told="")
            while not over.wait(0.2):
                now = look()
                progress.update(task, completed=now.done, told=escaped(pace.line(now, time.monotonic())))

    def _print_lines(
        self, name: str, total: int, first: int, look: Callable[[], UnderWay], pace: Paced, over: threading.Event
    ) -> None:
        while not over.wait(PLAIN_EVERY_S):
            self.phase(name, pace.line(look(), time.monotonic()))


def print_json(value: Any) -> None:
    """A dataclass, plain data that may hold some, or a list of dataclasses, as one line on standard output."""
    if isinstance(value, list):
        plain: Any = [asdict(item) for item in value]
    else:
        plain = value if isinstance(value, dict) else asdict(value)
    tell_json(orjson.dumps(plain))


def print_estimate(foreseen: Estimate) -> None:
    """`factory plan`."""
    from factory.phases.disk import in_words

    console = terminal()
    console.print(line((foreseen.build, "bold"), f"  {foreseen.state}"))
    for cause in foreseen.causes:
        console.print(line(f"  {cause}"))
    console.print(line(f"profile   {foreseen.profile}"))
    dropped = ", ".join(f"{reason} {count:,}" for reason, count in foreseen.dropped.items())
    left_out = f" · dropped: {dropped}" if dropped else ""
    shards = f"{foreseen.shards:,} shard{'s' * (foreseen.shards != 1)}"
    unplaced = f" · {foreseen.unplaced:,} without a known place" if foreseen.unplaced else ""
    console.print(line(f"samples   {foreseen.samples:,} in {shards}{unplaced}{left_out}"))
    console.print(line(f"disk      up to {in_words(foreseen.disk_bytes)}"))
    table = Table("teacher", "questions", "answered", "calls", "tokens", "cost", "time", box=None, pad_edge=False)
    for teacher in foreseen.teachers:
        table.add_row(
            line(teacher.name),
            _range(teacher.questions, teacher.questions_most),
            f"{teacher.answered:,}",
            f"{teacher.calls:,}",
            _or_unknown(teacher.tokens, "{:,}"),
            _or_unknown(teacher.cost, "{:,.2f}"),
            _or_unknown(teacher.seconds, "{:,.0f} s"),
        )
    console.print(table)
    for note in foreseen.notes:
        console.print(line(f"note      {note}"))


def print_status(state: BuildStatus) -> None:
    """`factory status`."""
    console = terminal()
    running = " (running)" if state.running else "" if state.state == "done" else " (not running; build again to go on)"
    console.print(line((state.directory, "bold"), f"  {state.state}{running}"))
    shards = f"shards answered {state.shards_answered:,}/{state.shards:,}, verified {state.shards_verified:,}"
    console.print(line(f"samples   {state.samples_done:,}/{state.samples:,} · {shards}/{state.shards:,}"))
    if state.waiting:
        console.print(line(("waits", "yellow"), f"     for {state.waiting}"))
    for teacher in state.batches:
        console.print(line(("batches", "yellow"), f"   {teacher}"))
    for endpoint in state.away:
        console.print(line(("endpoint", "yellow"), f"  {endpoint}"))
    for name, counts in (("decided", state.decisions), ("people", state.people)):
        if counts:
            console.print(line(f"{name:<9} " + " · ".join(f"{kind} {count:,}" for kind, count in counts.items())))
    for teacher, spent in state.spent.items():
        paid = f"{spent['calls']:,} calls, {spent['tokens']:,} tokens, {spent['cost']:.2f}"
        console.print(line(f"paid      {teacher}: {paid}"))
    for fault in state.faults:
        console.print(line(("fault", "red"), f"     {fault}"))


def print_story(story: Story) -> None:
    """`factory explain`."""
    console = terminal()
    console.print(line((story.id, "bold"), f"   {story.outcome}"))
    truth = story.truth
    if "lat" in truth:
        place = ", ".join(str(truth[key]) for key in ("city", "region", "country_code") if truth[key])
        about = ", ".join(f"{key} {truth[key]}" for key in ("licence", "author", "captured_at") if truth[key])
        known = isfinite(truth["lat"]) and isfinite(truth["lon"])
        position = (
            f"{truth['lat']:.4f}, {truth['lon']:.4f} ± {truth['uncertainty_km']:g} km" if known else "no coordinates"
        )
        _line(console, "truth", f"{place}  {position}   (row {truth['source_row']}; {about})")
    for picture in story.pictures:
        _line(console, picture["role"], _picture(picture))
    for text in story.texts:
        _line(console, "text", f"{text['name']}, {text['characters']:,} characters")
    for answer in story.answers:
        _print_answer(console, answer)
    for evidence in story.evidence:
        _print_evidence(console, evidence)
    for check in story.checks:
        colour = OUTCOMES[check["outcome"]]
        limit = "" if check["threshold"] is None else f" (threshold {check['threshold']:g})"
        score = "" if check["score"] is None else f" {check['score']:.2f}{limit}"
        outcome, detail = (f"{check['outcome']:<7}", colour), (check["detail"] or "", "dim")
        name = f"{escaped(check['check']):<14}"
        console.print(line(f"  check      {name} ", outcome, f"{score}  {check['reason']}  ", detail))
    for call in story.calls:
        console.print(line((f"  ledger     {_call(call, story.id)}", "dim")))
    for reason in story.reasons:
        _line(console, "reason", reason)
    if label := story.label:
        named = ", ".join(name for name in (label["city"], label["region"], label["country_code"]) if name)
        position = f"{label['lat']:.4f}, {label['lon']:.4f} ± {label['radius_km']:g} km"
        chance = f"right with probability {label['probability']:.3f}"
        _line(console, "label", f"{named}  {position}   (the place of {label['teacher']}, {chance})")
    if people := story.people:
        note = f": {people['note']}" if people["note"] else ""
        _line(console, "people", f"{people['decision']} by {', '.join(people['by'] or ())}, {people['at']}{note}")
    if story.selection and story.selection["removed_by"]:
        chosen = story.selection
        _line(console, "removed", f"{chosen['removed_by']}:{chosen['reason'] or 'no_reason'} {chosen['detail'] or ''}")


def print_findings(findings: Sequence[Finding]) -> None:
    """`factory doctor`."""
    console = terminal()
    for finding in findings:
        mark = ("✗", "red") if finding.fault else ("-", "dim") if finding.absent else ("✓", "green")
        remedy = f"  {finding.remedy}" if finding.fault and finding.remedy else ""
        console.print(line(mark, f" {escaped(finding.subject):<24} {finding.text}", (remedy, "yellow")))


def _line(console: Console, name: str, text: str) -> None:
    """One line of a story; nothing in it is trusted."""
    console.print(line(f"  {escaped(name):<10} {text}"))


def _picture(picture: Mapping[str, Any]) -> str:
    if picture["refused"]:
        return f"refused: {picture['refused']} {picture['detail'] or ''}  ({picture['locator']})"
    if picture["width"] is None:
        return f"not looked at yet  ({picture['locator']})"
    phash = "" if picture["phash"] is None else f", phash {picture['phash']:016x}"
    size = f"{picture['width']}x{picture['height']}"
    return f"{size}, sha256 {(picture['sha256'] or 'unknown')[:12]}{phash}  ({picture['locator']})"


def _print_answer(console: Console, answer: Mapping[str, Any]) -> None:
    place, measures = answer["place"], answer["located"] or {}
    marks = [f"draw {answer['draw'] + 1}"] if answer["draw"] else []
    marks += ["combined"] if answer["combined"] else []
    marks += [f"saw the {answer['saw_truth']}"] if answer["saw_truth"] != "none" else []
    told = " · ".join(marks)
    said: list[Part]
    if answer["failure"]:
        said = [(answer["failure"], "red"), f" {answer['detail'] or ''}"]
    elif place is None:
        said = ["values alone" if answer["values"] else "nothing that is kept"]
    else:
        named = ", ".join(place[key] for key in ("city", "region", "country") if place[key]) or "no place"
        confidence = "" if place["confidence"] is None else f" · conf {place['confidence']:.2f}"
        off = measures.get("distance_km")
        off = measures.get("named_distance_km") if off is None else off
        said = [f"{named}{confidence}" + ("" if off is None else f" · {off:,.0f} km off")]
    marked: list[Part] = [" · ", (told, "yellow")] if told else []
    console.print(line(f"  {escaped(answer['teacher']):<10} ", *said, *marked))
    for clue in (place or {}).get("clues") or ():
        text = f"{clue['kind']}: {clue['text']} → {clue['supports'] or ''}"
        console.print(line((f"             {text}", "dim")))
    for text in _values(answer["values"] or {}):
        console.print(line((f"             {text}", "dim")))


def _values(values: Mapping[str, Any]) -> Iterator[str]:
    """What else a family keeps of an answer: a line for each thing of a list of objects, one for all the rest."""
    listed = {
        name: things
        for name, things in values.items()
        if isinstance(things, list) and things and all(isinstance(thing, dict) for thing in things)
    }
    if rest := {name: value for name, value in values.items() if name not in listed}:
        yield f"values {_cut(orjson.dumps(rest).decode(), MOST_VALUES)}"
    for name, things in listed.items():
        for thing in things[:MOST_LISTED]:
            parts = sorted(thing.items(), key=lambda part: part[0] != "id")  # what it is called comes first
            told = (value if isinstance(value, str) else orjson.dumps(value).decode() for _, value in parts)
            yield f"{name}: " + " · ".join(
                f"{key} {_cut(value, MOST_OF_ONE)}" for (key, _), value in zip(parts, told, strict=True)
            )
        if len(things) > MOST_LISTED:
            yield f"{name}: ... {len(things) - MOST_LISTED} more"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _print_evidence(console: Console, evidence: Mapping[str, Any]) -> None:
    count = evidence["vectors"]
    vectors = f"{count:,} vector{'s' * (count != 1)}" if count else ""
    if vectors or not evidence["findings"]:
        _line(console, "witness", f"{evidence['source']}  {vectors or 'found nothing'}")
    for finding in evidence["findings"]:
        text = f": {finding['text']}" if finding["text"] else ""
        place = "" if finding["lat"] is None else f" at {finding['lat']:.4f}, {finding['lon']:.4f}"
        score = "" if finding["score"] is None else f" ({finding['score']:.2f})"
        _line(console, "witness", f"{evidence['source']}  {finding['kind']}{text}{place}{score}")


def _call(call: Mapping[str, Any], sample_id: str) -> str:
    """One question in a line: who was asked for what, which draw, turn and attempt (from 1), what came of it."""
    counts = [f"{name} {call[name] + 1}" for name in ("draw", "turn", "attempt")]
    error = f" {call['error_kind']}: {call['error_detail']}" if call["error_kind"] else ""
    tokens = call["prompt_tokens"] + call["completion_tokens"]
    twin = f" (asked for {call['sample_id']}, the same picture)" if call["sample_id"] != sample_id else ""
    asked = f"{call['teacher']} {call['purpose']}, {', '.join(counts)}: {call['origin']} {call['status']}"
    return f"{asked}, {call['http_calls']} HTTP, {tokens} tokens{error}{twin}  {call['key'][:12]}"


def _range(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _or_unknown(value: float | None, form: str) -> str:
    return "unknown" if value is None else form.format(value)
