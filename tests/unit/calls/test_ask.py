"""A family asks, the ledger remembers: turns, repeats, repairs, draws, batches, the truth."""

from __future__ import annotations

import asyncio
import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factory.calls.ask import LONG_REPLY, Asker, Desk
from factory.calls.budget_file import Spent
from factory.calls.ledger import Ledger
from factory.calls.row import LedgerRow
from factory.errors import EnvironmentFault, PluginFault
from factory.plugins.contracts import CallFailed, Deferred, NoAnswer, ParseFailure, Said
from schemas import Answered, ImageRef, Picture, Reply, Request, Turn
from schemas.settings import BudgetLimits
from tests.asking import KAZAN, Scripted, asker, charged_to, open_desk, scripted

WHERE = Request("answer", (Turn("system", ("You look.",)), Turn("user", ("Where?", Picture()))))


def words(reply: Reply) -> str | ParseFailure:
    return reply.text or ParseFailure("empty", "no words")


def a_number(reply: Reply) -> int | ParseFailure:
    return int(reply.text) if reply.text.isdigit() else ParseFailure("not_json", f"{reply.text} is no number")


async def converse(ask: Asker) -> Answered:
    """A family of two turns: where, then how sure."""
    try:
        where = await ask(WHERE, read=words)
        sure = WHERE.then(Turn("assistant", (where,)), Turn("user", ("How sure?",)))
        return ask.answered(Said(values={"where": where, "sure": await ask(sure, read=a_number)}))
    except NoAnswer as none:
        return ask.answered(none)


def rows(desk: Desk) -> list[LedgerRow]:
    return list(desk.ledger.rows())


async def test_turns_are_numbered_and_their_keys_are_the_answers_provenance(tmp_path: Path) -> None:
    backend = Scripted("Kazan", "9")
    async with open_desk(tmp_path, scripted(backend)) as desk:
        answered = await converse(asker(desk))
        kept = rows(desk)
    assert answered.values == {"where": "Kazan", "sure": 9}
    assert [(row.turn, row.attempt, row.purpose, row.sample_id) for row in kept] == [
        (0, 0, "answer", "s"),
        (1, 0, "answer", "s"),
    ]
    assert answered.keys == tuple(row.key for row in kept)
    assert (answered.teacher, answered.model) == ("first", "model of first")
    assert [turn.who for turn in backend.asked[1].request.turns] == ["system", "user", "assistant", "user"]
    assert backend.shown == [{"photo": b"jpeg of photo"}] * 2


async def test_a_second_run_asks_nothing_and_looks_at_no_picture(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted("Kazan", "9"))) as desk:
        first = await converse(asker(desk))

    def unseen(role: str) -> bytes:
        raise AssertionError(role)

    async with open_desk(tmp_path, scripted(Scripted())) as desk:
        second = await converse(asker(desk, image=unseen))
    assert second == first


async def test_a_conversation_that_was_stopped_between_its_turns_pays_only_the_rest(tmp_path: Path) -> None:
    away = CallFailed(kind="credentials", detail="no key", fatal=True)
    async with open_desk(tmp_path, scripted(Scripted("Kazan", away))) as desk:
        with pytest.raises(EnvironmentFault, match="credentials"):
            await converse(asker(desk))
    backend = Scripted("9")
    async with open_desk(tmp_path, scripted(backend)) as desk:
        assert (await converse(asker(desk))).values == {"where": "Kazan", "sure": 9}
    assert [question.turn for question in backend.asked] == [1]


async def test_another_first_answer_makes_the_second_turn_another_question(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted("Kazan", "9"))) as desk:
        first = await converse(asker(desk))
    async with open_desk(tmp_path / "other", scripted(Scripted("Perm", "9"))) as desk:
        second = await converse(asker(desk))
    assert first.keys[0] == second.keys[0] and first.keys[1] != second.keys[1]


async def test_the_same_question_under_other_names_is_the_same_key(tmp_path: Path) -> None:
    ground = replace(KAZAN, id="t", images=(ImageRef(role="ground", locator="s.jpg"),))
    renamed = Request("judge", (WHERE.turns[0], Turn("user", ("Where?", Picture("ground")))))
    async with open_desk(tmp_path, scripted(Scripted("Kazan"))) as desk:
        await asker(desk)(WHERE, read=words)
        assert await asker(desk, ground)(renamed, read=words) == "Kazan"
        assert len(rows(desk)) == 1


async def test_the_order_of_the_pictures_is_part_of_the_question(tmp_path: Path) -> None:
    two = replace(KAZAN, images=(ImageRef(role="a", locator="a.jpg"), ImageRef(role="b", locator="b.jpg")))
    backend = Scripted("one", "two")
    async with open_desk(tmp_path, scripted(backend)) as desk:
        for roles in ("ab", "ba"):
            turn = Turn("user", tuple(Picture(role) for role in roles))
            await asker(desk, two)(Request("answer", (turn,)), read=words)
    assert backend.asked[0].key != backend.asked[1].key
    assert [set(shown) for shown in backend.shown] == [{"a", "b"}] * 2


@pytest.mark.parametrize(("characters", "elsewhere"), [(LONG_REPLY, False), (LONG_REPLY + 1, True)])
async def test_a_long_reply_is_read_while_the_calls_of_others_go_on(
    tmp_path: Path, characters: int, elsewhere: bool
) -> None:
    threads = []

    def length(reply: Reply) -> int:
        threads.append(threading.get_ident())
        return len(reply.text)

    async with open_desk(tmp_path, scripted(Scripted("x" * characters))) as desk:
        assert await asker(desk)(WHERE, read=length) == characters
    assert (threads[0] != threading.get_ident()) is elsewhere


async def test_a_reply_that_cannot_be_read_is_asked_again_in_the_same_words(tmp_path: Path) -> None:
    backend = Scripted("far", "7")
    async with open_desk(tmp_path, scripted(backend)) as desk:
        ask = asker(desk)
        assert await ask(WHERE, read=a_number) == 7
        answered = ask.answered(Said())
    first, second = backend.asked
    assert first.request == second.request
    assert (second.turn, second.attempt) == (0, 1)
    assert answered.keys == (second.key,) and second.key != first.key


async def test_a_repair_turn_shows_the_teacher_its_own_answer(tmp_path: Path) -> None:
    backend = Scripted("far", "7")
    async with open_desk(tmp_path, scripted(backend, bad_answer={"repair": True})) as desk:
        assert await asker(desk)(WHERE, read=a_number) == 7
        assert len({row.key for row in rows(desk)}) == 2
    said, told = backend.asked[1].request.turns[-2:]
    assert (said.who, said.parts) == ("assistant", ("far",))
    assert told.who == "user" and "not json: far is no number" in str(told.parts[0])
    async with open_desk(tmp_path, scripted(Scripted(), bad_answer={"repair": True})) as desk:
        assert await asker(desk)(WHERE, read=a_number) == 7, "the repaired answer is found by its own key"


async def test_a_second_repair_shows_the_latest_answer_only(tmp_path: Path) -> None:
    backend = Scripted("far", "farther", "7")
    async with open_desk(tmp_path, scripted(backend, bad_answer={"repair": True, "retries": 2})) as desk:
        assert await asker(desk)(WHERE, read=a_number) == 7
    assert [turn.parts[0] for turn in backend.asked[2].request.turns if turn.who == "assistant"] == ["farther"]


async def test_an_empty_answer_is_asked_again_and_not_shown(tmp_path: Path) -> None:
    backend = Scripted("", "Kazan")
    async with open_desk(tmp_path, scripted(backend, bad_answer={"repair": True})) as desk:
        assert await asker(desk)(WHERE, read=words) == "Kazan"
    assert backend.asked[1].request == WHERE


async def test_no_answer_becomes_a_failed_answer_with_the_last_key(tmp_path: Path) -> None:
    backend = Scripted("Kazan", "very", "very")
    async with open_desk(tmp_path, scripted(backend)) as desk:
        answered = await converse(asker(desk))
    assert (answered.failure, answered.detail) == ("not_json", "very is no number")
    assert answered.keys == (backend.asked[0].key, backend.asked[2].key)
    assert (answered.place, answered.values, len(backend.asked)) == (None, {}, 3)


async def test_a_permanent_refusal_is_no_answer_for_good(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted(CallFailed(kind="permanent_error", detail="bad")))) as desk:
        answered = await converse(asker(desk))
        assert await converse(asker(desk)) == answered
    assert (answered.failure, answered.detail) == ("permanent_error", "bad")


async def test_an_exhausted_question_is_asked_again_by_the_next_run(tmp_path: Path) -> None:
    async with open_desk(
        tmp_path, scripted(Scripted(CallFailed(kind="timeout", detail="slow", retryable=True)))
    ) as desk:
        failed = await converse(asker(desk))
    assert (failed.failure, failed.detail) == ("exhausted", "timeout: slow")
    async with open_desk(tmp_path, scripted(Scripted("Kazan", "9"))) as desk:
        assert (await converse(asker(desk))).failure is None
        assert [row.http_calls for row in rows(desk)] == [2, 1]


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_question_that_two_samples_share_is_asked_in_vain_once_a_run(tmp_path: Path, at_once: bool) -> None:
    backend = Scripted(CallFailed(kind="timeout", detail="slow", retryable=True))
    twin = replace(KAZAN, id="t")
    async with open_desk(tmp_path, scripted(backend)) as desk:
        both = asker(desk), asker(desk, twin)
        if at_once:
            failed = await asyncio.gather(*map(converse, both))
        else:
            failed = [await converse(ask) for ask in both]
    assert [answered.failure for answered in failed] == ["exhausted", "exhausted"]
    assert len(backend.asked) == 1


async def test_a_question_asked_in_vain_stands_in_the_ledger_of_every_shard_that_shares_it(tmp_path: Path) -> None:
    backend = Scripted(CallFailed(kind="timeout", detail="slow", retryable=True))
    async with open_desk(tmp_path, scripted(backend)) as desk:
        await converse(asker(desk))
        (tmp_path / "two").mkdir()
        with Ledger(tmp_path / "two" / "ledger.sqlite") as other:
            assert (await converse(asker(replace(desk, ledger=other)))).failure == "exhausted"
            assert [(row.status, row.origin) for row in other.rows()] == [("exhausted", "ledger")]
    assert len(backend.asked) == 1


async def test_the_truth_marks_the_answer_and_every_later_question(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted("a", "b", "c"))) as desk:
        ask = asker(desk)
        await ask(WHERE, read=words)
        told = ask.truth("country")
        assert (told.country, told.country_code, told.city, told.lat) == ("Russia", "RU", None, None)
        await ask(WHERE.then(Turn("user", ("In Russia.",))), read=words)
        place = ask.truth("place")
        assert (place.country, place.region, place.city, place.lat, place.lon) == (
            "Russia",
            "Tatarstan",
            "Kazan",
            55.79,
            49.12,
        )
        assert ask.truth("country").city is None
        await ask(WHERE.then(Turn("user", ("In Kazan.",))), read=words)
        assert ask.answered(Said()).saw_truth == "place", "what was shown cannot be taken back"
        assert [row.purpose for row in rows(desk)] == ["answer", "answer+saw_country", "answer+saw_place"]


async def test_a_failed_answer_is_marked_too(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted())) as desk:
        ask = asker(desk)
        ask.truth("country")
        assert ask.answered(NoAnswer("refused")).saw_truth == "country"


async def test_the_truth_is_refused_to_a_witness(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted())) as desk:
        with pytest.raises(PluginFault, match="a witness asks for the truth of sample `s`"):
            asker(desk, may_see_truth=False).truth("country")


NEAR_KAZAN = {"lat": 55.79 + 24 / 111.19, "lon": 49.12}  # 24 km north of it


async def test_measuring_tells_one_bit_and_marks_only_what_is_asked_afterwards(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted("a", "b"))) as desk:
        ask = asker(desk)
        await ask(WHERE, read=words)
        assert ask.is_within(25, **NEAR_KAZAN) is True
        assert ask.answered(Said()).saw_truth == "none", "no question of it could know"
        await ask(WHERE.then(Turn("user", ("Are you sure?",))), read=words)
        assert ask.answered(Said()).saw_truth == "place", "to be asked again is to be told"
        assert ask.is_within(23.5, **NEAR_KAZAN) is False
        assert [row.purpose for row in rows(desk)] == ["answer", "answer+saw_place"]


async def test_no_place_is_found_by_measuring_again_and_again(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted("a"))) as desk:
        ask = asker(desk)
        with pytest.raises(PluginFault, match="before the first, about sample `s`"):
            ask.is_within(25, **NEAR_KAZAN)
        await ask(WHERE, read=words)
        ask.is_within(25, **NEAR_KAZAN)
        with pytest.raises(PluginFault, match="measures twice after one reply"):
            ask.is_within(12, **NEAR_KAZAN)


@pytest.mark.parametrize("odd", [math.nan, math.inf])
async def test_a_point_that_is_none_is_refused(tmp_path: Path, odd: float) -> None:
    async with open_desk(tmp_path, scripted(Scripted("a"))) as desk:
        ask = asker(desk)
        await ask(WHERE, read=words)
        with pytest.raises(ValueError, match="expected finite numbers"):
            ask.is_within(25, lat=odd, lon=0)


async def test_nothing_is_near_an_unknown_place(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted("a"))) as desk:
        ask = asker(desk, replace(KAZAN, lat=math.nan, lon=math.nan))
        await ask(WHERE, read=words)
        assert ask.is_within(20_037, **NEAR_KAZAN) is None


async def test_a_witness_may_not_measure(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted())) as desk:
        with pytest.raises(PluginFault, match="a witness measures against the truth of sample `s`"):
            asker(desk, may_see_truth=False).is_within(25, **NEAR_KAZAN)


async def test_a_picture_that_the_sample_lacks_is_a_fault_of_the_family(tmp_path: Path) -> None:
    aerial = Request("answer", (Turn("user", (Picture("satellite"),)),))
    async with open_desk(tmp_path, scripted(Scripted())) as desk:
        with pytest.raises(PluginFault, match=r"shows the picture `satellite`.*needs\.images"):
            await asker(desk)(aerial, read=words)


async def test_a_role_that_no_teacher_has_is_named_with_those_there_are(tmp_path: Path) -> None:
    made = scripted(Scripted()), scripted(Scripted(), "second", role="critic")
    async with open_desk(tmp_path, *made) as desk:
        with pytest.raises(PluginFault, match="role `judge`; the recipe's teachers have answer, critic"):
            await asker(desk)(WHERE, read=words, teacher="judge")


async def test_another_role_is_asked_by_name_and_the_answer_stays_its_teachers(tmp_path: Path) -> None:
    judge = Scripted("fine")
    async with open_desk(tmp_path, scripted(Scripted("Kazan")), scripted(judge, "second", role="judge")) as desk:
        ask = asker(desk)
        await ask(WHERE, read=words)
        assert await ask(replace(WHERE, purpose="judge"), read=words, teacher="judge") == "fine"
        answered = ask.answered(Said())
        assert [(row.teacher, row.purpose, row.turn) for row in rows(desk)] == [
            ("first", "answer", 0),
            ("second", "judge", 1),
        ]
    assert (answered.teacher, answered.model) == ("first", "model of first")
    assert judge.asked[0].turn == 1


async def test_what_a_family_combines_is_credited_to_whom_it_asked(tmp_path: Path) -> None:
    judge = scripted(Scripted("fine"), "second", role="judge")
    async with open_desk(tmp_path, scripted(Scripted()), judge) as desk:
        ask = asker(desk, teacher=None)
        await ask(WHERE, read=words, teacher="judge")
        asked = ask.answered(Said(), combined=True)
        alone = asker(desk, teacher=None).answered(Said(), combined=True)
    assert (asked.teacher, asked.model, asked.combined) == ("second", "model of second", True)
    assert (alone.teacher, alone.keys) == ("combined", ())


async def test_every_draw_is_a_question_of_its_own(tmp_path: Path) -> None:
    backend = Scripted("Kazan", "Perm")
    async with open_desk(tmp_path, scripted(backend, sampling={"draws": 2})) as desk:
        said = [await asker(desk, draw=draw)(WHERE, read=words) for draw in (0, 1, 0)]
        assert [row.draw for row in rows(desk)] == [0, 1]
        assert asker(desk, draw=1).answered(Said()).draw == 1
    assert said == ["Kazan", "Perm", "Kazan"]
    assert [question.draw for question in backend.asked] == [0, 1]


async def test_two_samples_with_one_picture_share_one_call(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted("Kazan"))) as desk:
        one, two = asker(desk), asker(desk, replace(KAZAN, id="twin"))
        assert list(await asyncio.gather(one(WHERE, read=words), two(WHERE, read=words))) == ["Kazan", "Kazan"]
        assert one.answered(Said()) == two.answered(Said())
        assert len(rows(desk)) == 1


async def test_an_answer_that_comes_later_is_kept_with_its_handle_and_polled_by_the_next_run(tmp_path: Path) -> None:
    prices = {"input_per_million": 10_000.0}
    async with open_desk(tmp_path, scripted(Scripted(Deferred("batch-7")), prices=prices)) as desk:
        with pytest.raises(Deferred):
            await converse(asker(desk))
        (sent,) = rows(desk)
        assert (sent.status, sent.handle, sent.http_calls, sent.cost) == ("sent", "batch-7", 1, 0.0)
        assert not desk.ledger.owns(sent.key)
    waits = Scripted(Deferred("batch-7"))
    async with open_desk(tmp_path, scripted(waits, prices=prices)) as desk:
        with pytest.raises(Deferred):
            await converse(asker(desk))
    polled = Scripted("Kazan", "9")
    async with open_desk(tmp_path, scripted(polled, prices=prices)) as desk:
        answered = await converse(asker(desk))
        first, second = rows(desk)
    assert [question.handle for question in (*waits.asked, *polled.asked)] == ["batch-7", "batch-7", None]
    assert (first.status, first.handle, first.http_calls, first.cost) == ("ok", "batch-7", 1, 1.0)
    assert (second.handle, second.http_calls) == (None, 1)
    assert second.cost == 1.0 and answered.values["where"] == "Kazan"


async def test_scores_of_a_reply_are_read_again_as_they_came(tmp_path: Path) -> None:
    reply = Reply(text="yes", scores={"yes": -0.25, "no": -1.5})
    seen: list[Reply] = []

    def keep(found: Reply) -> str:
        seen.append(found)
        return found.text

    for backend in (Scripted(reply), Scripted()):
        async with open_desk(tmp_path, scripted(backend)) as desk:
            await asker(desk)(WHERE, read=keep)
    assert seen[0].scores == seen[1].scores == {"yes": -0.25, "no": -1.5}
    assert seen[0] == seen[1] and seen[0].key


async def test_a_recording_is_asked_once_and_shown_nothing(tmp_path: Path) -> None:
    backend = Scripted("no number", paid=False)
    async with open_desk(tmp_path, scripted(backend), limits={"first": BudgetLimits(calls=0)}) as desk:
        ask = asker(desk)
        with pytest.raises(NoAnswer, match="not_json"):
            await ask(WHERE, read=a_number)
        answered = ask.answered(NoAnswer("not_json"))
        (row,) = rows(desk)
    assert answered.failure == "not_json"
    assert (row.origin, row.http_calls, row.cost) == ("replay", 0, 0.0)
    assert backend.shown == [{}]


@pytest.mark.parametrize("paid", [True, False])
async def test_a_backend_that_raises_names_its_teacher_and_the_sample(tmp_path: Path, paid: bool) -> None:
    async with open_desk(tmp_path, scripted(Scripted(ZeroDivisionError("by zero"), paid=paid))) as desk:
        with pytest.raises(PluginFault, match="teacher `first` at scripted failed on sample `s`: ZeroDivisionError"):
            await asker(desk)(WHERE, read=words)


@pytest.mark.parametrize(("letters", "charged"), [(30, 2_610), (9_000, 5_600)])
async def test_what_an_endpoint_does_not_state_is_charged_by_the_prompt_as_it_has_grown(
    tmp_path: Path, letters: int, charged: int
) -> None:
    limits = {"first": BudgetLimits(tokens=10_000)}
    asked = Request("answer", (Turn("user", ("x" * letters, Picture())),))
    settings: dict[str, Any] = {"sampling": {"max_tokens": 1_000}}
    async with open_desk(tmp_path, scripted(Scripted(Reply(text="Kazan")), **settings), limits=limits) as desk:
        assert await asker(desk)(asked, read=words) == "Kazan"
        assert charged_to(desk.budget)["first"].tokens == charged
        assert rows(desk)[0].prompt_tokens == 0, "a ledger holds what was stated"


@pytest.mark.parametrize(
    ("kind", "billed"),
    [
        ("timeout", True),
        ("dropped", True),
        ("bad_body", True),
        ("http_504", True),
        ("of_a_plugin", True),
        ("http_500", False),
        ("rate_limited", False),
        ("permanent_error", False),
        ("refused_connection", False),
    ],
)
async def test_a_failed_call_is_charged_where_it_may_be_on_the_bill(tmp_path: Path, kind: str, billed: bool) -> None:
    limits = {"first": BudgetLimits(tokens=10_000)}
    async with open_desk(tmp_path, scripted(Scripted(CallFailed(kind=kind, detail="no"))), limits=limits) as desk:
        with pytest.raises(NoAnswer):
            await asker(desk)(WHERE, read=words)
        assert (charged_to(desk.budget)["first"].tokens > 0) is billed


async def test_a_batch_that_an_earlier_build_sent_is_asked_for_under_its_handle(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    async with open_desk(old, scripted(Scripted(Deferred("batch-7")))) as desk:
        with pytest.raises(Deferred):
            await converse(asker(desk))
    backend = Scripted("Kazan", "9")
    async with open_desk(new, scripted(backend)) as desk:
        with Ledger(new / "own" / "ledger.sqlite", prior=[old / "ledger.sqlite"]) as ledger:
            assert (await converse(asker(replace(desk, ledger=ledger)))).failure is None
            assert [row.http_calls for row in ledger.rows()] == [0, 1], "what the other build sent was counted there"
    assert [question.handle for question in backend.asked] == ["batch-7", None]


async def test_questions_asked_at_once_are_answered_in_the_order_of_asking(tmp_path: Path) -> None:
    async def both(ask: Asker) -> list[str]:
        questions = [Request("answer", (Turn("user", (words_asked,)),)) for words_asked in ("Where?", "When?")]
        return list(await asyncio.gather(*(ask(question, read=words) for question in questions)))

    async with open_desk(tmp_path, scripted(Scripted("Kazan", "now"))) as desk:
        assert await both(ask := asker(desk)) == ["Kazan", "now"]
        assert [(row.turn, row.response) for row in rows(desk)] == [(0, "Kazan"), (1, "now")]
        assert ask.keys == [row.key for row in rows(desk)]


async def test_more_questions_than_stated_are_a_fault_and_repetitions_are_none(tmp_path: Path) -> None:
    async with open_desk(tmp_path, scripted(Scripted("far", "7"))) as desk:
        ask = asker(desk, most_turns=1)
        assert await ask(WHERE, read=a_number) == 7
        with pytest.raises(PluginFault, match=r"more than 1 questions about sample `s`.*needs\.calls"):
            await ask(WHERE, read=a_number)


async def test_a_backend_that_raises_is_a_fault_that_names_it_and_answers_are_kept(tmp_path: Path) -> None:
    backend = Scripted("Kazan", ZeroDivisionError("1 / 0"))
    async with open_desk(tmp_path, scripted(backend)) as desk:
        said = r"teacher `first` at scripted failed on sample `s`: ZeroDivisionError: 1 / 0"
        with pytest.raises(PluginFault, match=said):
            await converse(asker(desk))
        assert [row.response for row in rows(desk)] == ["Kazan"]


async def test_a_sent_question_counts_as_reserved_and_a_look_at_it_counts_nothing(tmp_path: Path) -> None:
    limits, prices = {"first": BudgetLimits(calls=1)}, {"input_per_million": 10_000.0}
    settings: dict[str, Any] = {"prices": prices, "sampling": {"max_tokens": 1_000}}
    backend = Scripted(Deferred("batch-7"), Deferred("batch-7"), "Kazan")
    async with open_desk(tmp_path, scripted(backend, **settings), limits=limits) as desk:
        with pytest.raises(Deferred):
            await asker(desk)(WHERE, read=words)
        sent = charged_to(desk.budget)["first"]
        assert (sent.calls, sent.tokens > 2_000, sent.cost > 10.0) == (1, True, True)
        with pytest.raises(Deferred):
            await asker(desk)(WHERE, read=words)
        assert charged_to(desk.budget)["first"] == sent
        assert await asker(desk)(WHERE, read=words) == "Kazan"
        assert charged_to(desk.budget)["first"] == Spent(calls=1, tokens=110, cost=1.0), "its bill took the place"


async def test_a_look_at_a_batch_tells_whether_the_endpoint_is_away(tmp_path: Path) -> None:
    away = CallFailed(kind="http_503", detail="away", retryable=True, down=True)
    async with open_desk(tmp_path, scripted(Scripted(Deferred("batch-7"), away, "Kazan"))) as desk:
        with pytest.raises(Deferred):
            await asker(desk)(WHERE, read=words)
        with pytest.raises(NoAnswer, match="exhausted"):
            await asker(desk)(WHERE, read=words)
        (lane,) = desk.teachers[0].lanes
        assert lane.down_since is not None
