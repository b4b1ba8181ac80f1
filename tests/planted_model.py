"""A model behind a real endpoint that knows the right answer by construction: each candidate's text says its worth.

Its answers follow from the worths in the question alone: a score, a distribution over labels, a preference. It may lean
to one position, as models do, and give its log probabilities as servers do that mask or list too little.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.fake_endpoint import completion
from tests.http_server import answering
from train.asking import Model, openai_model
from train.rerank.candidates import CandidateList, Item
from train.rerank.run import SHARES_SAMPLING, WORDS_SAMPLING

WORTHS = (35, 80, 5, 60, 20, 95, 10, 75, 50, 0, 90, 25, 65, 40, 15, 85, 30, 70, 45, 55)
"""Of twenty candidates, in the order of the retriever: the right one, 95, is its sixth."""
RIGHT = WORTHS.index(95)
BY_WORTH = sorted(range(20), key=lambda at: -WORTHS[at])


@dataclass
class Planted:
    """What it was asked, and how it leans."""

    lean: float = 0.0
    """Worth that the candidate shown first has beside its own."""
    listed: Callable[[dict[str, float]], dict[str, float]] = lambda scores: scores
    """What the server makes of the log probabilities before it sends them."""
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""

    def models(self, **settings: Any) -> dict[str, Model]:
        samplings = {"words": WORDS_SAMPLING, "shares": SHARES_SAMPLING}
        return {
            name: openai_model(self.url, "m", name=name, sampling=dict(sampling), attempts=1, **settings)
            for name, sampling in samplings.items()
        }

    def reply(self, body: bytes) -> bytes:
        self.bodies.append(body)
        asked = orjson.loads(body)
        parts = [part for turn in asked["messages"] if turn["role"] == "user" for part in turn["content"]]
        texts = [part["text"] for part in parts if part["type"] == "text"]
        worths = [float(worth) for text in texts for worth in re.findall(r"worth (\d+)", text)]
        if asked.get("logprobs"):
            return self._shares(texts[-1], worths)
        if '"preference"' in texts[-1]:
            first = worths[0] + self.lean >= worths[1]
            return completion(f'{{"preference": "{1 if first else 2}"}}')
        return completion(f'{{"score": {worths[0]:g}}}' if '"score"' in texts[-1] else "The roofs fit.")

    def _shares(self, question: str, worths: list[float]) -> bytes:
        if "1 or 2" in question:
            odds = (worths[0] + self.lean - worths[1]) / 10
            said = {"1": 1 / (1 + math.exp(-odds)), " 2": 1 / (1 + math.exp(odds))}
        elif "yes or no" in question:
            said = {"Yes": worths[0] / 100, "yes": 0.01, " no": 0.99 - worths[0] / 100}
        else:
            at = 1 + 4 * worths[0] / 100
            said = {str(digit): max(0.0, 1 - abs(at - digit)) for digit in range(1, 6)}
        scores = self.listed({token: math.log(max(share, 1e-9)) for token, share in said.items()})
        likeliest = max(scores, key=scores.__getitem__, default="")
        body = orjson.loads(completion(likeliest))
        listed = [{"token": token, "logprob": score} for token, score in scores.items()]
        body["choices"][0]["logprobs"] = {"content": [{**listed[0], "top_logprobs": listed}]} if listed else None
        return orjson.dumps(body)


@contextmanager
def planted(**options: Any) -> Iterator[Planted]:
    """The model, served until the block ends."""
    model = Planted(**options)
    with answering(model.reply) as url:
        model.url = url
        yield model


def listed(key: str = "q", worths: tuple[int, ...] = WORTHS, **more: Any) -> CandidateList:
    """A list of candidates by text; what is worth most is right."""
    candidates = tuple(Item(f"c{n}", None, f"worth {worth}") for n, worth in enumerate(worths))
    right = frozenset({f"c{worths.index(max(worths))}"})
    row = written(key, worths)
    return CandidateList(key, Item(key, None, "a query"), candidates, right, row, **more)


def written(key: str, worths: tuple[int, ...]) -> dict[str, Any]:
    """The same as a row of a file."""
    candidates = [{"id": f"c{n}", "text": f"worth {worth}"} for n, worth in enumerate(worths)]
    right = f"c{worths.index(max(worths))}"
    return {"id": key, "query": {"text": "a query"}, "candidates": candidates, "positive": right}


def write_lists(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path
