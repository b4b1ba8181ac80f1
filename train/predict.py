"""What a model answers to the questions of a release: one row a sample, for `factory eval`.

A row is given what stands before its last answer, its pictures and earlier turns included. Every row gets an answer or
a failure, in the order of the release: none is left out.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from factory.errors import EnvironmentFault, RecipeError
from release.read import DamagedRelease, Release, open_release
from train.conversation import marks_of, pictures, plain_messages
from train.data import COLUMNS, Row
from train.endpoint import address, connected, kind_of, named_key
from train.merge import open_model
from train.processors import processor_of


def predictions(
    model: Path,
    release: Path,
    split: str,
    *,
    config: str | None = None,
    rows: int | None = None,
    batch_size: int = 8,
    max_new_tokens: int = 512,
    temperature: float = 0.0,
    seed: int = 0,
    skip: Collection[str] = (),
) -> Iterator[dict[str, Any]]:
    """`{"id", "text"}` of every row of a split, as a model on this machine answers it.

    Args:
        model: a model's folder, an adapter's, or a finished run's.
        rows: the first so many; None for all.
        temperature: 0 takes the likeliest token each time; else tokens are drawn, by `seed`.
        skip: ids of rows that are not asked.

    Raises RecipeError, also for a damaged release, and UnlearnableRow for a row that is no conversation.
    """
    import torch
    from transformers import set_seed

    given = _rows(release, split, config, rows, skip)
    opened, folder = open_model(model)
    processor = processor_of(folder, opened.config.model_type)
    processor.tokenizer.padding_side = "left"
    sampling = {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
    set_seed(seed)
    while batch := list(islice(given, batch_size)):
        inputs = _inputs(processor, batch).to(opened.device)
        with torch.inference_mode():
            made = opened.generate(**inputs, max_new_tokens=max_new_tokens, **sampling)
        new = made[:, inputs["input_ids"].shape[1] :]
        texts = processor.tokenizer.batch_decode(new, skip_special_tokens=True)
        for row, text in zip(batch, texts, strict=True):
            yield {"id": row["id"], "text": text.strip()}


def endpoint_predictions(
    base_url: str,
    model: str,
    release: Path,
    split: str,
    *,
    config: str | None = None,
    rows: int | None = None,
    at_once: int = 8,
    max_tokens: int = 512,
    temperature: float = 0.0,
    seed: int | None = None,
    api_key_env: str | None = None,
    skip: Collection[str] = (),
) -> Iterator[dict[str, Any]]:
    """`{"id", "text"}` of every row of a split, as a server with OpenAI's interface answers it.

    A row that the server refuses (400, 422: too long, or its contents) has an empty text and `failure`. Anything else
    that goes wrong is no answer of a model: it is tried again four times, and then stops the evaluation.

    Args:
        base_url: with its version, e.g. http://localhost:8000/v1.
        at_once: requests on their way.
        api_key_env: name of the variable that holds the key; None sends none.
        skip: ids of rows that are not asked.

    Where something stops it, or somebody (Ctrl-C), the answers that were under way come first: they are paid.

    Raises RecipeError, also for a damaged release and an address that is none, UnlearnableRow for a row that is no
    conversation, and EnvironmentFault for a key that is not there, or where the server does not answer.
    """
    import openai

    url = address(base_url, "the endpoint")
    given = _rows(release, split, config, rows, skip)
    client = connected(url, named_key(api_key_env), tries=5, timeout_s=600)
    more: dict[str, Any] = {} if seed is None else {"seed": seed}

    def ask(row: Row) -> dict[str, Any]:
        try:
            reply = client.chat.completions.create(
                model=model,
                messages=_turns(row),
                max_tokens=max_tokens,
                temperature=temperature,
                **more,
            )
            text = (reply.choices[0].message.content or "").strip() if reply.choices != [] else ""
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            return {"id": row["id"], "text": "", "failure": f"refused by the server ({error.status_code})"}
        except (openai.OpenAIError, ValueError, AttributeError, TypeError) as error:  # no reply, or none of this kind
            raise EnvironmentFault(f"{url}: gives no answer to row {row['id']!r} ({kind_of(error)})") from None
        return {"id": row["id"], "text": text.encode(errors="replace").decode()}  # a lone surrogate is no text

    said: dict[str, dict[str, Any]] = {}
    waiting: deque[tuple[str, Future[None]]] = deque()

    def keep(row: Row) -> None:  # by the thread itself: an interrupt may come before its question is in `waiting`
        said[row["id"]] = ask(row)

    def first() -> Iterator[dict[str, Any]]:
        key, asked = waiting[0]
        asked.result()  # where that is interrupted, it is still waited for
        yield said[key]
        waiting.popleft()
        del said[key]

    with ThreadPoolExecutor(at_once) as pool:
        try:
            for row in given:
                waiting.append((row["id"], pool.submit(keep, row)))
                if len(waiting) >= 2 * at_once:
                    yield from first()
            while waiting:
                yield from first()
        except (Exception, KeyboardInterrupt):
            pool.shutdown(cancel_futures=True)
            yield from list(said.values())
            raise
        finally:
            for _, late in waiting:
                late.cancel()


def _rows(release: Path, split: str, config: str | None, rows: int | None, skip: Collection[str]) -> Iterator[Row]:
    """The first rows of a split without those to skip. Raises RecipeError: at once where there is no such split, and
    for a damaged file when it is reached."""
    with _damage_told():
        try:
            opened: Release = open_release(release, config=config)
        except KeyError as error:
            raise RecipeError(str(error.args[0])) from None
    if split not in opened.splits:
        known = ", ".join(opened.splits) or "none"
        raise RecipeError(f"{release}: no split {split!r}; there are {known}")

    def stream() -> Iterator[Row]:
        with _damage_told():
            first = islice(opened.stream(split, shuffle=False, columns=COLUMNS), rows)
            yield from (row for row in first if row["id"] not in skip)

    return stream()


@contextmanager
def _damage_told() -> Iterator[None]:
    """A damaged release as every command tells of it."""
    try:
        yield
    except DamagedRelease as error:
        raise RecipeError(str(error)) from None


def _question(row: Mapping[str, Any], marks: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What stands before a row's last answer."""
    return plain_messages(row, marks)[:-1]


@_damage_told()
def _inputs(processor: Any, batch: Sequence[Row]) -> Any:
    marks = marks_of(processor)
    asked = [_question(row, marks) for row in batch]
    texts = [processor.apply_chat_template(turns, tokenize=False, add_generation_prompt=True) for turns in asked]
    shown = [pictures(row) for row in batch]
    images = shown if any(shown) else None
    return processor(images=images, text=texts, padding=True, return_tensors="pt", add_special_tokens=False)


def _turns(row: Mapping[str, Any]) -> Any:
    """The question in OpenAI's form, pictures as data URLs of the released bytes."""
    urls = iter(f"data:image/jpeg;base64,{base64.b64encode(image['bytes']).decode()}" for image in row["images"] or ())

    def part(each: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"type": "image_url", "image_url": {"url": next(urls)}} if each["type"] == "image" else each

    return [{"role": turn["role"], "content": [part(each) for each in turn["content"]]} for turn in _question(row)]
