"""Render the demo set: `python recipes/demo/render.py [--check] [--only ID ...] [--count N] [--out DIR]`.

Draws every scene of `scenes/index.py` with Pillow alone, seeded by the name of its painter, and writes `images/*.jpg`
and `scenes.csv`. With `--check` nothing is written: each committed picture is compared with a fresh rendering. The
bytes are the same wherever Pillow's own wheel of the locked version is used; another libjpeg may pack the same picture
differently, so the check then compares decoded pixels and says that it did.

`--count 400` draws more pictures of the same places, each cropped, lit and warmed in its own way, for whoever wants to
train on them.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from scenes.canvas import Canvas  # noqa: E402
from scenes.index import SCENES, Look, Scene  # noqa: E402

QUALITY = 82
PIXEL_TOLERANCE = 1.2  # mean difference in grey levels; another libjpeg stays far below, another scene far above
COLUMNS: tuple[str, ...] = ("id", "file", "lat", "lon", "coord_uncertainty_km", "captured_at", "scene", "author")
COLUMNS += ("licence", "source_url", "note")


def render_scene(scene: Scene) -> Image.Image:
    """Draw one scene at its published size."""
    return develop(painted(scene.paint, scene.look.take, scene.size), scene.look)


@lru_cache(maxsize=2)
def painted(paint: Callable[[Canvas, int], None], take: int, size: tuple[int, int]) -> Image.Image:
    """A scene before it is developed; its looks follow one another and share it."""
    canvas = Canvas(*size, seed=paint.__name__)
    paint(canvas, take)
    return canvas.finish()


def varied(scenes: Sequence[Scene], count: int) -> list[Scene]:
    """So many pictures of these scenes, the first of each as it is; places in order, their pictures one after another.
    How a further one looks follows from its number."""
    made = []
    for place, scene in enumerate(scenes):
        for look in range(count // len(scenes) + (place < count % len(scenes))):
            chance = random.Random(f"{place}:{look}")  # noqa: S311
            left, top = chance.uniform(0, 0.12), chance.uniform(0, 0.12)
            crop = (left, top, 1 - chance.uniform(0, 0.12), 1 - chance.uniform(0, 0.12))
            seen = Look(scene.look.take, crop, chance.uniform(0.8, 1.2), chance.uniform(-0.06, 0.06))
            name = scene.name if look == 0 else f"{scene.name}-{look}"
            made.append(replace(scene, number=len(made) + 1, name=name, look=scene.look if look == 0 else seen))
    return made


def develop(image: Image.Image, look: Look) -> Image.Image:
    """Crop, brighten and warm a picture; the plain look changes nothing."""
    if look == Look():
        return image
    width, height = image.size
    left, top, right, bottom = look.crop
    box = (round(left * width), round(top * height), round(right * width), round(bottom * height))
    gain = (look.exposure * (1 + look.warmth), look.exposure, look.exposure * (1 - look.warmth))
    curve = [min(255, round(level * channel)) for channel in gain for level in range(256)]
    return image.crop(box).point(curve)


def encode(image: Image.Image) -> bytes:
    """JPEG bytes without any metadata."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()


def table(scenes: Sequence[Scene] = SCENES) -> str:
    """The text of scenes.csv."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for s in scenes:
        row = (s.id, s.file, f"{s.lat:.4f}", f"{s.lon:.4f}", s.coord_uncertainty_km, s.captured_at, s.kind, s.author)
        writer.writerow((*row, "CC0-1.0", "", s.note))
    return buffer.getvalue()


def compare(committed: bytes, fresh: bytes) -> str:
    """`identical` bytes, the `same picture` within the tolerance of another libjpeg, or `different`."""
    if committed == fresh:
        return "identical"
    pixels = [np.asarray(Image.open(io.BytesIO(b)).convert("RGB"), dtype=np.int16) for b in (committed, fresh)]
    if pixels[0].shape != pixels[1].shape:
        return "different"
    return "same picture" if float(np.abs(pixels[0] - pixels[1]).mean()) <= PIXEL_TOLERANCE else "different"


def check(scenes: list[Scene]) -> int:
    """Compare committed files with a fresh rendering; gives the exit code."""
    verdicts: dict[str, list[str]] = {"identical": [], "same picture": [], "different": [], "missing": []}
    for scene in scenes:
        path = HERE / scene.file
        verdict = compare(path.read_bytes(), encode(render_scene(scene))) if path.exists() else "missing"
        verdicts[verdict].append(scene.id)
    if (HERE / "scenes.csv").read_text(encoding="utf-8") != table():
        verdicts["different"].append("scenes.csv")
    print(f"{len(verdicts['identical'])} of {len(scenes)} pictures are byte-identical to a fresh rendering")
    if verdicts["same picture"]:
        print(f"compared by pixels, because this libjpeg packs them differently: {', '.join(verdicts['same picture'])}")
    for bad in ("different", "missing"):
        if verdicts[bad]:
            print(f"{bad}: {', '.join(verdicts[bad])}; run render.py without --check to write them again")
    return 1 if verdicts["different"] or verdicts["missing"] else 0


def main(argv: list[str] | None = None) -> int:
    """Command line entry; gives the exit code."""
    parser = argparse.ArgumentParser(description="Render the demo set.")
    parser.add_argument("--check", action="store_true", help="compare the committed pictures, write nothing")
    parser.add_argument("--only", nargs="+", metavar="ID", help="only these scene ids")
    parser.add_argument("--count", type=int, metavar="N", help="so many pictures of the same places; needs --out")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write images/ and scenes.csv into")
    args = parser.parse_args(argv)
    chosen = [s for s in SCENES if not args.only or s.id in args.only]
    if args.only and len(chosen) != len(set(args.only)):
        unknown = sorted(set(args.only) - {s.id for s in SCENES})
        parser.error(f"no such scene: {', '.join(unknown)}; ids are listed in scenes.csv")
    if args.check:
        return check(chosen)
    if args.count is not None:
        if args.out == HERE or args.count < len(chosen):
            parser.error(f"--count wants another folder (--out) and at least {len(chosen)} pictures")
        chosen = varied(chosen, args.count)
    (args.out / "images").mkdir(parents=True, exist_ok=True)
    for scene in chosen:
        (args.out / scene.file).write_bytes(encode(render_scene(scene)))
    (args.out / "scenes.csv").write_text(table(chosen if args.count else SCENES), encoding="utf-8")
    print(f"wrote {len(chosen)} pictures and scenes.csv")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
