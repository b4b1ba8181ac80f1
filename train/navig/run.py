"""NAVIG over photos: what each part finds, and the guess that is made of it, as rows that `factory eval` measures.

A photo comes with its id and nothing else: the truth is not read, and so cannot be shown. A part that fails gives no
evidence, and says so in the row.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from factory.calls.ask import Desk
from factory.errors import RecipeError, SourceError
from factory.images import ImageRejected, ImageSettings, Prepared
from factory.images.coded import read_source
from factory.images.records import image_key
from factory.images.worker import DecodeWorkers
from factory.plugins.contracts import NoAnswer, ParseFailure
from factory.text import did_you_mean
from schemas import Reply, Request
from train.asking import Question, Stop, ask_one, gathered
from train.evaluate.predictions import id_of, rows_of
from train.evaluate.truth import DEFAULT_SPLIT, is_release, open_set, streamed
from train.navig import guidebook, maps, questions
from train.navig.boxes import Box, Crop, crops
from train.rerank.questions import ReadT

Part = Literal["reasoner", "guidebook", "map", "details"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
GUESSER, REASONER = "guesser", "reasoner"
"""Names of the models on the desk; the guesser also detects, reads signs and describes."""
PHOTOS_AT_ONCE: Final = 8
"""Photos in memory."""
Photo = tuple[str, bytes | ImageRejected]
"""An id, and a picture as it is stored, or why it is not read."""
CLUES: Final = 5
"""Of the guidebook, NAVIG's k."""
HOUSES: Final = 3
"""Houses that are commented on, as NAVIG does."""
MAX_EVIDENCE: Final = 6_000
"""Characters of all that is told to the guesser, a share for each of PARTS."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the searcher has beside the model."""

    book: guidebook.Guidebook | None = None
    boxes: Mapping[str, tuple[Box, ...]] | None = None
    """By photo, of a detector's file; None asks the model. A photo that the file does not name has none."""


@dataclass(slots=True)
class _Photo:
    """One photo being looked at."""

    id: str
    jpeg: bytes
    key: str
    desk: Desk
    stop: Stop
    tools: Tools
    failures: Counter[str] = field(default_factory=Counter)

    async def ask(
        self,
        request: Request,
        read: Callable[[Reply], ReadT | ParseFailure],
        picture: tuple[str, bytes, str] | None,
        who: str = GUESSER,
    ) -> ReadT | None:
        """The answer of a model; None, counted by part and reason, where there is none."""
        shown, keys = ({}, {}) if picture is None else ({picture[0]: picture[1]}, {picture[0]: picture[2]})
        teacher = next((one for one in self.desk.teachers if one.name == who), self.desk.teachers[0])
        found = await ask_one(self.desk, Question(self.id, request, read, shown, keys), teacher, self.stop)
        if isinstance(found, NoAnswer):
            self.failures[f"{request.purpose.removeprefix('navig:')}: {found.kind}"] += 1
            return None
        return found

    async def of_photo(
        self, purpose: str, text: str, read: Callable[[Reply], ReadT | ParseFailure], who: str = GUESSER, **more: Any
    ) -> ReadT | None:
        request = questions.about(purpose, "photo", text, **more)
        return await self.ask(request, read, ("photo", self.jpeg, self.key), who)

    async def of_crop(
        self, crop: Crop, purpose: str, text: str, read: Callable[[Reply], ReadT | ParseFailure]
    ) -> ReadT | None:
        return await self.ask(questions.about(purpose, "crop", text), read, ("crop", crop.jpeg, crop.key))


def parts_of(said: str) -> frozenset[Part]:
    """Parts as a command writes them: names with commas, `all` or `none`. Raises RecipeError for another name."""
    if said in ("all", "none"):
        return frozenset(PARTS if said == "all" else ())
    names = [name.strip() for name in said.split(",")]
    if unknown := next((name for name in names if name not in PARTS), None):
        near = did_you_mean(unknown, PARTS)
        raise RecipeError(f"--parts {said}: unknown part `{unknown}`{near}; all, none, or of {', '.join(PARTS)}")
    return frozenset(part for part in PARTS if part in names)


async def answers(
    photos: Iterable[Photo], parts: frozenset[Part], desk: Desk, workers: DecodeWorkers, tools: Tools
) -> list[dict[str, Any]]:
    """A row a photo, in their order: id, text (the guesser's whole answer), reasoning, searched (what was found, and
    what failed); and `failure` where there is no guess.

    Args:
        photos: each is taken when there is room for it; one that is no picture is a failed answer.
        desk: with the model `guesser`, and `reasoner` where another one reasons, and `map` for a Nominatim.

    Raises as `asking.ask_all` does.
    """
    room, stop = asyncio.Semaphore(PHOTOS_AT_ONCE), Stop()

    async def one(key: str, data: bytes | ImageRejected) -> dict[str, Any]:
        try:
            made = data if isinstance(data, ImageRejected) else await asyncio.wrap_future(workers.submit(data))
            if not isinstance(made, Prepared):
                return {"id": key, "text": "", "failure": f"picture: {made.reason}"}
            name = image_key(made.sha256, ImageSettings())
            return await _row(_Photo(key, made.jpeg, name, desk, stop, tools), parts)
        finally:
            room.release()

    tasks = []
    try:
        for key, data in photos:
            await room.acquire()
            if stop.fault is not None:
                break
            tasks.append(asyncio.ensure_future(one(key, data)))
    finally:  # a call that is under way is paid: its answer is kept, whatever ends the photos
        await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]


async def _row(photo: _Photo, parts: frozenset[Part]) -> dict[str, Any]:
    found = await _evidence(photo, parts)
    request = questions.guess([(title, text) for title, text in _bounded(found)])
    said = await photo.ask(request, questions.read_answer_text, ("photo", photo.jpeg, photo.key))
    row: dict[str, Any] = {"id": photo.id, "text": said or ""}
    if said is None:
        row["failure"] = next((why for why in photo.failures if why.startswith("guess")), "no guess")
    elif "Reasoning" in found:
        row["reasoning"] = found["Reasoning"]
    return {**row, "searched": {"found": found, "failures": dict(sorted(photo.failures.items()))}}


async def _evidence(photo: _Photo, parts: frozenset[Part]) -> dict[str, str]:
    """What the parts that are on found, by title, in the order in which the guesser is told."""
    looking = {
        "Reasoning": (_reasoned, "reasoner"),
        "Guidebook": (_in_guidebook, "guidebook"),
        "Map": (_on_map, "map"),
        "Details": (_details, "details"),
    }
    titles = [title for title, (_, part) in looking.items() if part in parts]
    boxes = await _crops(photo) if parts & {"map", "details"} else []
    texts = await gathered(looking[title][0](photo, boxes) for title in titles)
    return {title: text for title, text in zip(titles, texts, strict=True) if text}


async def _reasoned(photo: _Photo, _: list[Crop]) -> str:
    return await photo.of_photo("reason", questions.REASON, questions.read_words, REASONER) or ""


async def _in_guidebook(photo: _Photo, _: list[Crop]) -> str:
    seen = await photo.of_photo("look", questions.LOOK, questions.read_words)
    if seen is None or photo.tools.book is None:
        return ""
    return guidebook.told(photo.tools.book.near(seen, CLUES))


async def _crops(photo: _Photo) -> list[Crop]:
    if photo.tools.boxes is not None:
        boxes = photo.tools.boxes.get(photo.id, ())
    else:
        asked = await photo.of_photo("detect", questions.DETECT, questions.read_boxes, schema=questions.DETECT_SCHEMA)
        boxes = asked or ()
    return await asyncio.to_thread(crops, photo.jpeg, photo.key, boxes) if boxes else []


async def _on_map(photo: _Photo, found: list[Crop]) -> str:
    signs = [crop for crop in found if crop.label in questions.SIGNS]
    read = await gathered(photo.of_crop(crop, "read", questions.READ, questions.read_sign) for crop in signs)
    words = list(dict.fromkeys(text for text in read if text))
    has_map = any(teacher.name == maps.NAME for teacher in photo.desk.teachers)

    async def look_up(text: str) -> list[maps.Hit]:
        if has_map:
            return await photo.ask(maps.search(text), maps.read_hits, None, maps.NAME) or []
        return await asyncio.to_thread(maps.in_gazetteer, text)

    hits = dict(zip(words, await gathered(look_up(text) for text in words), strict=True))
    unplaced = [f'- "{text}" stands on a sign' for text, places in hits.items() if not places]
    return "\n".join(filter(None, (maps.told(hits), *unplaced)))


async def _details(photo: _Photo, found: list[Crop]) -> str:
    houses = [crop for crop in found if crop.label == "house"][:HOUSES]
    said = await gathered(photo.of_crop(crop, "detail", questions.DETAIL, questions.read_words) for crop in houses)
    return "\n".join(f"- {text}" for text in said if text)


def _bounded(found: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What the guesser is told, each part within its share of MAX_EVIDENCE: the same share whichever other parts are
    on, so that an ablation takes a part away and changes nothing else."""
    share = MAX_EVIDENCE // len(PARTS)
    return ((title, text[:share]) for title, text in found.items())


def photos_of(path: Path, *, split: str | None = None, folder: Path | None = None) -> Iterator[Photo]:
    """Ids and pictures of a set, without anything that tells where they are.

    Args:
        path: a release, or a table with `id`.
        split: of a release.
        folder: of a table's pictures, each named by its row's `image`, else `{id}.jpg`.

    Raises RecipeError, and SourceError for a picture that is not there.
    """
    if is_release(path):
        yield from _released(path, split or DEFAULT_SPLIT)
        return
    if folder is None:
        raise RecipeError(f"{path}: is a table; say where its pictures are with --photos FOLDER ({{id}}.jpg each)")
    for number, row in enumerate(rows_of(path), 1):
        key = id_of(row, str(path), number)
        named = str(row.get("image") or key)
        name = named if named.lower().endswith((".jpg", ".jpeg", ".png", ".webp")) else f"{named}.jpg"
        if Path(name).name != name or "\0" in name:
            raise SourceError(f"{path}, row {number}: {named[:200]!r} is no name of a file in {folder}")
        file = folder / name
        if not file.is_file():
            raise SourceError(f"{path}, row {number}: {file}: no such picture")
        yield key, read_source(file, ImageSettings())


def _released(path: Path, split: str) -> Iterator[Photo]:
    for row in streamed(open_set(path), split, ("id", "images")):
        pictures = [picture["bytes"] for picture in row["images"] or () if picture["bytes"]]
        yield row["id"], pictures[0] if pictures else b""
