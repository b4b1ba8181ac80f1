"""Scores from log probabilities: taken where the server said enough, a named failure where it did not."""

from __future__ import annotations

from math import log

import pytest

from factory.plugins.contracts import ParseFailure
from factory.teachers.replies import MASKED, read_reply
from schemas import Reply
from tests.hostile_logprobs import HOSTILE, with_logprobs
from train.rerank.questions import read_likert, read_odds, read_yes
from train.rerank.shares import shares


def logs(**shares: float) -> dict[str, float]:
    return {token: log(share) for token, share in shares.items()}


def test_every_writing_of_a_label_counts() -> None:
    found = shares({" yes": log(0.2), "Yes": log(0.3), "YES": log(0.1), "\u2581no": log(0.4)}, ("yes", "no"))
    assert found == pytest.approx({"yes": 0.6, "no": 0.4})


def test_p_yes_is_a_share_of_yes_and_no_alone() -> None:
    assert read_yes(Reply(text="", scores=logs(yes=0.6, no=0.2, maybe=0.2))) == pytest.approx(0.75)


def test_the_expectation_of_digits() -> None:
    """1 * 0.1 + 3 * 0.2 + 5 * 0.7 = 4.2, of 1 to 5."""
    scores = {"1": log(0.1), "3": log(0.2), "5": log(0.7)}
    assert read_likert(Reply(text="", scores=scores)) == pytest.approx(3.2 / 4)


def test_odds_are_bounded() -> None:
    assert read_odds(Reply(text="", scores=logs(**{"1": 0.8, "2": 0.2}))) == pytest.approx(log(4))
    assert read_odds(Reply(text="", scores={"1": 0.0, "2": -700.0})) == pytest.approx(log(1e6))


@pytest.mark.parametrize(
    ("scores", "kind"),
    [
        ({}, "no_scores"),
        ({"yes": log(0.9), "no": MASKED}, "masked"),
        ({"yes": MASKED, "no": MASKED}, "masked"),
        (logs(yes=0.6, perhaps=0.3), "unlisted"),
        (logs(Sure=0.7, yes=0.2, no=0.1), "off_label"),
        (logs(The=0.9, A=0.1), "off_label"),
        ({"yes": 0.7, "no": 0.3}, "bad_scores"),
        (logs(yes=0.9, no=0.9), "bad_scores"),
    ],
)
def test_no_score_is_made_up(scores: dict[str, float], kind: str) -> None:
    found = read_yes(Reply(text="yes", scores=scores))
    assert isinstance(found, ParseFailure) and found.kind == kind


def test_a_label_that_cannot_weigh_may_be_unlisted() -> None:
    """vLLM lists twenty: where one is all but certain, the other is not always among them."""
    assert read_yes(Reply(text="", scores=logs(yes=0.9999, Yes=0.00005))) == pytest.approx(1.0, abs=1e-4)


def test_a_reply_keeps_the_log_probabilities_of_its_first_word() -> None:
    place = {
        "token": " yes",
        "logprob": -0.1,
        "top_logprobs": [{"token": " yes", "logprob": -0.1}, {"token": "no", "logprob": -2.4}],
    }
    content = [{"token": "\n", "logprob": -0.5, "top_logprobs": []}, place, {"token": "no", "logprob": 0.0}]
    assert read_reply(with_logprobs({"content": content})).scores == {" yes": -0.1, "no": -2.4}


def test_a_reply_without_them_has_none() -> None:
    assert read_reply(with_logprobs(None)).scores == {}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_log_probabilities_are_bounded_and_never_a_score(hostile: object) -> None:
    reply = read_reply(with_logprobs(hostile))
    assert len(reply.scores) <= 64 and all(len(token) <= 64 for token in reply.scores)
    assert all(MASKED <= score <= 1e6 for score in reply.scores.values())
    assert isinstance(read_yes(reply), ParseFailure)
