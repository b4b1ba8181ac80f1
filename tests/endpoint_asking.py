"""A teacher behind a real endpoint, with its ledger and budget, for tests that ask it about made pictures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from factory.calls.ask import Desk
from factory.calls.row import LedgerRow
from factory.calls.teacher import Teacher, made_teachers
from factory.generators.mp16_reason import mp16_reason
from factory.plugins.blocks import Block
from factory.plugins.contracts import NoAnswer
from schemas import Answered, ImageRef, Sample, Seen
from schemas.settings import BudgetLimits, TeacherSettings
from tests.asking import asker, open_desk

BLOCK = Block("teacher", key="backend", common=TeacherSettings)
GENERATOR = mp16_reason()


def picture(number: int) -> bytes:
    return b"\xff\xd8" + number.to_bytes(4, "big") * 500


class Asking:
    """A teacher with its ledger; `await asking(3)` asks about picture 3."""

    def __init__(self, desk: Desk, teacher: Teacher) -> None:
        self.desk, self.teacher, self.ledger = desk, teacher, desk.ledger
        self.images_read = 0

    async def __call__(self, number: int, *, sample_id: str | None = None, draw: int = 0) -> Answered:
        def read(_role: str) -> bytes:
            self.images_read += 1
            return picture(number)

        sample = Sample(id=sample_id or f"s{number}", images=(ImageRef(locator=""),), lat=0.0, lon=0.0)
        keys = {"photo": f"image-{number}"}
        ask = asker(self.desk, sample, teacher=self.teacher.name, image_keys=keys, image=read, draw=draw)
        assert GENERATOR.answer is not None
        try:
            return ask.answered(await GENERATOR.answer(Seen(id=sample.id, images=("photo",)), ask))
        except NoAnswer as none:
            return ask.answered(none)

    async def many(self, count: int) -> list[Answered]:
        return list(await asyncio.gather(*(self(number) for number in range(count))))

    def row(self, answered: Answered) -> LedgerRow:
        """The row of the last reply behind an answer."""
        found = self.ledger.get(answered.keys[-1])
        assert found is not None
        return found


@asynccontextmanager
async def asking(
    folder: Path, *urls: str, limits: BudgetLimits | None = None, **settings: Any
) -> AsyncIterator[Asking]:
    fields = {"name": "t", "backend": "openai", "model": "fake", "base_urls": urls, "timeout_s": 5.0, **settings}
    made = made_teachers([BLOCK.validate(fields)], folder)
    async with open_desk(folder, *made, limits={"t": limits} if limits else {}) as desk:
        yield Asking(desk, desk.teachers[0])
