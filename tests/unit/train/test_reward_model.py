"""A reward model is asked as it learnt, and whatever goes wrong stops the run: nothing is scored 0 in its place."""

from __future__ import annotations

import math

import pytest

from factory.errors import EnvironmentFault
from tests.reward_server import reward_server
from train.endpoint import SENT
from train.reward_model import reward_model
from train.runs import RewardModelBlock


def block(url: str, **more: object) -> RewardModelBlock:
    return RewardModelBlock.model_validate({"base_url": url, "model": "rm", "tries": 1, "timeout_s": 5, **more})


def test_it_is_shown_the_photo_and_the_answer_and_its_p_yes_is_the_reward() -> None:
    with reward_server() as server:
        rewards = reward_model(block(server.url))([[b"one"], [b"two", b"three"]], ["first", "second"])
    assert rewards == pytest.approx([0.75, 0.75])
    bodies = {
        one["body"]["messages"][0]["content"][-1]["text"].rpartition("\n")[2]: one["body"] for one in server.asked
    }
    assert bodies.keys() == {"first", "second"}
    parts = bodies["second"]["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["image_url", "image_url", "text"]
    assert parts[0]["image_url"]["url"] == "data:image/jpeg;base64,dHdv"
    assert parts[-1]["text"].startswith("Does this photo show enough")
    assert bodies["first"]["logprobs"] is True and bodies["first"]["max_tokens"] == 1


def test_it_may_be_shown_the_photo_alone() -> None:
    with reward_server() as server:
        reward_model(block(server.url, shows="photo"))([[b"one"]], ["first"])
    assert server.asked[0]["body"]["messages"][0]["content"][-1]["text"].endswith("yes or no.")


def stopped(url: str, **more: object) -> str:
    with pytest.raises(EnvironmentFault) as caught:
        reward_model(block(url, **more))([[b"one"]], ["first"])
    assert caught.value.exit_code == 3
    assert "the run stops" in str(caught.value) and url in str(caught.value)
    return str(caught.value)


def test_a_server_that_is_not_there_stops_the_run() -> None:
    with reward_server() as server:
        url = server.url
    assert "gives no answer after 1 tries (APIConnectionError)" in stopped(url)


def test_a_server_that_dies_or_refuses_stops_the_run() -> None:
    with reward_server(dies_after=0) as server:
        assert "APIConnectionError" in stopped(server.url)
    with reward_server(status=500) as server:
        assert "InternalServerError 500" in stopped(server.url)
        assert len(server.asked) == 1


def test_a_reply_that_is_neither_yes_nor_no_stops_the_run() -> None:
    with reward_server((("Well", math.log(0.9)), ("It", math.log(0.1)))) as server:
        assert "says neither yes nor no; likeliest: 'Well', 'It'" in stopped(server.url)
    with reward_server(None) as server:
        assert "sends no logprobs" in stopped(server.url)
    with reward_server(()) as server:
        assert "sends no logprobs" in stopped(server.url)


def test_a_key_that_is_named_must_be_there_and_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REWARD_KEY", raising=False)
    with pytest.raises(EnvironmentFault, match="REWARD_KEY is not set"):
        reward_model(block("http://localhost:1/v1", api_key_env="REWARD_KEY"))
    monkeypatch.setenv("REWARD_KEY", "abc")
    with reward_server() as server:
        reward_model(block(server.url, api_key_env="REWARD_KEY"))([[b"one"]], ["first"])
    assert server.asked[0]["key"] == "Bearer abc"


def test_what_lies_about_in_the_environment_is_sent_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Canary: canary\nAuthorization: Bearer canary")
    with reward_server() as server:
        reward_model(block(server.url))([[b"one"]], ["first"])
    sent = server.asked[0]["headers"]
    assert "canary" not in str(sent) and sent["Authorization"] == "Bearer none"
    assert {name.lower() for name in sent} <= SENT | {"authorization"}


def test_a_redirect_is_not_followed() -> None:
    with reward_server(status=307) as server:
        assert "APIStatusError 307" in stopped(server.url)
        assert len(server.asked) == 1
