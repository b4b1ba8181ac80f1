"""Pictures a CPU second that are prepared, beside what img2dataset does with them, and how near both stay to the whole.

    python tests/benchmarks/bench_ingest.py [--pictures FOLDER] [--count 24] [--rounds 3]

The peer's operations are OpenCV's (`pip install opencv-python-headless`): decode, area filter, encode at our quality.
Ours is all of `prepare`: digest, structure, decoding, scaling, encoding, perceptual hash. SSIM is that of the result
with the whole picture, decoded and scaled by a Lanczos filter, before it was encoded. CPU time of one thread, the best
of the rounds, which alternate. Without a folder of JPEGs of your own, mosaics of noise like that of photos, 1,920 x
1,344 pixels.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import uniform_filter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from factory.images.prepare import ImageSettings, Prepared, prepare

QUALITY = 90


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    given = [path.read_bytes() for path in sorted(options.pictures.glob("*.jp*g"))] if options.pictures else []
    sources = given[: options.count] or [drawn(seed, 1920, 1344) for seed in range(options.count)]
    peers = f"OpenCV {__import__('cv2').__version__}, Pillow {version('pillow')}"
    print(f"{len(sources)} pictures, {sum(map(len, sources)) / len(sources) / 1000:.0f} KB; {peers}")
    for side in (336, 1024):
        compare(f"to {side} px", sources, side, options.rounds)
    fitting = [peer(data, 1000) for data in sources]
    compare("that fit 1024 px", fitting, 1024, options.rounds)


def compare(told: str, sources: list[bytes], side: int, rounds: int) -> None:
    ways: dict[str, Callable[[bytes], bytes]] = {
        "OpenCV": lambda data: peer(data, side),
        "prepare": lambda data: prepared(data, ImageSettings(max_side=side, quality=QUALITY)),
        "prepare, pass_through": lambda data: prepared(data, ImageSettings(max_side=side, pass_through=True)),
    }
    best, made = dict.fromkeys(ways, 0.0), {}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.process_time()
            made[name] = [way(data) for data in sources]
            best[name] = max(best[name], len(sources) / (time.process_time() - started))
    print(told)
    for name, rate in best.items():
        near = np.mean([ssim(data, out) for data, out in zip(sources, made[name], strict=True)])
        print(f"  {name:22} {rate:8,.1f} a CPU second, {rate / best['OpenCV']:6.2f} x OpenCV, SSIM {near:.4f}")


def peer(data: bytes, side: int) -> bytes:
    cv2: Any = __import__("cv2")
    cv2.setNumThreads(1)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    height, width = pixels.shape[:2]
    scale = min(1.0, side / max(width, height))
    if scale < 1:
        pixels = cv2.resize(pixels, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    coded: bytes = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    return coded


def prepared(data: bytes, settings: ImageSettings) -> bytes:
    found = prepare(data, settings)
    assert isinstance(found, Prepared), found
    return found.jpeg


def ssim(source: bytes, out: bytes) -> float:
    """Mean structural similarity of the luma, windows of 7 x 7 pixels, constants of Wang et al. 2004."""
    result = Image.open(io.BytesIO(out)).convert("L")
    whole = Image.open(io.BytesIO(source)).convert("RGB").resize(result.size, Image.Resampling.LANCZOS).convert("L")
    one, other = np.asarray(whole, float), np.asarray(result, float)
    mean_one, mean_other = uniform_filter(one, 7), uniform_filter(other, 7)
    spread = uniform_filter(one * one, 7) - mean_one**2, uniform_filter(other * other, 7) - mean_other**2
    shared = uniform_filter(one * other, 7) - mean_one * mean_other
    light, contrast = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    alike = (2 * mean_one * mean_other + light) * (2 * shared + contrast)
    return float(np.mean(alike / ((mean_one**2 + mean_other**2 + light) * (sum(spread) + contrast))))


def drawn(seed: int, width: int, height: int) -> bytes:
    """A JPEG with as much detail at every scale as photos have: octaves of noise, halved in strength with each."""
    random = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3))
    for octave in range(1, 9):
        coarse = random.normal(0, 2.0 ** (7 - octave), (height * 2**octave // 512 + 2, width * 2**octave // 512 + 2, 3))
        shape = Image.fromarray((coarse + 128).clip(0, 255).astype(np.uint8))
        pixels += np.asarray(shape.resize((width, height), Image.Resampling.BICUBIC), float) - 128
    out = io.BytesIO()
    Image.fromarray((pixels + 128).clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=88)
    return out.getvalue()


if __name__ == "__main__":
    main()
