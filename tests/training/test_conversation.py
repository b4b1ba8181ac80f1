"""What of a conversation is learnt: the answers, token by token, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.read import DamagedRelease
from schemas.rows.messages import message
from tests.training.tiny import QUESTION, picture, tiny_row
from train.conversation import IGNORED, Collator, Segment, UnlearnableRow, segments


@pytest.fixture(scope="module")
def processor(llava: Path) -> Any:
    from train.models import FAMILIES
    from train.processors import read_processor

    return read_processor(str(llava), FAMILIES["llava"])


def row(number: int, *, turns: int = 1) -> dict[str, Any]:
    values, pictures = tiny_row(number, "train", turns=turns)
    return {**values, "images": [{"bytes": each, "path": f"{number}.jpg"} for each in pictures]}


def learnt(processor: Any, batch: Mapping[str, Any], at: int) -> list[str]:
    """The runs of learnt tokens of a row, as text."""
    found: list[list[int]] = [[]]
    for token, label in zip(batch["input_ids"][at].tolist(), batch["labels"][at].tolist(), strict=True):
        if label == IGNORED:
            found.append([])
        else:
            assert label == token
            found[-1].append(token)
    return [processor.tokenizer.decode(run) for run in found if run]


def test_the_loss_is_on_every_answer_with_its_end_mark_and_on_nothing_else(processor: Any) -> None:
    batch = Collator(processor)([row(0), row(1, turns=3)])
    assert learnt(processor, batch, 0) == ["Finland<|im_end|>\n"]
    assert learnt(processor, batch, 1) == ["Kenya<|im_end|>\n"] * 3
    image = processor.tokenizer.convert_tokens_to_ids("<image>")
    assert ((batch["input_ids"] == image).sum(1) == 4).all() and not (batch["labels"] == image).any()


def test_a_row_in_a_batch_is_the_row_alone_padded_behind(processor: Any) -> None:
    collate = Collator(processor)
    together, alone = collate([row(0), row(1, turns=3)]), collate([row(0)])
    length = alone["input_ids"].shape[1]
    for name in ("input_ids", "labels", "attention_mask"):
        assert (together[name][0, :length] == alone[name][0]).all()
    assert (together["attention_mask"][0, length:] == 0).all()
    assert (together["labels"][0, length:] == IGNORED).all()
    assert (together["pixel_values"][0] == alone["pixel_values"][0]).all()


def test_the_ids_are_those_of_the_whole_text(processor: Any) -> None:
    """Answers are told apart piece by piece, and the pieces give the tokens that the model sees when it answers."""
    messages = [{**turn, "content": [{**p} for p in turn["content"]]} for turn in row(2)["messages"]]
    for turn in messages:
        turn["content"] = [{"type": "image"} if p["type"] == "image" else p for p in turn["content"]]
    text = processor.apply_chat_template(messages, tokenize=False)
    from PIL import Image

    whole = processor(images=[[Image.new("RGB", (28, 28))]], text=[text], add_special_tokens=False)["input_ids"][0]
    assert Collator(processor)([row(2)])["input_ids"][0].tolist() == list(whole)


def test_a_row_that_is_too_long_is_named_or_loses_the_end_of_its_answer(processor: Any) -> None:
    length = Collator(processor)([row(1, turns=3)])["input_ids"].shape[1]
    with pytest.raises(UnlearnableRow, match=rf"train-0001: {length} tokens.*long_rows: cut"):
        Collator(processor, max_tokens=length - 2)([row(1, turns=3)])
    cut = Collator(processor, max_tokens=length - 2, cut=True)([row(1, turns=3), row(0)])
    assert cut["input_ids"].shape[1] == length - 2 == cut["labels"].shape[1]
    assert len(learnt(processor, cut, 0)) == 3 and learnt(processor, cut, 1) == ["Finland<|im_end|>\n"]
    with pytest.raises(UnlearnableRow, match="before its first answer"):
        Collator(processor, max_tokens=16, cut=True)([row(0)])


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([message("user", None, QUESTION)], "not of user and assistant by turns"),
        ([message("user", QUESTION), message("assistant", "Kenya")], "shows 0 pictures in its messages and has 1"),
        (
            [
                message("user", QUESTION),
                message("assistant", "Kenya"),
                message("user", None, "And?"),
                message("assistant", "x"),
            ],
            "a picture after its first answer",
        ),
        ([message("user", None, "What is <image> here?"), message("assistant", "x")], "contains '<image>', a mark"),
        ([message("user", None, QUESTION), message("assistant", "a<|im_end|>b")], "contains '<|im_end|>', a mark"),
    ],
)
def test_a_row_that_is_no_conversation_is_named(processor: Any, messages: list[Any], told: str) -> None:
    with pytest.raises(UnlearnableRow, match=re.escape(told)) as caught:
        Collator(processor)([{**row(5), "messages": messages}])
    assert "train-0005" in str(caught.value)


def test_a_row_whose_pictures_are_withheld_says_how_they_are_fetched(processor: Any) -> None:
    with pytest.raises(UnlearnableRow, match=r"train-0003: shows 1 pictures .* withheld; `factory hydrate` fetches"):
        Collator(processor)([{**row(3), "images": []}])


def test_a_picture_that_cannot_be_decoded_is_named(processor: Any) -> None:
    broken = {**row(3), "images": [{"bytes": picture("Egypt", 3)[:-40], "path": "3.jpg"}]}
    with pytest.raises(DamagedRelease, match="train-0003"):
        Collator(processor)([broken])


def plain(messages: Sequence[Mapping[str, Any]], answer_follows: bool) -> str:
    return "".join(f"<{turn['role']}>{turn['text']}</>" for turn in messages) + "<assistant>" * answer_follows


TURNS = st.lists(st.text("ab<>/", max_size=5), min_size=2, max_size=8)


@given(TURNS)
def test_the_pieces_are_the_text_and_alternate(texts: list[str]) -> None:
    messages = [{"role": ("user", "assistant")[n % 2], "text": text} for n, text in enumerate(texts)]
    found = segments(messages, plain, "row")
    answered = messages[: len(messages) // 2 * 2]
    assert "".join(piece.text for piece in found) == plain(answered, False)
    assert [piece.learnt for piece in found] == [False, True] * (len(messages) // 2)
    assert [piece.text for piece in found if piece.learnt] == [f"{turn['text']}</>" for turn in answered[1::2]]


def test_a_template_that_drops_earlier_thoughts_is_refused() -> None:
    def forgets(messages: Sequence[Mapping[str, Any]], answer_follows: bool) -> str:
        return plain(messages[-1:], answer_follows)

    turns = [{"role": role, "text": "x"} for role in ("user", "assistant") * 2]
    with pytest.raises(UnlearnableRow, match="earlier turns otherwise"):
        segments(turns, forgets, "row")
    assert segments(turns[:2], plain, "row")[1] == Segment("x</>", learnt=True)
