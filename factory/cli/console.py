"""What the command line prints. Talk goes to standard error, data to standard output; no terminal, plain lines."""

from __future__ import annotations

import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson
from rich.console import Console
from rich.markup import escape as escape_markup
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from factory.cli.doctor import Finding
    from factory.cli.estimate import Estimate
    from factory.cli.explain import Story
    from factory.cli.status import BuildStatus

PLAIN_EVERY_S = 5.0
"""Seconds between progress lines where no terminal redraws them."""

COLOURS = {"accept": "green", "review": "yellow", "reject": "red", "quarantine": "magenta"}
OUTCOMES = {"pass": "green", "fail": "bold red", "abstain": "dim"}


def escape(text: str) -> str:
    """Foreign text for a terminal: no markup, no control characters that could move a cursor or set a title."""
    return escape_markup("".join(" " if unicodedata.category(letter) in ("Cc", "Cf") else letter for letter in text))


class BuildDisplay:
    """Draws a build's phases as they end and a progress bar while shards run."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def started(self, title: str) -> None:
        self._console.print(f"[bold]{escape(title)}[/bold]")

    def phase(self, name: str, text: str) -> None:
        self._console.print(f"[cyan]{name:<9}[/cyan] {escape(text)}")

    @contextmanager
    def working(self, total: int, done: Callable[[], int]) -> Iterator[None]:
        """A bar with rate and time left; a line every few seconds when standard error is no terminal."""
        started = time.monotonic()
        over = threading.Event()
        draw = self._draw_bar if self._console.is_terminal else self._print_lines
        thread = threading.Thread(target=draw, args=(total, done, over), name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        seconds = time.monotonic() - started
        self.phase("work", f"{total:,}/{total:,} · {total / max(seconds, 1e-9):,.0f} samples/s")

    def _draw_bar(self, total: int, done: Callable[[], int], over: threading.Event) -> None:
        columns = (
            TextColumn("[cyan]work     [/cyan]"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        start, first = time.monotonic(), done()
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("work", total=total, completed=first, rate="")
            while not over.wait(0.2):
                now = done()
                rate = (now - first) / (time.monotonic() - start)
                progress.update(task, completed=now, rate=f"· {rate:,.0f} samples/s")

    def _print_lines(self, total: int, done: Callable[[], int], over: threading.Event) -> None:
        start, first = time.monotonic(), done()
        while not over.wait(PLAIN_EVERY_S):
            now = done()
            rate = (now - first) / (time.monotonic() - start)
            left = f"{(total - now) / rate:,.0f} s left" if rate else "no answer yet"
            self.phase("work", f"{now:,}/{total:,} · {rate:,.1f} samples/s · {left}")


def print_json(value: Any) -> None:
    """A dataclass, plain data, or a list of dataclasses, as one line on standard output."""
    if isinstance(value, list):
        plain: Any = [asdict(item) for item in value]
    else:
        plain = value if isinstance(value, dict) else asdict(value)
    sys.stdout.write(orjson.dumps(plain).decode() + "\n")


def print_estimate(foreseen: Estimate) -> None:
    """`factory plan`."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(foreseen.build)}[/bold]  {foreseen.state}")
    for cause in foreseen.causes:
        console.print(f"  {escape(cause)}")
    dropped = ", ".join(f"{reason} {count:,}" for reason, count in foreseen.dropped.items())
    left_out = f" · dropped: {dropped}" if dropped else ""
    shards = f"{foreseen.shards:,} shard{'s' * (foreseen.shards != 1)}"
    console.print(f"samples   {foreseen.samples:,} in {shards}{left_out}")
    table = Table("teacher", "questions", "answered", "calls", "tokens", "cost", "time", box=None, pad_edge=False)
    for teacher in foreseen.teachers:
        table.add_row(
            escape(teacher.name),
            _range(teacher.questions, teacher.questions_most),
            f"{teacher.answered:,}",
            f"{teacher.calls:,}",
            _or_unknown(teacher.tokens, "{:,}"),
            _or_unknown(teacher.cost, "{:,.2f}"),
            _or_unknown(teacher.seconds, "{:,.0f} s"),
        )
    console.print(table)
    for note in foreseen.notes:
        console.print(f"note      {escape(note)}")


def print_status(state: BuildStatus) -> None:
    """`factory status`."""
    console = Console(highlight=False, soft_wrap=True)
    running = " (running)" if state.running else "" if state.state == "done" else " (not running; build again to go on)"
    console.print(f"[bold]{escape(state.directory)}[/bold]  {state.state}{running}")
    console.print(f"samples   {state.samples_done:,}/{state.samples:,} · shards {state.shards_done:,}/{state.shards:,}")
    if state.decisions:
        console.print("decided   " + " · ".join(f"{name} {count:,}" for name, count in state.decisions.items()))
    for teacher, spent in state.spent.items():
        paid = f"{spent['calls']:,} calls, {spent['tokens']:,} tokens, {spent['cost']:.2f}"
        console.print(f"paid      {escape(teacher)}: {paid}")
    for fault in state.faults:
        console.print(f"[red]fault[/red]     {escape(fault)}")


def print_story(story: Story) -> None:
    """`factory explain`."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(story.id)}[/bold]   {escape(story.outcome)}")
    truth = story.truth
    if "lat" in truth:
        place = ", ".join(str(truth[key]) for key in ("city", "region", "country_code") if truth[key])
        about = ", ".join(f"{key} {truth[key]}" for key in ("licence", "author", "captured_at") if truth[key])
        position = f"{truth['lat']:.4f}, {truth['lon']:.4f} ± {truth['uncertainty_km']:g} km"
        console.print(f"  truth      {escape(place)}  {position}   (row {truth['source_row']}; {escape(about)})")
    if story.image.get("width"):
        image = story.image
        size = f"{image['width']}x{image['height']}"
        console.print(f"  image      {size}, sha256 {image['sha256'][:12]}, phash {image['phash']:016x}")
    for answer in story.answers:
        _print_answer(console, answer)
    for check in story.checks:
        colour = OUTCOMES[check["outcome"]]
        limit = "" if check["threshold"] is None else f" (threshold {check['threshold']:g})"
        score = "" if check["score"] is None else f" {check['score']:.2f}{limit}"
        text = f"{check['check']:<14} [{colour}]{check['outcome']:<7}[/{colour}]{score}  {escape(check['reason'])}"
        console.print(f"  check      {text}  [dim]{escape(check['detail'])}[/dim]")
    for call in story.calls:
        error = f" {call['error_kind']}: {call['error_detail']}" if call["error_kind"] else ""
        tokens = call["prompt_tokens"] + call["completion_tokens"]
        asked = f"{call['teacher']} #{call['attempt']} {call['origin']} {call['status']}"
        twin = f" (asked for {call['sample_id']}, the same picture)" if call["sample_id"] != story.id else ""
        text = f"{asked}, {call['http_calls']} HTTP, {tokens} tokens{error}{twin}"
        console.print(f"  [dim]ledger     {escape(text)}  {call['key'][:12]}[/dim]")
    for reason in story.reasons:
        console.print(f"  reason     {escape(reason)}")
    if story.selection and story.selection["removed_by"]:
        chosen = story.selection
        why = f"{chosen['reason'] or ''} {chosen['detail'] or ''}"
        console.print(f"  removed    {chosen['removed_by']}: {escape(why)}")


def print_findings(findings: Sequence[Finding]) -> None:
    """`factory doctor`."""
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        mark = "[red]✗[/red]" if finding.fault else "[green]✓[/green]"
        remedy = f"  [yellow]{escape(finding.remedy)}[/yellow]" if finding.fault and finding.remedy else ""
        console.print(f"{mark} {escape(finding.subject):<24} {escape(finding.text)}{remedy}")


def _print_answer(console: Console, answer: Mapping[str, Any]) -> None:
    teacher = escape(f"{answer['teacher']:<10}")
    if answer["failure"]:
        console.print(f"  {teacher} [red]{escape(answer['failure'])}[/red] {escape(answer['detail'] or '')}")
        return
    place = ", ".join(answer[key] for key in ("city", "region", "country") if answer[key]) or "no place"
    off = "" if answer["distance_km"] is None else f" · {answer['distance_km']:,.0f} km off"
    confidence = "" if answer["confidence"] is None else f" · conf {answer['confidence']:.2f}"
    console.print(f"  {teacher} {escape(place)}{confidence}{off}")
    for clue in answer["clues"] or ():
        text = f"{clue['kind']}: {clue['text']} → {clue['supports'] or ''}"
        console.print(f"             [dim]{escape(text)}[/dim]")


def _range(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _or_unknown(value: float | None, form: str) -> str:
    return "unknown" if value is None else form.format(value)
