"""A reward model behind an endpoint: how probably it says yes of a photo, and of what was said of it.

A question that gets no answer stops the run. A 0 in its place would be learnt from, as if the answer had been bad.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from factory.errors import EnvironmentFault
from train.endpoint import connected, kind_of, named_key
from train.rewards import p_yes
from train.runs import RewardModelBlock

TOP: Final = 5
"""Likeliest tokens that are looked at, as GLOBE's script does."""
Judge = Callable[[Sequence[Sequence[bytes]], Sequence[str]], list[float]]
"""Takes JPEGs of each question and the answers; returns P(yes) of each, 0 to 1."""


def reward_model(block: RewardModelBlock) -> Judge:
    """A model to be asked. Raises EnvironmentFault for a key that is not there, and while it is asked, for an answer
    that does not come or is neither yes nor no."""
    import openai

    key = named_key(block.api_key_env)
    client = connected(block.base_url, key, tries=block.tries, timeout_s=block.timeout_s)

    def ask(pictures: Sequence[bytes], answer: str) -> float:
        try:
            reply = client.chat.completions.create(
                model=block.model,
                messages=_turns(block, pictures, answer),
                max_tokens=1,
                temperature=0,
                logprobs=True,
                top_logprobs=TOP,
            )
        except (openai.OpenAIError, ValueError) as error:
            raise _stop(block, f"gives no answer after {block.tries} tries ({kind_of(error)})") from None
        value = p_yes(first := _first_token(block, reply))
        if value is None:
            tokens = ", ".join(repr(token)[:40] for token, _ in first)
            raise _stop(block, f"says neither yes nor no; likeliest: {tokens or 'nothing'}")
        return value

    def judge(pictures: Sequence[Sequence[bytes]], answers: Sequence[str]) -> list[float]:
        with ThreadPoolExecutor(block.at_once) as pool:
            return list(pool.map(ask, pictures, answers))

    return judge


def _turns(block: RewardModelBlock, pictures: Sequence[bytes], answer: str) -> Any:
    urls = (f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}" for picture in pictures)
    text = f"{block.question}\n\n{answer}" if block.shows == "answer" else block.question
    shown = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return [{"role": "user", "content": [*shown, {"type": "text", "text": text}]}]


def _first_token(block: RewardModelBlock, reply: Any) -> list[tuple[str, float]]:
    """The likeliest first tokens with their logarithms. Raises EnvironmentFault where a reply has none."""
    try:
        return [(str(one.token), float(one.logprob)) for one in reply.choices[0].logprobs.content[0].top_logprobs]
    except (AttributeError, IndexError, TypeError, ValueError):
        raise _stop(block, "sends no logprobs; a server that has them is needed, such as vLLM") from None


def _stop(block: RewardModelBlock, what: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"{block.base_url}: the reward model {block.model!r:.80} {what}; the run stops, since a reward of 0 in its "
        "place would be learnt from. The same `factory train` goes on from the last checkpoint"
    )
