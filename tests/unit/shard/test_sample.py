"""One sample's way through its family: witnesses, answers of every teacher and draw, the combined one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factory.calls.ask import Desk
from factory.errors import BudgetReached, EnvironmentFault, PluginFault
from factory.plugins.contracts import Ask, CallFailed, Deferred, Generator, Needs, NoAnswer, ParseFailure, Said, Witness
from factory.shard.sample import all_of, answer_sample
from factory.shard.staff import Staff
from factory.store.cases import AnsweredSample, nothing_to_check
from schemas import Answered, Evidence, Finding, Photo, Picture, Reply, Request, Seen, Turn
from schemas.rows.mp16_reason import ROW
from tests.asking import KAZAN, Scripted, open_desk, scripted

WHERE = Request("answer", (Turn("user", ("Where?", Picture())),))
PHOTO = Photo(sha256="0" * 64)
Look = Callable[[Seen, Mapping[str, bytes], Sequence[Answered], Ask], Awaitable[Evidence | None]]


def words(reply: Reply) -> str | ParseFailure:
    return reply.text or ParseFailure("empty")


async def answer(seen: Seen, ask: Ask) -> Said:
    return Said(values={"said": await ask(WHERE, read=words)})


FAMILY = Generator(name="mine", version="1", row=ROW, answer=answer)


def staff_of(desk: Desk, generator: Generator, witnesses: Sequence[Witness] = ()) -> Staff:
    """Who works; a witness asks the teacher of its own name."""
    models = {teacher.name: teacher for teacher in desk.teachers}
    here: Any = {"recipe": None, "loop": None, "source": None, "root": Path(), "decoders": 1, "budget": desk.budget}
    here["siblings"] = desk.siblings
    pairs = tuple((witness, models.get(witness.name)) for witness in witnesses)
    teachers = tuple(teacher for teacher in desk.teachers if teacher.settings.role != "witness")
    return Staff(generator=generator, teachers=teachers, witnesses=pairs, **here)


async def answered(desk: Desk, generator: Generator = FAMILY, *witnesses: Witness) -> AnsweredSample:
    staff = staff_of(desk, generator, witnesses)
    return await answer_sample(staff, desk, KAZAN, (PHOTO,), {"photo": "key"}, lambda role: f"jpeg of {role}".encode())


def witness(look: Look, when: Any = "before", name: str = "ocr", **more: Any) -> Witness:
    return Witness(name=name, when=when, look=look, **more)


async def test_every_teacher_and_draw_answers_in_the_recipes_order(tmp_path: Path) -> None:
    first = scripted(Scripted("a", "b"), sampling={"draws": 2})
    judge = scripted(Scripted(), "judge", role="judge")
    async with open_desk(tmp_path, first, judge, scripted(Scripted("c"), "second")) as desk:
        found = await answered(desk)
    assert [(one.teacher, one.draw, one.values["said"]) for one in found.answers] == [
        ("first", 0, "a"),
        ("first", 1, "b"),
        ("second", 0, "c"),
    ]
    assert found.photos == (PHOTO,)


async def test_a_teacher_that_gives_no_answer_is_a_typed_failure_beside_the_others(tmp_path: Path) -> None:
    refuses = scripted(Scripted(CallFailed(kind="permanent_error", detail="bad")))
    async with open_desk(tmp_path, refuses, scripted(Scripted("c"), "second")) as desk:
        found = await answered(desk)
    assert [(one.failure, dict(one.values)) for one in found.answers] == [
        ("permanent_error", {}),
        (None, {"said": "c"}),
    ]


async def test_the_family_is_given_no_truth_and_what_witnesses_found_before(tmp_path: Path) -> None:
    given: list[Seen] = []

    async def keep(seen: Seen, ask: Ask) -> Said:
        given.append(seen)
        return await answer(seen, ask)

    async def look(seen: Seen, images: Mapping[str, bytes], answers: Sequence[Answered], ask: Ask) -> Evidence:
        assert (seen.evidence, answers) == ((), ())
        assert (list(images), len(images), images["photo"]) == (["photo"], 1, b"jpeg of photo")
        assert "map" not in images
        return Evidence(source="ocr", findings=(Finding(kind="text", text="КАЗАНЬ"),))

    async with open_desk(tmp_path, scripted(Scripted("a"))) as desk:
        found = await answered(desk, replace(FAMILY, answer=keep), witness(look))
    (seen,) = given
    assert (seen.images, dict(seen.texts)) == (("photo",), {})
    assert seen.id == hashlib.sha256(b"s").hexdigest()[:16], "an id may be a path that tells the place"
    assert seen.evidence == found.evidence == (Evidence(source="ocr", findings=(Finding(kind="text", text="КАЗАНЬ"),)),)
    assert "Kazan" not in repr(replace(seen, evidence=()))


async def test_the_family_is_given_the_texts_it_names_and_no_others(tmp_path: Path) -> None:
    async def keep(seen: Seen, ask: Ask) -> Said:
        return Said(values={**seen.texts, "said": await ask(WHERE, read=words)})

    sample = replace(KAZAN, texts={"caption": "A tower.", "landmark": "Kazan Kremlin"})
    family = replace(FAMILY, answer=keep, needs=Needs(texts=("caption",)))
    async with open_desk(tmp_path, scripted(Scripted("a"))) as desk:
        staff = staff_of(desk, family)
        found = await answer_sample(staff, desk, sample, (PHOTO,), {"photo": "key"}, lambda role: role.encode())
    assert found.answers[0].values == {"caption": "A tower.", "said": "a"}


async def test_witnesses_after_see_the_answers_and_may_find_nothing(tmp_path: Path) -> None:
    async def compare(_seen: Seen, _images: Mapping[str, bytes], answers: Sequence[Answered], _ask: Ask) -> Evidence:
        return Evidence(
            source="after", findings=tuple(Finding(kind="said", text=one.values["said"]) for one in answers)
        )

    async def blind(*_: Any) -> None:
        return None

    async with open_desk(tmp_path, scripted(Scripted("a"))) as desk:
        found = await answered(desk, FAMILY, witness(compare, "after"), witness(blind, name="blind"))
    assert [[one.text for one in evidence.findings] for evidence in found.evidence] == [["a"]]


async def test_a_witness_asks_its_own_model_through_the_ledger(tmp_path: Path) -> None:
    async def read_signs(_seen: Seen, _images: Mapping[str, bytes], _answers: Sequence[Answered], ask: Ask) -> Evidence:
        text = await ask(replace(WHERE, purpose="witness:ocr"), read=words)
        return Evidence(source="ocr", findings=(Finding(kind="text", text=text),))

    model = scripted(Scripted("STOP"), "ocr", role="witness")
    async with open_desk(tmp_path, scripted(Scripted("a")), model) as desk:
        found = await answered(desk, FAMILY, witness(read_signs))
        assert {(row.teacher, row.purpose) for row in desk.ledger.rows()} == {
            ("first", "answer"),
            ("ocr", "witness:ocr"),
        }
    assert found.evidence[0].findings[0].text == "STOP"


def no_evidence(kind: str) -> Look:
    async def look(*_: Any) -> Evidence:
        raise NoAnswer(kind, "no")

    return look


async def test_a_required_witness_whose_endpoint_is_away_stops_the_build(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted("a"))) as desk:
        with pytest.raises(EnvironmentFault, match=r"witness ocr: no evidence about sample `s` \(exhausted: no\)"):
            await answered(desk, FAMILY, witness(no_evidence("exhausted")))


async def test_a_required_witness_that_nobody_can_read_quarantines_the_sample(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted("a"))) as desk:
        found = await answered(desk, FAMILY, witness(no_evidence("not_json")))
    assert nothing_to_check(found, asked=True) == ("witness:ocr",)
    assert found.evidence[0].findings[0].text == "not_json: no"


@pytest.mark.parametrize("kind", ["refused", "exhausted"])
async def test_a_witness_that_is_not_required_may_fail(tmp_path: Path, kind: str) -> None:
    async with open_desk(tmp_path, scripted(Scripted("a"))) as desk:
        found = await answered(desk, FAMILY, witness(no_evidence(kind), required=False))
    assert found.evidence == () and found.answers[0].failure is None


async def test_a_witness_is_refused_the_truth(tmp_path: Path) -> None:
    async def curious(_seen: Seen, _images: Mapping[str, bytes], _answers: Sequence[Answered], ask: Ask) -> None:
        ask.truth("place")

    async with open_desk(tmp_path, scripted(Scripted("a"))) as desk:
        with pytest.raises(PluginFault, match="evidence must not know it"):
            await answered(desk, FAMILY, witness(curious))


async def combine(_seen: Seen, answers: Sequence[Answered], ask: Ask) -> Said | None:
    listed = ", ".join(one.values.get("said", "nothing") for one in answers)
    request = Request("judge", (Turn("user", (f"Which: {listed}?",)),))
    best = await ask(request, read=words, teacher="judge")
    return None if best == "leave them" else Said(values={"best": best})


JUDGED = replace(FAMILY, combine=combine, needs=Needs(roles=("judge",)))


async def test_what_a_family_combines_comes_last_and_names_its_judge(tmp_path: Path) -> None:
    judge = Scripted("a")
    refuses = scripted(Scripted(CallFailed(kind="permanent_error", detail="")), "second")
    async with open_desk(tmp_path, scripted(Scripted("a")), refuses, scripted(judge, "j", role="judge")) as desk:
        found = await answered(desk, JUDGED)
    assert [(one.teacher, one.combined) for one in found.answers] == [("first", False), ("second", False), ("j", True)]
    assert found.answers[-1].values == {"best": "a"}
    assert judge.asked[0].request.turns[0].parts == ("Which: a, nothing?",)


async def test_a_family_may_leave_the_answers_as_they_are(tmp_path: Path) -> None:
    judge = scripted(Scripted("leave them"), "j", role="judge")
    async with open_desk(tmp_path, scripted(Scripted("a")), judge) as desk:
        assert len((await answered(desk, JUDGED)).answers) == 1


async def test_a_judge_without_an_answer_is_a_failed_combined_answer(tmp_path: Path) -> None:
    judge = scripted(Scripted("", ""), "j", role="judge")
    async with open_desk(tmp_path, scripted(Scripted("a")), judge) as desk:
        last = (await answered(desk, JUDGED)).answers[-1]
    assert (last.combined, last.failure, last.teacher) == (True, "empty", "j")


async def test_nothing_is_combined_where_nobody_answered(tmp_path: Path) -> None:
    refuses = scripted(Scripted(CallFailed(kind="permanent_error", detail="")))
    async with open_desk(tmp_path, refuses, scripted(Scripted(), "j", role="judge")) as desk:
        assert [one.failure for one in (await answered(desk, JUDGED)).answers] == ["permanent_error"]


async def test_what_is_combined_has_seen_as_much_truth_as_any_answer(tmp_path: Path) -> None:
    async def told(seen: Seen, ask: Ask) -> Said:
        ask.truth("country")
        return await answer(seen, ask)

    judge = scripted(Scripted("a"), "j", role="judge")
    async with open_desk(tmp_path, scripted(Scripted("a")), judge) as desk:
        found = await answered(desk, replace(JUDGED, answer=told))
        assert [row.purpose for row in desk.ledger.rows()] == ["answer+saw_country", "judge+saw_country"]
    assert [one.saw_truth for one in found.answers] == ["country", "country"]


async def test_what_is_combined_of_measured_answers_may_know_how_near_they_were(tmp_path: Path) -> None:
    async def measured(seen: Seen, ask: Ask) -> Said:
        said = await answer(seen, ask)
        ask.is_within(25, lat=0, lon=0)
        return said

    judge = scripted(Scripted("a"), "j", role="judge")
    async with open_desk(tmp_path, scripted(Scripted("a")), judge) as desk:
        found = await answered(desk, replace(JUDGED, answer=measured))
        assert [row.purpose for row in desk.ledger.rows()] == ["answer", "judge+saw_place"]
    assert [one.saw_truth for one in found.answers] == ["none", "place"]


async def test_more_questions_than_the_family_states_are_its_fault(tmp_path: Path) -> None:
    async def twice(seen: Seen, ask: Ask) -> Said:
        await answer(seen, ask)
        return await answer(seen, ask)

    async with open_desk(tmp_path, scripted(Scripted("a", "b"))) as desk:
        with pytest.raises(PluginFault, match=r"more than 1 questions about sample `s`.*needs\.calls"):
            await answered(desk, replace(FAMILY, answer=twice))
        assert len((await answered(desk, replace(FAMILY, answer=twice, needs=Needs(calls=(1, 2))))).answers) == 1


async def raises(*_: Any) -> Any:
    raise ZeroDivisionError("1 / 0")


async def returns_text(*_: Any) -> Any:
    return "Kazan"


async def returns_a_set(*_: Any) -> Any:
    return Said(values={"towns": {"Kazan"}})


@pytest.mark.parametrize(
    ("family", "said"),
    [
        (replace(FAMILY, answer=raises), "generator `mine` failed in `answer` on sample `s`: ZeroDivisionError"),
        (replace(FAMILY, answer=returns_text), "failed in `answer` .* returned str, not Said"),
        (replace(FAMILY, answer=returns_a_set), "failed in `answer` .* not JSON serializable"),
        (replace(FAMILY, combine=raises), "generator `mine` failed in `combine`"),
        (replace(FAMILY, combine=returns_text), "failed in `combine` .* returned str, not Said"),
    ],
)
async def test_a_family_that_breaks_is_named_with_the_sample(tmp_path: Path, family: Generator, said: str) -> None:
    async with open_desk(tmp_path, scripted(Scripted("a"))) as desk:
        with pytest.raises(PluginFault, match=said):
            await answered(desk, family)


async def test_a_witness_that_breaks_is_named(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted("a"))) as desk:
        with pytest.raises(PluginFault, match="witness `ocr` failed in `look` on sample `s`: ZeroDivisionError"):
            await answered(desk, FAMILY, witness(raises))


async def test_an_answer_that_comes_later_puts_the_sample_off_and_the_other_is_kept(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted(Deferred("b1"))), scripted(Scripted("c"), "second")) as desk:
        with pytest.raises(Deferred):
            await answered(desk)
        assert {row.teacher: row.status for row in desk.ledger.rows()} == {"first": "sent", "second": "ok"}
    async with open_desk(tmp_path, scripted(Scripted("a")), scripted(Scripted(), "second")) as desk:
        assert [one.values["said"] for one in (await answered(desk)).answers] == ["a", "c"]


async def test_any_error_goes_before_an_answer_that_comes_later() -> None:
    async def later() -> None:
        raise Deferred("b1")

    async def stopped() -> None:
        await asyncio.sleep(0)
        raise BudgetReached("spent")

    with pytest.raises(BudgetReached):
        await all_of([later(), stopped()])


async def test_running_a_family_again_from_its_ledger_gives_the_same_answers(tmp_path: Path) -> None:
    def made(*backends: Scripted) -> list[Any]:
        one, judge = backends
        return [scripted(one, sampling={"draws": 2}), scripted(judge, "j", role="judge")]

    async with open_desk(tmp_path, *made(Scripted("a", "b"), Scripted("b"))) as desk:
        first = await answered(desk, JUDGED)
    async with open_desk(tmp_path, *made(Scripted(), Scripted())) as desk:
        second = await answered(desk, JUDGED)
    assert second.answers == first.answers


async def makes_something_up(seen: Seen, ask: Ask) -> Said:
    try:
        return await answer(seen, ask)
    except Exception:
        return Said(values={"said": "Paris, I suppose"})


async def says_there_is_none(seen: Seen, ask: Ask) -> Said:
    try:
        return await answer(seen, ask)
    except Exception:
        raise NoAnswer("not_json") from None


@pytest.mark.parametrize("family", [makes_something_up, says_there_is_none])
@pytest.mark.parametrize("stop", [Deferred("batch-7"), BudgetReached("spent"), EnvironmentFault("away")])
async def test_a_family_that_catches_everything_cannot_make_up_for_what_stopped_its_question(
    tmp_path: Path, family: Any, stop: Exception
) -> None:
    async with open_desk(tmp_path, scripted(Scripted(stop))) as desk:
        with pytest.raises(type(stop), match=str(stop)):
            await answered(desk, replace(FAMILY, answer=family))


async def test_a_combined_answer_cannot_be_made_up_either(tmp_path: Path) -> None:
    async def combine(seen: Seen, answers: Sequence[Answered], ask: Ask) -> Said:
        try:
            return Said(values={"verdict": await ask(WHERE, read=words, teacher="judge")})
        except Exception:
            return Said(values={"verdict": "fine"})

    judge = scripted(Scripted(Deferred("batch-7")), "judge", role="judge")
    async with open_desk(tmp_path, scripted(Scripted("Kazan")), judge) as desk:
        with pytest.raises(Deferred):
            await answered(desk, replace(JUDGED, combine=combine))


async def test_a_family_asks_no_role_that_it_does_not_name(tmp_path: Path) -> None:
    judge = Scripted("fine")
    async with open_desk(tmp_path, scripted(Scripted("Kazan")), scripted(judge, "judge", role="judge")) as desk:
        with pytest.raises(PluginFault, match=r"role `judge`: name it in `needs\.roles`"):
            await answered(desk, replace(FAMILY, combine=combine))
    assert judge.asked == []


async def test_a_witness_cannot_make_up_its_evidence(tmp_path: Path) -> None:
    async def look(seen: Seen, images: Mapping[str, bytes], answers: Sequence[Answered], ask: Ask) -> Evidence:
        with suppress(Exception):
            await ask(WHERE, read=words)
        return Evidence(source="ocr")

    own = scripted(Scripted(BudgetReached("spent")), "ocr", role="witness")
    async with open_desk(tmp_path, scripted(Scripted("Kazan")), own) as desk:
        with pytest.raises(BudgetReached):
            await answered(desk, FAMILY, witness(look))


async def test_evidence_that_could_not_be_stored_names_its_witness(tmp_path: Path) -> None:
    async def look(*_: Any) -> Evidence:
        return Evidence(source="ocr", findings=(Finding(kind="sign", score="high"),))  # type: ignore[arg-type]

    async with open_desk(tmp_path, scripted(Scripted("Kazan"))) as desk:
        with pytest.raises(PluginFault, match=r"witness `ocr` failed in `look` on sample `s`: TypeError: a fin"):
            await answered(desk, FAMILY, witness(look))


async def test_a_backend_that_breaks_is_not_the_familys_fault(tmp_path: Path) -> None:
    class NoInputs(Scripted):
        def inputs(self, question: Any) -> Mapping[str, Any]:
            raise KeyError("revision")

    class NoReply(Scripted):
        async def complete(self, question: Any, images: Mapping[str, bytes]) -> Any:
            return {"text": "Kazan"}

    for number, (backend, said) in enumerate([(NoInputs(), "`inputs`"), (NoReply(), "returned dict, not Reply")]):
        async with open_desk(tmp_path / str(number), scripted(backend)) as desk:
            with pytest.raises(PluginFault, match=r"^teacher `first`") as fault:
                await answered(desk)
        assert said in str(fault.value)
