"""The course of a teacher's batches: formed, sent, looked at, collected. Whoever runs the build calls it.

| what happens | then |
|---|---|
| killed before a batch was noted as about to be sent | it is sent by the next run |
| killed, or unanswered, while it was sent | found again by its tag, or after `lost_s` sent once more |
| killed before it was collected | collected by the next run; its files are read in one transaction |
| it failed because too much of the account is under way | sent again later |
| it failed otherwise | its questions wait for another batch, and the provider's words stop the build |
| it expired or was cancelled | its answers count; the questions without one are asked in another batch |
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from factory.errors import EnvironmentFault
from factory.plugins.post import Standing
from factory.redact import Redactor
from factory.teachers.batch_box import Batch, Box
from factory.teachers.batch_lines import output_rows
from factory.text import counted

Say = Callable[[str], None]
_QUEUE_FULL: Final = re.compile(r"(?i)token_limit_exceeded|enqueued token limit|too many .{0,20}batches")


class Unsure(Exception):
    """Whether a batch was made is not known."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A batch that is at its end."""

    status: str
    """completed, failed, expired or cancelled."""
    files: tuple[str, ...]
    """Its output file and its file of errors, where it has them."""
    words: str = ""
    """Why it failed, where it did."""

    @property
    def queue_is_full(self) -> bool:
        """Whether it failed because too much of this account is under way."""
        return _QUEUE_FULL.search(self.words) is not None


class Carrier(Protocol):
    """Who works on batches. Every method raises EnvironmentFault where that cannot be done now."""

    name: str
    """For messages."""
    redact: Redactor
    lost_s: float
    """Seconds after which a batch that `find` does not know was never made."""
    at_once: bool
    """Whether a batch that was sent is worked on by looking at it."""

    def create(self, name: str, rows: Iterator[bytes], size: int, tag: str) -> str:
        """The id of a new batch. Raises Unsure where it may have been made."""
        ...

    def find(self, tag: str) -> str | None:
        """The id of a batch that was made."""
        ...

    def look(self, batch: str) -> Ended | None:
        """How a batch ended; None while it is under way."""
        ...

    def rows_of(self, ended: Ended) -> Iterator[bytes]:
        """The bytes of its files."""
        ...


def exchange(box: Box, carrier: Carrier, say: Say, *, teacher: str, rows: int, size: int, send: bool) -> Standing:
    """See `factory.plugins.post.Post`. `rows` and `size` (bytes) bound a batch file.

    Raises EnvironmentFault where the carrier cannot be used, or says that a batch is none.
    """
    for batch in box.batches("sending"):
        _find_again(box, carrier, batch, say)
    came, full = _collect_all(box, carrier, say)
    if send:
        box.form(rows, size)
        for batch in [] if full and box.batches("sent") else box.batches("formed"):
            if not _send(box, carrier, batch, say, teacher):
                break
        if carrier.at_once:
            came += _collect_all(box, carrier, say)[0]
    waiting, batches, asked = box.standing()
    return Standing(waiting=waiting, batches=batches, asked=asked, came=came)


def _find_again(box: Box, carrier: Carrier, batch: Batch, say: Say) -> None:
    """A batch that may have been sent: nobody sends it again before it was looked for."""
    known = carrier.find(batch.tag)
    left_s = min(carrier.lost_s, carrier.lost_s - (time.time() - batch.since))
    if known is None and left_s > 0:
        say(f"batch {batch.number} may be at {carrier.name}: looking for it once more in {left_s:.0f} s")
        time.sleep(left_s)
        known = carrier.find(batch.tag)
    if known is None:
        box.note(batch.number, "formed")
    else:
        box.note(batch.number, "sent", known)
        say(f"batch {batch.number} was sent, and is found again ({known})")


def _send(box: Box, carrier: Carrier, batch: Batch, say: Say, teacher: str) -> bool:
    """Whether others may be sent after it."""
    box.note(batch.number, "sending")
    size = sum(map(len, box.lines(batch.number)))
    try:
        known = carrier.create(f"{teacher}-{batch.number:05d}.jsonl", box.lines(batch.number), size, batch.tag)
    except Unsure as unsure:
        say(f"batch {batch.number}: whether {carrier.name} has it is not known ({unsure}); it is looked for later")
        return False
    except EnvironmentFault:
        box.note(batch.number, "formed")
        raise
    box.note(batch.number, "sent", known)
    say(f"batch {batch.number} sent: {counted(batch.rows, 'question')}, {size / 1e6:,.1f} MB ({known})")
    return True


def _collect_all(box: Box, carrier: Carrier, say: Say) -> tuple[int, bool]:
    """Questions that got an outcome, and whether the carrier takes no more for now."""
    came, full, refused = 0, False, []
    for batch in box.batches("sent"):
        assert batch.id is not None
        ended = carrier.look(batch.id)
        if ended is None:
            continue
        if ended.status == "failed" and not ended.files:
            if ended.queue_is_full:
                full = True
                box.note(batch.number, "formed")
                say(f"batch {batch.number}: too much is under way at {carrier.name}; it is sent again later")
            else:
                box.take_apart(batch.number)
                refused.append(f"batch {batch.number} ({batch.id}): {ended.words or 'it does not say why'}")
            continue
        found = box.collect(batch.number, output_rows(carrier.rows_of(ended), carrier.redact))
        came += batch.rows
        told = f" · {found}" if str(found) else ""
        say(f"batch {batch.number} {ended.status}: {counted(batch.rows, 'question')}{told}")
    if refused:
        raise EnvironmentFault(
            f"{carrier.name} does not work on what it was sent: {'; '.join(refused)}. Nothing of it was paid: mend "
            "that and run the same command again, which sends it anew"
        )
    return came, full
