"""Blurs what must not be seen in released pictures: what people marked, and what detectors find.

Detectors run in processes with limits, a picture's decoder with them: weights are a stranger's, and what hangs, eats
memory or falls costs its picture and nothing else. Such a picture is not passed on (`detector_failed`). Results come in
order, whatever process was faster, so that the number of cores changes no byte.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

from factory.errors import EnvironmentFault, RecipeError
from factory.images.blur import blurred
from factory.processes import expendable, forkserver_context, limited, mapped_bytes, usable_cores
from factory.store.paths import input_path
from factory.text import tidy
from release.detect import PACKAGE, VERSION, WEIGHTS_SHA256, DetectorFailed, Detectors, Wanted
from release.onnx_model import digest, read_weights
from schemas.settings import ReleaseSettings

FAILED: Final = "detector_failed"
"""Why a picture is withheld."""
_AHEAD: Final = 4
"""Samples on their way for each process."""
_MOST_PROCESSES: Final = 16


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may take for the pictures of a sample."""

    cpu_seconds: float = 120.0
    """CenterFace takes 0.25 s for a picture of 1024 x 768."""
    memory_bytes: int = 4 << 30
    """Beyond interpreter and libraries."""

    @property
    def wall_seconds(self) -> float:
        return 6 * self.cpu_seconds + 60


Boxes = Sequence[Mapping[str, Any]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Hidden:
    """The pictures of a sample as they may be shown."""

    jpegs: tuple[bytes, ...]
    found: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """By kind (`faces`, `plates`), things found in each picture."""
    failed: str | None = None
    """Why nobody could look; the pictures are as they came then."""


def wanted_of(settings: ReleaseSettings, root: Path) -> Wanted:
    """What a recipe wants found. Raises RecipeError for a file of weights that cannot be read.

    Args:
        root: the recipe's folder, from which the file is named.
    """
    faces = settings.face_score if settings.faces == "blur" else None
    if settings.plates is None:
        return Wanted(faces)
    path = input_path(root, settings.plates)
    return Wanted(faces, path, digest(read_weights(path)), settings.plate_score)


@dataclass(slots=True)
class Tally:
    """What was found in the pictures that are released: for manifest and card."""

    pictures: Counter[str] = field(default_factory=Counter)
    """That were looked at, by kind."""
    having: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)

    def add(self, found: Mapping[str, Sequence[int]]) -> None:
        for kind, counts in found.items():
            self.pictures[kind] += len(counts)
            self.having[kind] += sum(count > 0 for count in counts)
            self.found[kind] += sum(counts)

    def facts(self, wanted: Wanted) -> dict[str, Any]:
        """As plain data, by kind; empty where nothing was wanted."""
        told: dict[str, Any] = {}
        if wanted.faces is not None:
            told["faces"] = {
                "detector": "CenterFace",
                "weights": f"{PACKAGE} {VERSION}",
                "sha256": WEIGHTS_SHA256,
                "score": wanted.faces,
            }
        if wanted.plates is not None:
            told["plates"] = {"sha256": wanted.plates_sha256, "score": wanted.plate_score}
        counted = {"pictures": self.pictures, "having": self.having, "found": self.found}
        return {kind: {**one, **{name: count[kind] for name, count in counted.items()}} for kind, one in told.items()}


Hide = Callable[[Iterable[tuple[T, Sequence[bytes], Sequence[Boxes]]]], Iterator[tuple[T, Hidden]]]
"""From things with their pictures, and what people marked in each, to the same things in the same order, hidden."""


LIMITS: Final = Limits()


@contextmanager
def hiding(wanted: Wanted, quality: int, processes: int = 0, limits: Limits = LIMITS) -> Iterator[Hide[Any]]:
    """Hides what people marked, and what is wanted found.

    Args:
        quality: of a JPEG that is encoded again.
        processes: that look for it; 0 for one a core.

    Raises EnvironmentFault where something is not installed, RecipeError for weights that cannot be used.
    """
    if not wanted:
        yield lambda items: ((one, Hidden(_marked(jpegs, marks, quality))) for one, jpegs, marks in items)
        return
    from pebble import ProcessPool

    count = processes or min(usable_cores(), _MOST_PROCESSES)
    pool = ProcessPool(count, initializer=_start, initargs=(os.getpid(),), context=forkserver_context())
    try:
        _require_detectors(pool, wanted, limits)

        def start(jpegs: Sequence[bytes], marks: Sequence[Boxes]) -> Future[Hidden]:
            given = (tuple(jpegs), tuple(marks), wanted, quality, limits)
            future: Future[Hidden] = pool.schedule(_work, args=given, timeout=limits.wall_seconds)
            return future

        yield lambda items: _in_order(items, start, _AHEAD * count)
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _require_detectors(pool: Any, wanted: Wanted, limits: Limits) -> None:
    """Raises what opening the detectors raises in a process of the pool."""
    try:
        pool.schedule(_open, args=(wanted, limits), timeout=limits.wall_seconds).result()
    except (RecipeError, EnvironmentFault):
        raise
    except Exception as error:  # ended, stalled or starved by what it opened
        if wanted.plates is not None:
            raise RecipeError(f"{wanted.plates}: cannot be opened ({_named(error)})") from None
        raise EnvironmentFault(f"the detector of faces cannot be opened ({_named(error)})") from None


def _in_order(
    items: Iterable[tuple[T, Sequence[bytes], Sequence[Boxes]]],
    start: Callable[[Sequence[bytes], Sequence[Boxes]], Future[Hidden]],
    ahead: int,
) -> Iterator[tuple[T, Hidden]]:
    waiting: deque[tuple[T, tuple[bytes, ...], Future[Hidden] | None]] = deque()

    def first() -> tuple[T, Hidden]:
        one, jpegs, future = waiting.popleft()
        if future is None:
            return one, Hidden(())
        try:
            return one, future.result()
        except Exception as error:
            return one, Hidden(jpegs, failed=_named(error))

    for one, jpegs, marks in items:
        waiting.append((one, tuple(jpegs), start(jpegs, marks) if jpegs else None))
        if len(waiting) > ahead:
            yield first()
    while waiting:
        yield first()


def _named(error: BaseException) -> str:
    return tidy(f"{type(error).__name__}: {error}", 200)


def hide(jpegs: Sequence[bytes], marks: Sequence[Boxes], detectors: Detectors, quality: int) -> Hidden:
    """The pictures of a sample with what was marked and what is found blurred; `failed` where a detector gave nothing
    that can be used, so that nobody can tell whether there is anything."""
    found: dict[str, list[int]] = {kind: [] for kind in detectors.find}
    shown = []
    for jpeg, marked in zip(jpegs, marks, strict=True):
        try:
            boxes = detectors.boxes(jpeg)
            shown.append(blurred(jpeg, [*marked, *(box for some in boxes.values() for box in some)], quality=quality))
        except (DetectorFailed, OSError) as error:
            return Hidden(tuple(jpegs), failed=tidy(str(error), 200))
        for kind, some in boxes.items():
            found[kind].append(len(some))
    return Hidden(tuple(shown), {kind: tuple(counts) for kind, counts in found.items()})


def _marked(jpegs: Sequence[bytes], marks: Sequence[Boxes], quality: int) -> tuple[bytes, ...]:
    return tuple(blurred(jpeg, marked, quality=quality) for jpeg, marked in zip(jpegs, marks, strict=True))


_mapped_at_start = 0
"""In a process of the pool: address space before it opened anything, bytes."""


def _start(owner: int) -> None:
    """Runs once in each process of the pool."""
    import numpy as np  # noqa: F401  mapped before the limit is measured
    from PIL import Image  # noqa: F401  likewise

    global _mapped_at_start
    expendable(owner)
    _mapped_at_start = mapped_bytes()


@lru_cache(maxsize=1)
def _detectors(wanted: Wanted) -> Detectors:
    return Detectors.open(wanted)


def _open(wanted: Wanted, limits: Limits) -> None:
    with limited(limits.cpu_seconds, _mapped_at_start + limits.memory_bytes):
        _detectors(wanted)


def _work(jpegs: Sequence[bytes], marks: Sequence[Boxes], wanted: Wanted, quality: int, limits: Limits) -> Hidden:
    with limited(limits.cpu_seconds, _mapped_at_start + limits.memory_bytes + sum(map(len, jpegs))):
        return hide(jpegs, marks, _detectors(wanted), quality)
