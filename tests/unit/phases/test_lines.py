from __future__ import annotations

from typing import Any

from factory.phases.lines import answers_line, unanswered_lines


def counts(**more: Any) -> dict[str, Any]:
    nothing = {"calls": 0, "replayed": 0, "reused": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost": 0.0}
    return nothing | more


def test_a_build_of_one_run_says_what_it_asked() -> None:
    told = counts(calls=116, prompt_tokens=100_000, completion_tokens=28_759, cost=1.5)
    assert answers_line(told, 116, 128_759, 1.5) == "116 calls made · 128,759 tokens · cost 1.50"
    assert answers_line(counts(replayed=98), 0, 0, 0.0) == "0 calls made · 98 replayed"


def test_this_run_and_the_life_of_the_build_stand_apart() -> None:
    told = counts(calls=1_012, reused=3, prompt_tokens=500_000, completion_tokens=28_759)
    assert answers_line(told, 116, 60_000, 0.0) == (
        "116 calls made in this run, 60,000 tokens · in all runs of this build: 1,012 calls, 3 reused, 528,759 tokens"
    )
    assert answers_line(told, 0, 0, 0.0).startswith("0 calls made in this run · in all runs of this build: 1,012")


def test_a_teacher_whose_calls_all_failed_alike_is_said_to() -> None:
    lines = unanswered_lines({"qwen": {"http_500": 4}, "gemma": {"ok": 4}}, {})
    assert list(lines) == ["qwen: every question ended without an answer: HTTP 500 4"]


def test_what_is_missing_is_counted_by_cause_and_a_cut_answer_names_its_limit() -> None:
    (line,) = unanswered_lines({"qwen": {"ok": 120, "truncated": 8, "http_503": 10}}, {"qwen": 1024})
    assert line == (
        "qwen: 18 of 138 questions without an answer: HTTP 503 10, truncated 8; "
        "raise sampling.max_tokens of qwen, now 1,024: answers are cut off"
    )
