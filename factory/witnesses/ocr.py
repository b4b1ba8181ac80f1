"""Text in the picture, read by RapidOCR on this machine: it confirms what a teacher quotes.

It names no place by itself and vetoes none: words on signs name places that they do not mean. What it reads stands
beside the answers with boxes; a quote that is read, and a town's name on a sign near the place that a teacher names,
speak for that answer. What it cannot read speaks against nobody.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from factory.errors import EnvironmentFault, RecipeError
from factory.plugins.contracts import Ask, Witness
from factory.plugins.registry import register
from factory.store.paths import input_path
from factory.text import tidy
from factory.witnesses.answers import claimed_point, placed, support
from factory.witnesses.signs import Line, looked_for, quotes, towns
from schemas import Answered, Evidence, Finding, Seen
from schemas.settings import OptionalFile, Share

NAME: Final = "ocr"
MAX_LINES: Final = 64
"""Lines that are read of one picture, the surest first: a page of text costs no more than a street of signs."""
MAX_LINE: Final = 120
"""Characters of one line that are kept."""
MAX_SIDE: Final = 960
"""Pixels of the longer side as the lines are looked for in."""
MAX_RATIO: Final = 40.0
"""Width to height of a line that is read: reading takes time in proportion."""
MAX_PIXELS: Final = 64_000_000
"""Of a picture that is opened; prepared ones are far below."""
SUPPORTS: Final = {"place": 0.95, "quote": 0.75}
"""How far a town's name near the place, and a quote, speak for it. Orders of evidence, no measured chances: a decider
fits what they are worth."""

_MODELS = {"Det": "PP-OCRv6_det_small.onnx", "Rec": "PP-OCRv6_rec_small.onnx"}


@register("witness", NAME)
def ocr(
    root: Path,
    *,
    min_score: Share = 0.6,
    near_km: Annotated[float, Field(gt=0, le=200)] = 25.0,
    detection: OptionalFile = None,
    recognition: OptionalFile = None,
) -> Witness:
    """Lines of text with boxes; quotes of teachers that are read; towns near their places that signs name.

    Args:
        root: the recipe's folder.
        min_score: how sure the reader must be of a line.
        near_km: within which of the place a teacher names a town on a sign speaks for it. 25 is the tier city.
        detection: a model that finds lines, ONNX as PaddleOCR exports it; by default the one in RapidOCR's wheel.
        recognition: a model that reads them, with its letters in its metadata; likewise.
    """
    given = {"Det": detection, "Rec": recognition}
    for path in filter(None, given.values()):
        if Path(path).suffix.lower() != ".onnx":
            raise RecipeError(f"witnesses.{NAME}: {path}: expected a model that ends in .onnx")
    models = {part: None if path is None else input_path(root, path) for part, path in given.items()}

    async def look(_seen: Seen, images: Mapping[str, bytes], answers: Sequence[Answered], _ask: Ask) -> Evidence | None:
        pictures = [images[role] for role in images]
        return await asyncio.to_thread(_look, pictures, answers, partial(read, models), min_score, near_km)

    return Witness(name=NAME, when="after", look=look)


def _look(
    pictures: Sequence[bytes], answers: Sequence[Answered], reader: Any, min_score: float, near_km: float
) -> Evidence | None:
    lines = [line for picture in pictures for line in reader(picture) if line.score >= min_score]
    if not lines:
        return None
    return Evidence(source=NAME, findings=tuple(findings(lines, answers, near_km=near_km)))


def findings(lines: Sequence[Line], answers: Sequence[Answered], *, near_km: float) -> Iterator[Finding]:
    """What lines of text say of themselves (`text`) and of each answer: quotes with their likeness and the line's box
    (`quote`), towns on signs near its place (`place`), and how far they speak for it (`support`), never against."""
    for line in lines:
        yield Finding(kind="text", text=line.text, score=line.score, box=line.box)
    for voice, place in placed(answers):
        said = looked_for(quotes(place), lines)
        for quote in said:
            box = None if quote.line is None else quote.line.box
            yield Finding(kind="quote", text=f"{voice}: {quote.text}", score=round(quote.likeness, 4), box=box)
        point = claimed_point(place)
        near = () if point is None else towns(lines, *point, km=near_km)
        yield from near
        if near:
            yield support(voice, SUPPORTS["place"])
        elif any(quote.line is not None for quote in said):
            yield support(voice, SUPPORTS["quote"])


def read(models: Mapping[str, Path | None], jpeg: bytes) -> list[Line]:
    """The lines of a prepared picture from the top, at most `MAX_LINES`.

    Raises EnvironmentFault where the reader is not installed or its model cannot be opened.
    """
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            return []
        picture = opened.convert("RGB")
    engine, lock = _engine(tuple(sorted((part, None if path is None else str(path)) for part, path in models.items())))
    with lock:  # one reader a process: its steps keep state between them
        # what is switched stays so from call to call: each names both
        found = engine(np.asarray(picture)[:, :, ::-1], use_det=True, use_rec=False)
        boxes = [] if found.boxes is None else list(zip(found.boxes, found.scores, strict=True))
        boxes = sorted(boxes, key=lambda one: -float(one[1]))[:MAX_LINES]
        lines = [line for corners, _ in boxes if (line := _line(engine, picture, corners)) is not None]
    return sorted(lines, key=lambda line: (line.box[1], line.box[0]))


def _line(engine: Any, picture: Any, corners: Any) -> Line | None:
    """What stands in a quadrangle (4, 2): left top, right top, right bottom, left bottom; None for nothing."""
    import numpy as np
    from PIL import Image

    a, b, c, d = (tuple(map(float, corner)) for corner in corners)
    width = round(max(np.hypot(b[0] - a[0], b[1] - a[1]), np.hypot(c[0] - d[0], c[1] - d[1])))
    height = round(max(np.hypot(d[0] - a[0], d[1] - a[1]), np.hypot(c[0] - b[0], c[1] - b[1])))
    if min(width, height) < 3 or width / height > MAX_RATIO or height / width > MAX_RATIO:
        return None
    cut = picture.transform((width, height), Image.Transform.QUAD, (*a, *d, *c, *b), Image.Resampling.BICUBIC)
    if height > 1.5 * width:  # letters one below the other
        cut = cut.transpose(Image.Transpose.ROTATE_90)
    said = engine(np.ascontiguousarray(np.asarray(cut)[:, :, ::-1]), use_det=False, use_rec=True)
    text = tidy(said.txts[0], MAX_LINE) if said.txts else ""
    if not text:
        return None
    xs, ys = [x for x, _ in (a, b, c, d)], [y for _, y in (a, b, c, d)]
    box = (
        max(0.0, min(xs)),
        max(0.0, min(ys)),
        min(float(picture.width), max(xs)),
        min(float(picture.height), max(ys)),
    )
    return Line(text, round(float(said.scores[0]), 4), tuple(round(side, 1) for side in box))  # type: ignore[arg-type]


@cache
def _engine(models: tuple[tuple[str, str | None], ...]) -> tuple[Any, threading.Lock]:
    """RapidOCR with one thread a picture and models that lie on this machine; nothing is fetched."""
    try:
        import numpy as np
        import rapidocr
    except ImportError as missing:
        raise EnvironmentFault(
            f"witness {NAME}: RapidOCR is not installed ({missing.name}); pip install 'geo-reasoning-factory[ocr]'"
        ) from None
    shipped = Path(rapidocr.__file__).parent / "models"
    paths = {part: Path(path) if path else shipped / _MODELS[part] for part, path in models}
    for path in paths.values():
        if not path.is_file():
            raise EnvironmentFault(f"witness {NAME}: {path}: no such file; name a model of yours, none is fetched")
    settings = {
        "Global.log_level": "critical",
        "Global.use_cls": False,
        "Global.text_score": 0.0,
        "Det.limit_type": "max",
        "Det.limit_side_len": MAX_SIDE,
        "Det.max_candidates": 4 * MAX_LINES,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        **{f"{part}.model_path": str(path) for part, path in paths.items()},
    }
    try:
        engine = rapidocr.RapidOCR(params=settings)
        nothing = np.full((32, 32, 3), 255, dtype=np.uint8)  # models are opened when they are used
        engine(nothing, use_det=True, use_rec=False)
        engine(nothing, use_det=False, use_rec=True)
        return engine, threading.Lock()
    except Exception as error:
        raise EnvironmentFault(f"witness {NAME}: its models cannot be opened: {error}") from None
