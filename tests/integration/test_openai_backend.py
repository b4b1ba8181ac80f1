"""The openai backend and `ask` against the fake endpoint: real processes, real sockets, a real ledger."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from factory.calls.teacher import made_teachers, open_teacher
from factory.errors import BudgetReached, EnvironmentFault, RecipeError
from schemas.settings import BudgetLimits
from tests.asking import open_desk
from tests.endpoint_asking import BLOCK, Asking, asking, picture
from tests.fake_endpoint import PLACES, running_endpoint

CANARY_KEY = "sk-canary-7391-never-shown"


async def test_answers_are_typed_and_recorded(tmp_path: Path) -> None:
    with running_endpoint(tmp_path) as server:
        async with asking(tmp_path, server.url) as question:
            answered = await question(1)
            row = question.row(answered)
    assert answered.place is not None
    assert answered.place.country in {place[0] for place in PLACES}
    assert answered.place.clues and answered.place.lat is not None
    assert answered.model == "fake"
    assert (row.status, row.origin, row.http_calls, row.prompt_tokens, row.sample_id) == ("ok", "call", 1, 900, "s1")


class Counted(ThreadPoolExecutor):
    """Threads that count what they are given."""

    given = 0

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        self.given += 1
        return super().submit(*args, **kwargs)


@pytest.mark.parametrize("kind", ["text", "bad_request"])
async def test_a_long_reply_is_read_and_redacted_beside_the_loop_that_carries_the_other_calls(
    tmp_path: Path, kind: str
) -> None:
    asyncio.get_running_loop().set_default_executor(threads := Counted())
    given = {}
    for size in (100, 500_000):
        words = f"{CANARY_KEY}{'%25' * (size // 3)}"
        with running_endpoint(tmp_path / str(size), [{"kind": kind, "text": words, "message": words}]) as server:
            before = threads.given
            async with asking(tmp_path / str(size), server.url) as question:
                assert (await question(1)).place is None
            given[size] = threads.given - before
    assert given[500_000] >= given[100] + (2 if kind == "text" else 1), given


async def test_a_second_run_makes_no_call_and_reads_no_image(tmp_path: Path) -> None:
    with running_endpoint(tmp_path) as server:
        async with asking(tmp_path, server.url) as question:
            first = await question.many(20)
        async with asking(tmp_path, server.url) as question:
            second = await question.many(20)
            assert question.images_read == 0
        assert server.stats()["requests"] == 20
    assert first == second


async def test_the_same_picture_twice_is_paid_once(tmp_path: Path) -> None:
    with running_endpoint(tmp_path, latency_ms=50) as server:
        async with asking(tmp_path, server.url) as question:
            one, two = await asyncio.gather(question(1, sample_id="a"), question(1, sample_id="b"))
        assert server.stats()["requests"] == 1
    assert one == two


async def test_never_more_requests_are_in_flight_than_allowed(tmp_path: Path) -> None:
    with running_endpoint(tmp_path, latency_ms=20) as server:
        async with asking(tmp_path, server.url, max_in_flight=7) as question:
            await question.many(100)
        assert server.stats()["max_in_flight"] == 7


@pytest.mark.parametrize(
    ("kind", "failure"),
    [("truncated", "truncated"), ("not_json", "not_json"), ("empty", "empty"), ("refused", "refused")],
)
async def test_bad_answers_are_asked_again_with_another_seed(tmp_path: Path, kind: str, failure: str) -> None:
    with running_endpoint(tmp_path, [{"kind": kind, "per_image": 1}]) as server:
        async with asking(tmp_path, server.url, sampling={"seed": 0}) as question:
            good = await question(1)
        assert [line["seed"] for line in server.requests()] == [0, 1000]
    with running_endpoint(tmp_path / "always", [{"kind": kind}]) as server:
        async with asking(tmp_path / "always", server.url) as question:
            bad = await question(1)
        assert server.stats()["requests"] == 2
    assert good.place is not None
    assert (bad.place, bad.failure) == (None, failure)


async def test_the_recipe_says_which_bad_answers_are_worth_another_call(tmp_path: Path) -> None:
    rule = {"retries": 3, "kinds": ["not_json"]}
    with running_endpoint(tmp_path, [{"kind": "truncated"}]) as server:
        async with asking(tmp_path, server.url, bad_answer=rule) as question:
            assert (await question(1)).failure == "truncated"
        assert server.stats()["requests"] == 1


async def test_raw_control_characters_and_reasoning_channels_are_read(tmp_path: Path) -> None:
    plan = [{"kind": "control_characters", "first": 1, "count": 1}, {"kind": "thinking", "first": 2}]
    with running_endpoint(tmp_path, plan) as server:
        async with asking(tmp_path, server.url) as question:
            one, two = await question(1), await question(2)
            row = question.row(two)
    assert one.place is not None and "\x01" not in one.place.reasoning
    assert two.place is not None
    assert (row.response or "").startswith("<think>Let me look.</think>\n{")


async def test_a_dripping_body_ends_at_the_deadline(tmp_path: Path) -> None:
    with running_endpoint(tmp_path, [{"kind": "dripping"}]) as server:
        async with asking(tmp_path, server.url, timeout_s=0.5, attempts=1) as question:
            answered = await question(1)
    assert answered.failure == "exhausted" and "timeout" in answered.detail


@pytest.mark.parametrize("status", [200, 500])
async def test_a_body_without_end_is_not_read_into_memory(tmp_path: Path, status: int) -> None:
    with running_endpoint(tmp_path, [{"kind": "flood", "status": status}]) as server:
        async with asking(tmp_path, server.url, attempts=1) as question:
            answered = await question(1)
    assert "more than 8388608 bytes" in answered.detail


async def test_a_compressed_answer_is_not_unpacked(tmp_path: Path) -> None:
    with running_endpoint(tmp_path, [{"kind": "slow", "headers": {"Content-Encoding": "gzip"}}]) as server:
        async with asking(tmp_path, server.url, attempts=1) as question:
            answered = await question(1)
    assert "a compressed body" in answered.detail


async def test_a_compressed_error_hides_no_status(tmp_path: Path) -> None:
    plan = [{"kind": "unauthorized", "headers": {"Content-Encoding": "gzip"}}]
    with running_endpoint(tmp_path, plan) as server:
        async with asking(tmp_path, server.url) as question:
            with pytest.raises(EnvironmentFault, match="credentials: 401"):
                await question(1)


async def test_stored_failures_name_no_host(tmp_path: Path) -> None:
    with running_endpoint(tmp_path, [{"kind": "dropped"}]) as server:
        async with asking(tmp_path, server.url, attempts=1) as question:
            answered = await question(1)
    assert answered.failure == "exhausted"
    assert "127.0.0.1" not in answered.detail and str(server.port) not in answered.detail


async def test_a_server_without_structured_output_is_asked_without_it(tmp_path: Path) -> None:
    with running_endpoint(tmp_path, [{"kind": "no_schema"}]) as server:
        async with asking(tmp_path, server.url) as question:
            first, second = await question(1), await question(2)
            rows = [question.row(a) for a in (first, second)]
        asked = [line["response_format"] for line in server.requests()]
    assert asked == [True, False, False]
    assert [row.http_calls for row in rows] == [2, 1]


@pytest.mark.parametrize("status", [400, 404, 500, 501])
async def test_a_form_refused_under_any_status_is_left_out(tmp_path: Path, status: int) -> None:
    with running_endpoint(tmp_path, [{"kind": "no_schema", "status": status}]) as server:
        async with asking(tmp_path, server.url) as question:
            assert all(a.place for a in await question.many(3))
        assert not any(line["response_format"] for line in server.requests()[-1:])


async def test_a_failure_that_only_speaks_of_the_form_does_not_turn_it_off_for_others(tmp_path: Path) -> None:
    odd = hashlib.sha256(picture(1)).hexdigest()
    plan = [{"kind": "bad_request", "image": odd, "message": "no json_schema in this picture"}]
    with running_endpoint(tmp_path, plan) as server:
        async with asking(tmp_path, server.url) as question:
            assert (await question(1)).failure == "exhausted"
            assert (await question(2)).place is not None
        assert [line["response_format"] for line in server.requests()] == [True, False, True]


async def test_a_refused_parameter_stops_the_build_and_names_the_key_to_drop(tmp_path: Path) -> None:
    for number, (said, remedy) in enumerate(
        (
            ("Unsupported parameter: 'max_tokens'", "write `sampling.max_tokens: null`"),
            ("Unrecognized request argument supplied: top_k", "take `top_k` out of sampling.extra or extra_body"),
        )
    ):
        with running_endpoint(tmp_path / str(number), [{"kind": "bad_request", "message": said}]) as server:
            async with asking(tmp_path / str(number), server.url, sampling={"extra": {"top_k": 5}}) as question:
                with pytest.raises(EnvironmentFault, match=f"parameter_refused: 400 {said}; {remedy}"):
                    await question(1)


async def test_the_key_is_sent_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_KEY", CANARY_KEY)
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "admin-7391")
    plan = [
        {"kind": "bad_request", "first": 1, "count": 1, "message": f"bad image, key {CANARY_KEY}"},
        {"kind": "unauthorized", "message": f"Incorrect API key provided: {CANARY_KEY}"},
    ]
    with running_endpoint(tmp_path, plan) as server:
        async with asking(tmp_path, server.url, api_key_env="CANARY_KEY") as question:
            answered = await question(1)
            with pytest.raises(EnvironmentFault, match="CANARY_KEY") as caught:
                await question(2)
        headers = [line["headers"] for line in server.requests()]
    assert all(sent["authorization"] == f"Bearer {CANARY_KEY}" for sent in headers)
    assert "admin-7391" not in str(headers)
    assert {sent["accept-encoding"] for sent in headers} == {"identity"}
    assert CANARY_KEY not in str(answered) + str(caught.value)
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("ledger*"))
    assert CANARY_KEY.encode() not in stored


async def test_a_key_that_is_needed_and_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="set the environment variable NO_SUCH_KEY"):
        async with asking(tmp_path, "http://127.0.0.1:9/v1", api_key_env="NO_SUCH_KEY"):
            pass


async def test_a_model_without_a_name_is_a_mistake_in_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="`model` is missing"):
        async with asking(tmp_path, "http://127.0.0.1:9/v1", model=""):
            pass


async def test_a_budget_stops_before_the_call_that_would_exceed_it(tmp_path: Path) -> None:
    with running_endpoint(tmp_path) as server:
        async with asking(tmp_path, server.url, limits=BudgetLimits(calls=3)) as question:
            for number in range(3):
                assert (await question(number)).place
            with pytest.raises(BudgetReached):
                await question(3)
            assert (await question(2)).place, "what is in the ledger needs no budget"
        assert server.stats()["requests"] == 3


SHAPES: dict[str, Any] = {
    "as most servers": {"usage": {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1_000}},
    "missing": {"usage": None},
    "floats": {"usage": {"prompt_tokens": 900.0, "completion_tokens": 100.0}},
    "all zero": {"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}},
    "reasoning in the total": {
        "usage": {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 3_500},
        "billed": 3_500,
    },
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_no_shape_of_usage_makes_a_bill_larger_than_the_budget_and_one_call(tmp_path: Path, shape: str) -> None:
    plan = [{"kind": "usage", "billed": 1_000, **SHAPES[shape]}]
    limits = BudgetLimits(tokens=11_000)
    with running_endpoint(tmp_path, plan, latency_ms=150) as server:
        async with asking(tmp_path, server.url, limits=limits, max_in_flight=16) as question:
            said = await asyncio.gather(*map(question, range(40)), return_exceptions=True)
        stats = server.stats()
    stopped = [error for error in said if isinstance(error, BudgetReached)]
    assert stopped and len(stopped) == 40 - stats["requests"]
    assert stats["billed"] <= 11_000 + plan[0]["billed"] - 1
    assert stats["billed"] >= 11_000 or shape in ("missing", "all zero"), "what nobody states is charged as reserved"
    assert stats["max_in_flight"] > 1 or shape not in ("as most servers", "floats"), "they do not wait for nothing"


@pytest.mark.parametrize("shape", ["as most servers", "floats", "reasoning in the total"])
async def test_a_job_that_fits_its_budget_finishes(tmp_path: Path, shape: str) -> None:
    plan = [{"kind": "usage", "billed": 1_000, **SHAPES[shape]}]
    limits = BudgetLimits(tokens=12 * plan[0]["billed"])
    sampling = {"max_completion_tokens": 30_000}
    with running_endpoint(tmp_path, plan, latency_ms=5) as server:
        async with asking(tmp_path, server.url, limits=limits, extra_body=sampling) as question:
            assert len(await question.many(12)) == 12
        assert server.stats()["billed"] == limits.tokens


async def test_money_is_counted_at_the_recipes_prices(tmp_path: Path) -> None:
    prices = {"input_per_million": 1000.0, "output_per_million": 0.0}
    with running_endpoint(tmp_path) as server:
        async with asking(tmp_path, server.url, prices=prices) as question:
            assert question.row(await question(1)).cost == pytest.approx(0.9)


async def test_settings_that_change_answers_change_the_key_and_others_do_not(tmp_path: Path) -> None:
    async def key(**settings: Any) -> str:
        async with asking(tmp_path, server.url, **settings) as question:
            return (await question(1)).keys[-1]

    with running_endpoint(tmp_path) as server:
        base = await key()
        same = [await key(max_in_flight=3), await key(timeout_s=9.0), await key(attempts=2), await key(name="u")]
        other = [
            await key(sampling={"temperature": 0.1}),
            await key(sampling={"seed": 5}),
            await key(sampling={"extra": {"top_k": 5}}),
            await key(model="other"),
            await key(structured_output=False),
            await key(image_detail="low"),
            await key(extra_body={"mm": 1}),
        ]
    assert set(same) == {base}
    assert len({base, *other}) == 8


async def test_an_interrupted_question_leaves_no_slot_taken(tmp_path: Path) -> None:
    with running_endpoint(tmp_path, latency_ms=300) as server:
        async with asking(tmp_path, server.url, max_in_flight=2) as question:
            tasks = [asyncio.create_task(question(number)) for number in range(6)]
            await asyncio.sleep(0.1)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert question.teacher.lanes[0].limiter.in_flight == 0
            assert not question.teacher.under_way
            assert (await question(1)).place is not None


async def test_draws_are_paid_calls_of_their_own_with_seeds_of_their_own(tmp_path: Path) -> None:
    sampling = {"draws": 3, "seed": 7}
    with running_endpoint(tmp_path, [{"kind": "not_json", "first": 3, "count": 1}]) as server:
        async with asking(tmp_path, server.url, sampling=sampling) as question:
            answered = [await question(1, draw=draw) for draw in range(3)]
            again = await question(1, draw=1)
        assert [line["seed"] for line in server.requests()] == [7, 8, 9, 1009]
    assert [one.draw for one in answered] == [0, 1, 2]
    assert len({key for one in answered for key in one.keys}) == 3
    assert again == answered[1]


async def test_a_repair_turn_is_sent_with_the_answer_it_mends(tmp_path: Path) -> None:
    rule = {"repair": True}
    with running_endpoint(tmp_path, [{"kind": "not_json", "per_image": 1}]) as server:
        async with asking(tmp_path, server.url, bad_answer=rule) as question:
            answered = await question(1)
            attempts = [row.attempt for row in question.ledger.rows()]
        async with asking(tmp_path, server.url, bad_answer=rule) as question:
            assert (await question(1)).place == answered.place
        assert server.stats()["requests"] == 2
    assert answered.place is not None and attempts == [0, 1]


async def test_recorded_answers_go_through_the_same_ledger(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"id": "s1", "response": {"localizable": true, "country": "Chad"}}\n')
    block = BLOCK.validate({"name": "r", "backend": "replay", "path": "r.jsonl", "model": "recorded"})
    async with open_desk(tmp_path, *made_teachers([block], tmp_path), share=8) as desk:
        asked = Asking(desk, desk.teachers[0])
        answered, missing, again = await asked(1), await asked(2), await asked(1)
        row = asked.row(answered)
    assert answered.place is not None and answered.place.country == "Chad"
    assert answered == again and answered.model == "recorded"
    assert (missing.place, missing.failure) == (None, "not_recorded")
    assert (row.origin, row.http_calls) == ("replay", 0)
    assert asked.images_read == 0


async def test_processes_share_a_teachers_slots(tmp_path: Path) -> None:
    fields = {
        "name": "t",
        "backend": "openai",
        "model": "m",
        "base_urls": ["http://127.0.0.1:9/v1", "http://127.0.0.1:8/v1"],
    }
    ((settings, backends),) = made_teachers([BLOCK.validate({**fields, "max_in_flight": 9})], tmp_path)
    for share, slots in ((1, 9), (4, 2), (100, 1)):
        async with open_teacher(settings, backends, share=share) as teacher:
            assert (teacher.max_in_flight, teacher.settings.max_in_flight) == (2 * slots, slots)


def test_two_teachers_that_are_one_are_refused(tmp_path: Path) -> None:
    fields = {"backend": "openai", "model": "m", "base_urls": ["http://127.0.0.1:9/v1"]}
    same = [BLOCK.validate({**fields, "name": name}) for name in "ab"]
    with pytest.raises(RecipeError, match="teachers a and b would ask the same questions"):
        made_teachers(same, tmp_path)
    reseeded = BLOCK.validate({**fields, "name": "b", "sampling": {"seed": 1}})
    judge = BLOCK.validate({**fields, "name": "b", "role": "judge"})
    for other in (reseeded, judge):
        assert len(made_teachers([same[0], other], tmp_path)) == 2
    drawn = BLOCK.validate({**fields, "name": "b", "sampling": {"draws": 3}})
    with pytest.raises(RecipeError, match="would ask the same questions"):
        made_teachers([same[0], drawn], tmp_path)


async def test_two_recordings_that_agree_word_by_word_are_two_rows(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"id": "s1", "response": {"country": "Chad"}}\n')
    blocks = [BLOCK.validate({"name": name, "backend": "replay", "path": "r.jsonl"}) for name in "ab"]
    async with open_desk(tmp_path, *made_teachers(blocks, tmp_path)) as desk:
        for teacher in desk.teachers:
            await Asking(desk, teacher)(1)
        assert sorted(row.teacher for row in desk.ledger.rows()) == ["a", "b"]
