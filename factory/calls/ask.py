"""What stands behind a family's `ask`: the only place that knows ledger, limiter, budget and backend together.

    key -> ledger -> (slot -> budget -> call -> ledger) -> read -> value, or ask again with a new key

A reply is committed to the ledger before its slot is given back and before anybody uses it, so a process that dies
loses at most the calls that hold a slot. A family that runs again finds its turns here and is asked nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite
from typing import Any, Final, Literal, TypeVar

from factory.aside import aside
from factory.calls.call import call, redacted_row, replay
from factory.calls.ledger import Ledger
from factory.calls.row import UNSETTLED, LedgerRow, request_key, scores_of
from factory.calls.siblings import Siblings
from factory.calls.teacher import ANSWERS, Teacher
from factory.errors import FactoryError, PluginFault
from factory.plugins.contracts import Deferred, NoAnswer, ParseFailure, Question, Said
from factory.plugins.shared import Budget
from schemas import Answered, Reply, Request, Sample, SawTruth, Truth, Turn

ReadT = TypeVar("ReadT")

REPAIR: Final = (
    "Your answer could not be read ({kind}{detail}). Answer the question again: the whole answer, in the form that was "
    "asked for, and nothing else."
)
"""What a teacher is told about its own unreadable answer where the recipe says `bad_answer: {repair: true}`."""
REPAIRABLE: Final = frozenset({"not_json", "bad_schema"})
"""Failures that a teacher can mend when it sees them; a cut or refused answer is only asked again."""
LONG_REPLY: Final = 4_000
"""Characters; a longer reply is read in a thread, so that the calls of others go on meanwhile. An answer has 2,000, and
a thread costs 0.1 ms."""
TRUTH_LEVELS: Final[tuple[SawTruth, ...]] = ("none", "country", "place")


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """What one shard lends to all its questions."""

    ledger: Ledger
    budget: Budget
    teachers: tuple[Teacher, ...]
    """All of the recipe, of every role."""
    siblings: Siblings | None = None
    """What finished shards of the same build have answered."""

    def of_role(self, role: str) -> Teacher:
        """The first teacher of a role. Raises PluginFault naming the roles there are."""
        found = next((teacher for teacher in self.teachers if teacher.settings.role == role), None)
        if found is None:
            roles = ", ".join(sorted({teacher.settings.role for teacher in self.teachers})) or "none"
            raise PluginFault(f"a family asks a teacher of the role `{role}`; the recipe's teachers have {roles}")
        return found


@dataclass(slots=True, eq=False, kw_only=True)
class Asker:
    """`ask` for one sample and one teacher and draw, for the family's `combine`, or for a witness."""

    desk: Desk
    sample: Sample
    image_keys: Mapping[str, str]
    """What each picture is, by role: digest of the source and version of its preparation."""
    image: Callable[[str], bytes]
    """Reads the prepared JPEG of a role; called only when a paid call is made."""
    teacher: Teacher | None
    """Who is asked when the question names nobody."""
    draw: int = 0
    most_turns: int | None = None
    """Most questions that the family says it asks (`Needs.calls`); None where nobody said."""
    roles: tuple[str, ...] | None = None
    """Roles of further teachers that the family says it asks (`Needs.roles`); None where nobody said."""
    may_see_truth: bool = True
    saw_truth: SawTruth = "none"
    trail: list[LedgerRow] = field(default_factory=list)
    """Every row of it so far."""
    keys: list[str] = field(default_factory=list)
    """Keys of the replies that were used."""
    measured: bool = False
    """Whether the family knows how near a reply was (`is_within`): whatever it asks from then on may tell."""
    _turn: int = 0
    _measured_turn: int = 0
    _stopped: Exception | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(
        self, request: Request, *, read: Callable[[Reply], ReadT | ParseFailure], teacher: str | None = None
    ) -> ReadT:
        """See `factory.plugins.contracts.Ask`. Questions that are asked at once are answered one after the other, in
        the order in which they were asked: their turns and keys must be the same in every run.

        Raises:
            NoAnswer: the teacher gave none.
            Deferred: the answer comes later.
            BudgetReached: the recipe's budget is spent.
            EnvironmentFault: no endpoint answers, a key is refused, the model is unknown, the ledger cannot be written.
            PluginFault: the request shows a picture that the sample lacks, goes to a role that the family does not
                name or nobody has, or is one more than the family says it asks.
        """
        async with self._one_at_a_time:
            try:
                return await self._ask(request, read, teacher)
            except (FactoryError, Deferred) as stop:
                if self._stopped is None or isinstance(self._stopped, Deferred):
                    self._stopped = stop
                raise

    def require_going(self) -> None:
        """Raises again what stopped one of its questions: a family or a witness that caught that an answer comes later,
        or that the build cannot go on, may not make up for it."""
        if self._stopped is not None:
            raise self._stopped

    async def _ask(self, request: Request, read: Callable[[Reply], ReadT | ParseFailure], teacher: str | None) -> ReadT:
        if self._turn == self.most_turns:
            raise PluginFault(
                f"the family asks more than {self.most_turns} questions about sample `{self.sample.id}`: state the "
                "most it asks in `needs.calls`, which estimates rely on"
            )
        if teacher is not None and self.roles is not None and teacher not in (ANSWERS, *self.roles):
            raise PluginFault(
                f"the family asks a teacher of the role `{teacher}`: name it in `needs.roles`, so that a recipe "
                "without one is refused before anybody is paid"
            )
        asked = self.teacher if teacher is None else self.desk.of_role(teacher)
        if asked is None:
            asked = self.desk.of_role(ANSWERS)
        if self.measured:
            self.saw_truth = "place"
        turn, self._turn = self._turn, self._turn + 1
        bad = asked.settings.bad_answer
        current, found = request, ParseFailure("exhausted")
        for attempt in range(1 + (bad.retries if asked.paid else 0)):
            question = self._question(asked, current, turn, attempt)
            row = await self._row(asked, question)
            value = await _read(row, read)
            if not isinstance(value, ParseFailure):
                self.keys.append(row.key)
                return value
            found = value
            if row.status != "ok" or found.kind not in bad.kinds:
                break
            if bad.repair and found.kind in REPAIRABLE:
                detail = f": {found.detail}" if found.detail else ""
                complaint = REPAIR.format(kind=found.kind.replace("_", " "), detail=detail)
                said, told = Turn("assistant", (row.response or "",)), Turn("user", (complaint,))
                current = request.then(said, told)
        raise NoAnswer(found.kind, found.detail)

    def truth(self, level: Literal["country", "place"]) -> Truth:
        """See `factory.plugins.contracts.Ask`. Raises PluginFault for a witness: evidence must not know the answer."""
        from factory.geo import country_name

        if not self.may_see_truth:
            raise PluginFault(f"a witness asks for the truth of sample `{self.sample.id}`: evidence must not know it")
        self.saw_truth = max(self.saw_truth, level, key=TRUTH_LEVELS.index)
        sample = self.sample
        country = Truth(country=country_name(sample.country_code), country_code=sample.country_code)
        if level == "country":
            return country
        return replace(country, region=sample.region, city=sample.city, lat=sample.lat, lon=sample.lon)

    def is_within(self, km: float, *, lat: float, lon: float) -> bool | None:
        """See `factory.plugins.contracts.Ask`. One point a reply: distances from three would be the place."""
        from factory.geo import haversine_km

        if not self.may_see_truth:
            raise PluginFault(
                f"a witness measures against the truth of sample `{self.sample.id}`: evidence must not know it"
            )
        if self._measured_turn == self._turn:
            raise PluginFault(
                f"the family measures twice after one reply, or before the first, about sample `{self.sample.id}`: "
                "`is_within` tells of one point a reply whether it is near the truth, not where the truth is"
            )
        if not all(map(isfinite, (km, lat, lon))):
            raise ValueError(f"is_within({km}, lat={lat}, lon={lon}): expected finite numbers")
        self.measured, self._measured_turn = True, self._turn
        if not self.sample.placed:
            return None
        return haversine_km(lat, lon, self.sample.lat, self.sample.lon) <= km

    def answered(self, said: Said | NoAnswer, *, combined: bool = False) -> Answered:
        """What came of it, the same in the run that pays and in every later one."""
        failed = said if isinstance(said, NoAnswer) else None
        rows = self.trail
        own = [row for row in rows if self.teacher is None or row.teacher == self.teacher.name] or rows
        keys = self.keys if failed is None or not rows else [*self.keys, rows[-1].key]
        name = self.teacher.name if self.teacher else own[-1].teacher if own else "combined"
        return Answered(
            teacher=name,
            model=own[-1].model if own else "",
            draw=self.draw,
            keys=tuple(dict.fromkeys(keys)),
            place=said.place if isinstance(said, Said) else None,
            values=said.values if isinstance(said, Said) else {},
            saw_truth=self.saw_truth,
            combined=combined,
            failure=failed.kind if failed else None,
            detail=failed.detail if failed else "",
        )

    def _question(self, teacher: Teacher, request: Request, turn: int, attempt: int) -> Question:
        if missing := [role for role in request.pictures if role not in self.image_keys]:
            raise PluginFault(
                f"a question about sample `{self.sample.id}` shows the picture `{missing[0]}`, which it does not have: "
                "name every role in the family's `needs.images`"
            )
        if self.saw_truth != "none" and not request.purpose.endswith(f"+saw_{self.saw_truth}"):
            request = replace(request, purpose=f"{request.purpose}+saw_{self.saw_truth}")
        question = Question(
            key="", request=request, sample_id=self.sample.id, draw=self.draw, turn=turn, attempt=attempt
        )
        key = request_key(
            request_sha256=request.sha256,
            pictures=[self.image_keys[role] for role in request.pictures],
            model=teacher.settings.model,
            sampling=teacher.sampling,
            inputs=_inputs(teacher, question),
            draw=self.draw,
            attempt=attempt,
        )
        return replace(question, key=key)

    async def _row(self, teacher: Teacher, question: Question) -> LedgerRow:
        """The ledger's row of a question, asked now where it has none that is settled."""
        ledger, key = self.desk.ledger, question.key
        while True:
            row = ledger.get(key)
            if row is not None and row.status not in UNSETTLED:
                if not ledger.owns(key):
                    row = await aside(len(row.response or ""), partial(redacted_row, row, teacher.redact))
                    await ledger.adopt(row)
                self.trail.append(row)
                return row
            if (lost := teacher.given_up.get(key)) is not None:
                if not ledger.owns(key):
                    await ledger.adopt(lost)
                self.trail.append(lost)
                return lost
            twin = teacher.under_way.get(key)
            if twin is None:
                break
            await asyncio.wait((twin,))
        if teacher.paid and self.desk.siblings is not None and (row is None or row.status != "sent"):
            answered = self.desk.siblings.get(key)
            if answered is not None:
                answered = await aside(len(answered.response or ""), partial(redacted_row, answered, teacher.redact))
                await ledger.adopt(answered)
                self.trail.append(answered)
                return answered
        if row is not None and row.status == "sent":
            question = replace(question, handle=row.handle)
        done = teacher.under_way[key] = asyncio.get_running_loop().create_future()
        try:
            if teacher.paid:
                row = await call(teacher, question, self.image, ledger, self.desk.budget)
            else:
                row = await replay(teacher, question, ledger)
            if row.status == "exhausted" and question.handle is None:  # to look at a batch again is no new call
                teacher.given_up[key] = row
        finally:
            del teacher.under_way[key]
            done.set_result(None)
        self.trail.append(row)
        return row


def _inputs(teacher: Teacher, question: Question) -> Mapping[str, Any]:
    """What a backend adds to a key. Raises PluginFault naming the teacher, for it is not the family's fault."""
    try:
        return teacher.lanes[0].backend.inputs(question)
    except FactoryError:
        raise
    except Exception as error:
        raise PluginFault(
            f"teacher `{teacher.name}` failed in `inputs` on sample `{question.sample_id}`: {type(error).__name__}: "
            f"{error}. This is a fault of the backend: mend it and run the same command again; every answer is kept"
        ) from error


async def _read(row: LedgerRow, read: Callable[[Reply], ReadT | ParseFailure]) -> ReadT | ParseFailure:
    if row.status == "ok":
        reply = reply_of(row)
        return await asyncio.to_thread(read, reply) if len(reply.text) > LONG_REPLY else read(reply)
    detail = row.error_detail or ""
    if row.status == "exhausted":
        return ParseFailure("exhausted", f"{row.error_kind}: {detail}")
    return ParseFailure(row.error_kind or "permanent_error", detail)


def reply_of(row: LedgerRow) -> Reply:
    """A row's reply as the family reads it, the same now and after a resume."""
    return Reply(
        text=row.response or "",
        finish_reason=row.finish_reason,
        model=row.model,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        latency_s=row.latency_s,
        scores=scores_of(row.scores),
        key=row.key,
    )
