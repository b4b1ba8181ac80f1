"""From the bytes of a photo to the JPEG that teachers see and a release carries: one decode, no metadata.

`prepare` is pure and deterministic. It is meant to run in the limited processes of `factory.images.worker`, because no
check of headers stops every decoder bug. A JPEG that is already small, upright and sRGB keeps its coded picture, which
saves the loss of a second encoding; everything else is scaled and encoded once.
"""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import Final

from PIL import Image, UnidentifiedImageError

from factory.images.coded import check_side, is_kept, undecoded
from factory.images.colour import is_srgb, to_eight_bit, to_srgb
from factory.images.inspect import Inspected, check_size, inspect_image
from factory.images.phash import phash
from factory.images.records import (
    PREPARE_VERSION,
    ImageRejected,
    ImageSettings,
    Prepared,
    StructureError,
    image_key,
)

__all__ = ["PREPARE_VERSION", "ImageRejected", "ImageSettings", "Prepared", "encoded", "image_key", "prepare"]

_WHOLE_FILTER: Final = Image.Resampling.HAMMING
"""For what was decoded at its full size: to 1,024 pixels as near to the original as OpenCV's area filter (SSIM 0.973 of
mosaics of real photos, both), at half the time of Lanczos (0.982)."""
_SCALED_FILTER: Final = Image.Resampling.LANCZOS
"""For a JPEG that was decoded at a smaller DCT scale, the smallest that has as many pixels as the result: to 336 pixels
SSIM 0.979, beside 0.972 of OpenCV's area filter over the whole picture, and in little more than half its time."""
_REDUCING_GAP: Final = 3.0
"""Very large pictures are box-averaged to this many times the result before the filter."""
_HASH_SIDE: Final = 64
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def prepare(data: bytes, settings: ImageSettings) -> Prepared | ImageRejected:
    """Check, decode, orient, scale and encode one picture.

    Args:
        data: the bytes of the source file.
        settings: the recipe's limits and target size.

    Returns:
        The prepared picture, or the reason why there is none. Never raises for what `data` holds.
    """
    digest = hashlib.sha256(data).hexdigest()
    try:
        source = inspect_image(data, settings)
        if _may_pass_through(source, settings):
            check_side((source.width, source.height), settings)
            return undecoded(source, digest) if settings.pass_through else _pass_through(source, digest)
        return _encode(source, settings, digest)
    except StructureError as problem:
        return ImageRejected(problem.reason, problem.detail, digest)
    except MemoryError:
        return ImageRejected("decode_memory", "the decoder ran out of memory", digest)
    except Image.DecompressionBombError:
        return ImageRejected("too_many_pixels", "more pixels than the image library allows", digest)
    except UnidentifiedImageError:
        return ImageRejected("corrupt", "the decoder does not recognise the picture", digest)
    except Exception as error:  # codecs raise nearly every type on hostile bytes
        text = " ".join(str(error).split())[:200]
        reason = "truncated" if "truncated" in text.lower() else "corrupt"
        return ImageRejected(reason, f"{type(error).__name__}: {text}", digest)


def _may_pass_through(source: Inspected, settings: ImageSettings) -> bool:
    if source.jpeg is None or not is_kept(source, settings):
        return False
    return source.icc is None or is_srgb(source.icc, "L" if source.jpeg.components == 1 else "RGB")


def _pass_through(source: Inspected, digest: str) -> Prepared:
    with _open(source) as picture:
        picture.draft("L", (_HASH_SIDE, _HASH_SIDE))
        picture.load()
        return Prepared(
            jpeg=source.body,
            width=source.width,
            height=source.height,
            sha256=digest,
            phash=phash(picture),
            source_format=source.format,
            source_width=source.width,
            source_height=source.height,
            passthrough=True,
        )


def _encode(source: Inspected, settings: ImageSettings, digest: str) -> Prepared:
    with _open(source) as opened:
        if getattr(opened, "n_frames", 1) > 1 and source.format != "HEIF":
            raise StructureError("animated", f"{opened.n_frames} frames")  # type: ignore[attr-defined]
        check_size(opened.width, opened.height, settings)
        stored = (source.width, source.height) if source.width else opened.size
        target = _fit(opened.size, settings.max_side)
        check_side(target, settings)
        whole = opened.size
        opened.draft("RGB", target)
        opened.load()
        picture = to_eight_bit(opened)
        if picture.size != target:
            by = _WHOLE_FILTER if opened.size == whole else _SCALED_FILTER
            picture = picture.resize(target, by, reducing_gap=_REDUCING_GAP)
    # Colours after scaling: far fewer pixels to transform.
    picture = to_srgb(picture, source.icc)
    if source.orientation in _TURNS:
        picture = picture.transpose(_TURNS[source.orientation])
    return Prepared(
        jpeg=encoded(picture, settings.quality),
        width=picture.width,
        height=picture.height,
        sha256=digest,
        phash=phash(picture),
        source_format=source.format,
        source_width=stored[0],
        source_height=stored[1],
        passthrough=False,
    )


def encoded(picture: Image.Image, quality: int) -> bytes:
    """A picture as JPEG, without metadata: how everything that we encode is encoded. `quality` is 1 to 95."""
    picture.info = {}
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality, subsampling="4:2:0", optimize=False, progressive=False)
    return out.getvalue()


def _open(source: Inspected) -> Image.Image:
    if source.format == "HEIF":
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            raise StructureError(
                "heif_support_missing",
                "HEIC needs pillow-heif: install the extra `heic` (pip install 'geo-reasoning-factory[heic]')",
            ) from None
        register_heif_opener(thumbnails=False)
    return Image.open(BytesIO(source.body), formats=(source.format,))


def _fit(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """The size within `max_side` with the same shape; never larger than the picture."""
    width, height = size
    scale = min(1.0, max_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
