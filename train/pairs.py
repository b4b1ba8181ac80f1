"""Rows as pairs: what of each is a query and what lies in the gallery, as a model reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from train.contrast import place_id
from train.conversation import UnlearnableRow, marks_of, pictures
from train.data import Row
from train.runs import PairsBlock, SideBlock


@dataclass(frozen=True)
class Pairs:
    """Rows to the inputs of both sides, in pieces of `piece` rows, with the numbers of their places."""

    processor: Any
    data: PairsBlock
    piece: int

    def __call__(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Raises UnlearnableRow and DamagedRelease, which name the row."""
        import torch

        pieces = [
            tuple(self.side(side, rows[start : start + self.piece]) for side in (self.data.query, self.data.gallery))
            for start in range(0, len(rows), self.piece)
        ]
        return {"pieces": pieces, "places": torch.tensor([place_id(row, self.data.place) for row in rows])}

    def side(self, side: SideBlock, rows: Sequence[Row]) -> dict[str, Any]:
        """The inputs of one side of rows, padded on the left."""
        texts, shown = [], []
        for row in rows:
            parts = []
            if side.picture is not None:
                shown.append([_picture(row, side.picture)])
                parts.append({"type": "image"})
            if words := " ".join(filter(None, (self._text(row, side.text), side.prompt))):
                parts.append({"type": "text", "text": words})
            turns = [{"role": "user", "content": parts}]
            texts.append(self.processor.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
        self.processor.tokenizer.padding_side = "left"
        return dict(
            self.processor(
                images=shown or None, text=texts, padding=True, return_tensors="pt", add_special_tokens=False
            )
        )

    def _text(self, row: Row, column: str | None) -> str:
        if column is None:
            return ""
        text = row[column]
        if not isinstance(text, str) or not text.strip():
            raise UnlearnableRow(f"{row['id']}: has no text in `{column}`")
        if mark := next((mark for mark in marks_of(self.processor) if mark in text), None):
            raise UnlearnableRow(f"{row['id']}: `{column}` contains {mark!r}, a mark of this model; take the row out")
        tokenizer = self.processor.tokenizer
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        if self.data.text_tokens is None or len(ids) <= self.data.text_tokens:
            return text
        return str(tokenizer.decode(ids[: self.data.text_tokens]))


def _picture(row: Row, number: int) -> Any:
    if number >= len(row["images"] or ()):
        raise UnlearnableRow(f"{row['id']}: has {len(row['images'] or ())} pictures, and number {number} is wanted")
    (picture,) = pictures({**row, "images": [row["images"][number]]})
    return picture
