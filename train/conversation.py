"""Conversations of released rows as a model reads them: token ids, pictures, and which tokens are learnt.

What is learnt are the answers: each text between the point where a model would begin to write and the end of its turn,
the end mark included. Everything else (system, questions, pictures, paddings) has the label -100. A conversation of
several turns is learnt in one piece, all its answers at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from factory.errors import FactoryError
from release.read import DamagedRelease, decoded
from schemas.rows.messages import message_faults, pictures_shown

IGNORED: Final = -100
"""torch's label of a token that is no part of the loss."""
Render = Callable[[Sequence[Mapping[str, Any]], bool], str]
"""A chat template: messages, and whether the mark that begins an answer follows."""


class UnlearnableRow(FactoryError):
    """A row's conversation cannot be learnt; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a conversation's text."""

    text: str
    learnt: bool


def segments(messages: Sequence[Mapping[str, Any]], render: Render, row: str) -> list[Segment]:
    """A conversation in pieces that alternate: what is given, what is answered. The pieces together are its text.

    Raises UnlearnableRow where the template writes earlier turns otherwise once later ones follow (templates that drop
    what was thought do): the answer could not be told from what was given.
    """
    found: list[Segment] = []
    done = ""
    for number, turn in enumerate(messages):
        if turn["role"] != "assistant":
            continue
        before, after = render(messages[:number], True), render(messages[: number + 1], False)
        if not (before.startswith(done) and after.startswith(before)):
            raise UnlearnableRow(
                f"{row}: the chat template writes earlier turns otherwise once later ones follow, so answers cannot be "
                "told from the rest; give a plainer one, `model: {chat_template: FILE}`"
            )
        found += [Segment(before[len(done) :], learnt=False), Segment(after[len(before) :], learnt=True)]
        done = after
    return found


def marks_of(processor: Any) -> tuple[str, ...]:
    """What a model's tokenizer reads as a picture, as the end of a turn, or the like, wherever it stands."""
    tokens = {*processor.tokenizer.all_special_tokens, getattr(processor, "image_token", None)}
    return tuple(sorted(token for token in tokens if token))


def plain_messages(row: Mapping[str, Any], marks: Sequence[str] = ()) -> list[dict[str, Any]]:
    """A row's messages with parts as chat templates want them.

    Args:
        marks: `marks_of` the model: no text may contain one, as nothing would tell it from the mark itself.

    Raises UnlearnableRow where they are no conversation, or a text contains a mark.
    """
    if faults := list(message_faults(row["messages"] or (), len(row["images"] or ()))):
        hint = "" if row["images"] else _withheld(row["messages"] or ())
        raise UnlearnableRow(f"{row['id']}: {faults[0]}{hint}")
    messages = [
        {"role": turn["role"], "content": [_part(part) for part in turn["content"]]} for turn in row["messages"]
    ]
    first = next(number for number, turn in enumerate(messages) if turn["role"] == "assistant")
    if pictures_shown(messages[first:]):
        raise UnlearnableRow(f"{row['id']}: shows a picture after its first answer, which no trainer here can follow")
    texts = [part["text"] for turn in messages for part in turn["content"] if part["type"] == "text"]
    if mark := next((mark for mark in marks if any(mark in text for text in texts)), None):
        raise UnlearnableRow(f"{row['id']}: its text contains {mark!r}, a mark of this model; take the row out")
    return messages


def _withheld(messages: Sequence[Mapping[str, Any]]) -> str:
    """What to do about a row that has none of the pictures that it shows."""
    shown = pictures_shown(messages)
    return ": they are withheld; `factory hydrate` fetches them, and another `config` has rows with theirs" * bool(
        shown
    )


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "image"} if part["type"] == "image" else {"type": "text", "text": part["text"]}


def pictures(row: Mapping[str, Any]) -> list[Any]:
    """A row's pictures, decoded, in RGB. Raises DamagedRelease."""
    try:
        return [decoded(image["bytes"]).convert("RGB") for image in row["images"] or ()]
    except ValueError as error:
        raise DamagedRelease(f"row {row['id']!r}: {error}") from None


@dataclass(frozen=True)
class Collator:
    """Rows to a batch: what the processor gives for their pictures, `input_ids`, `attention_mask`, `labels`.

    Args:
        processor: a processor of `transformers` with a chat template.
        max_tokens: of a row; None for no bound.
        cut: whether a longer row loses the end of its last answer; else it raises UnlearnableRow.
    """

    processor: Any
    max_tokens: int | None = None
    cut: bool = False

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Raises UnlearnableRow and DamagedRelease, which name the row."""
        import torch

        pieces = [segments(plain_messages(row, self._marks), self._render, str(row["id"])) for row in rows]
        images = [pictures(row) for row in rows]
        batch = self._given([found[0].text for found in pieces], images)
        mask = batch["attention_mask"].bool()
        shape = mask.shape
        beside = [
            name for name, value in batch.items() if getattr(value, "shape", None) == shape and name != "attention_mask"
        ]
        lines = {name: [line[kept] for line, kept in zip(batch[name], mask, strict=True)] for name in beside}
        ids, labels = [], []
        for number, found in enumerate(pieces):
            following = [self._tokens(piece.text) for piece in found[1:]]
            given = lines["input_ids"][number]
            ids.append(torch.cat([given, *following]))
            learnt = [
                part if piece.learnt else torch.full_like(part, IGNORED)
                for part, piece in zip(following, found[1:], strict=True)
            ]
            labels.append(torch.cat([torch.full_like(given, IGNORED), *learnt]))
            self._bound(str(rows[number]["id"]), len(ids[-1]), len(given))
        pad = self.processor.tokenizer.pad_token_id
        made = {"input_ids": self._padded(ids, pad), "labels": self._padded(labels, IGNORED)}
        made["attention_mask"] = self._padded([torch.ones_like(line) for line in ids], 0)
        for name in beside:
            if name != "input_ids":  # kinds of tokens: text follows what was given
                longer = [
                    torch.cat([line, line.new_zeros(len(all_) - len(line))])
                    for line, all_ in zip(lines[name], ids, strict=True)
                ]
                made[name] = self._padded(longer, 0)
        return {**{name: value for name, value in batch.items() if name not in made}, **made}

    @cached_property
    def _marks(self) -> tuple[str, ...]:
        return marks_of(self.processor)

    def _given(self, texts: list[str], images: list[list[Any]]) -> dict[str, Any]:
        shown = images if any(images) else None
        return dict(
            self.processor(images=shown, text=texts, padding=True, return_tensors="pt", add_special_tokens=False)
        )

    def _tokens(self, text: str) -> Any:
        import torch

        return torch.tensor(self.processor.tokenizer(text, add_special_tokens=False)["input_ids"], dtype=torch.long)

    def _render(self, messages: Sequence[Mapping[str, Any]], answer_follows: bool) -> str:
        text: str = self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=answer_follows)
        return text

    def _bound(self, row: str, tokens: int, given: int) -> None:
        if self.max_tokens is None or tokens <= self.max_tokens:
            return
        if not self.cut:
            raise UnlearnableRow(
                f"{row}: {tokens:,} tokens with its pictures', `data.max_tokens` is {self.max_tokens:,}: raise it, or "
                "say `long_rows: cut`"
            )
        if given >= self.max_tokens:
            raise UnlearnableRow(
                f"{row}: {given:,} tokens before its first answer, `data.max_tokens` is {self.max_tokens:,}: nothing "
                "of the answer would be left; raise it"
            )

    def _padded(self, lines: Sequence[Any], value: int) -> Any:
        from torch.nn.utils.rnn import pad_sequence

        return pad_sequence([line[: self.max_tokens] for line in lines], batch_first=True, padding_value=value)
