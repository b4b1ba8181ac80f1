"""ONNX files, opened so that they compute and do nothing else: on this processor, in one thread, from their own bytes.

A file of weights is a stranger's. It is read up to a bound and held against the digest that was noted of it; one that
keeps numbers in other files (ONNX calls them external data) is refused, since it would have any file of this machine
read. Operators of its own it cannot bring: the runtime loads a library only when it is told to.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from factory.errors import EnvironmentFault, RecipeError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MOST_BYTES: Final = 512_000_000
"""Of a file of weights; a detector of plates has 10 to 250 MB."""
_DEEPEST: Final = 64
"""Messages within messages: a graph within a graph (a loop, a branch) takes three."""


class NoModel(ValueError):
    """Bytes that are no ONNX model of the kind that is taken."""


def read_weights(path: Path) -> bytes:
    """The bytes of a file of weights. Raises RecipeError for what is no file, too large, or keeps numbers elsewhere."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise RecipeError(f"{path}: is no file of weights")
        if found.st_size > MOST_BYTES:
            raise RecipeError(f"{path}: {found.st_size:,} bytes; weights have at most {MOST_BYTES:,}")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror or error})") from None
    try:
        require_whole(data)
    except NoModel as error:
        raise RecipeError(f"{path}: {error}; expected the weights of a detector as ONNX, in one file") from None
    return data


def require_whole(data: bytes) -> None:
    """Raises NoModel for bytes that are no ONNX model, or one whose numbers lie in other files."""
    if not any(number == _GRAPH for number, _, _ in _fields(data, 0, len(data))):
        raise NoModel("is no ONNX model: it has no graph")
    _refuse_external(data, (0, len(data)), "model", 0)


def digest(data: bytes) -> str:
    """Hex sha256."""
    return hashlib.sha256(data).hexdigest()


def require_runtime() -> None:
    """Raises EnvironmentFault where nothing is installed that runs a model."""
    if find_spec("onnxruntime") is None:
        raise EnvironmentFault(
            "looking for faces or plates needs onnxruntime: pip install 'geo-reasoning-factory[privacy]'"
        )


def opened(data: bytes) -> InferenceSession:
    """A model ready to run. Raises EnvironmentFault where the runtime is not installed, NoModel where it refuses it.

    One thread and one provider: sums are added in one order, so that a picture gives the same boxes every time.
    """
    require_runtime()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises classes of its own that share no base
        raise NoModel(f"the ONNX runtime refuses it ({error!s:.200})") from None


def freed(data: bytes, inputs: frozenset[str]) -> bytes:
    """The model with the sizes of these inputs and of all its outputs unstated, so that it takes pictures of any size.

    A size (`dim_value`) becomes a name (`dim_param`) of as many bytes, so nothing else of the file moves.
    """
    model = bytearray(data)
    for _, start, end in _within(data, (_GRAPH,), (0, len(data))):
        for kind, first, last in _fields(data, start, end):
            if kind == _OUTPUT or (kind == _INPUT and _name(data, first, last) in inputs):
                for _, at, upto in _within(data, _DIMENSIONS, (first, last)):
                    length = upto - at
                    model[at:upto] = bytes((_DIM_PARAM, length - 2)) + b"n" * (length - 2)
    return bytes(model)


_GRAPH: Final = 7
_INPUT, _OUTPUT = 11, 12
_DIMENSIONS: Final = (2, 1, 2, 1)
"""ValueInfo.type, Type.tensor_type, Tensor.shape, TensorShape.dim: field numbers of onnx.proto3."""
_DIM_PARAM: Final = 0x12
"""Tag of TensorShape.Dimension.dim_param: field 2, of so many bytes."""
_INSIDE: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "function": {7: "node", 11: "attribute"},
    "training": {1: "graph", 2: "graph"},
}
"""Where tensors lie in a model: field numbers of onnx.proto3 by the kind of message."""
_EXTERNAL: Final = 13
_LOCATION: Final = 14


def _refuse_external(data: bytes, span: tuple[int, int], kind: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise NoModel("has graphs within graphs without end")
    for number, start, end in _fields(data, *span):
        if kind == "tensor":
            if number == _EXTERNAL or (number == _LOCATION and _varint(data, start, end)[0] != 0):
                raise NoModel("keeps its numbers in other files (external data)")
        elif (inner := _INSIDE[kind].get(number)) is not None:
            _refuse_external(data, (start, end), inner, depth + 1)


def _within(data: bytes, path: tuple[int, ...], span: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """The fields at the end of a path of field numbers."""
    for number, start, end in _fields(data, *span):
        if number == path[0]:
            if len(path) == 1:
                yield number, start, end
            else:
                yield from _within(data, path[1:], (start, end))


def _name(data: bytes, start: int, end: int) -> str:
    return next((data[a:b].decode("utf-8", "replace") for n, a, b in _fields(data, start, end) if n == 1), "")


def _fields(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of each field of a protobuf message. Raises NoModel for what is none."""
    while start < end:
        tag, start = _varint(data, start, end)
        kind = tag & 7
        if kind == 0:
            first, start = start, _varint(data, start, end)[1]
        elif kind == 2:
            length, first = _varint(data, start, end)
            start = first + length
        elif kind in (1, 5):
            first, start = start, start + (8 if kind == 1 else 4)
        else:
            raise NoModel("is no ONNX model: no protobuf")
        if start > end or tag < 8:
            raise NoModel("is no ONNX model: it ends in the middle, or is no protobuf")
        yield tag >> 3, first, start


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of protobuf, and where it ends."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise NoModel("is no ONNX model: it ends in the middle of a number")


def session_input(session: Any) -> tuple[str, tuple[int | None, int | None]]:
    """Name of a detector's one input, and the height and width that it asks for, None where any will do.

    Raises NoModel unless that is one float picture [1, 3, height, width].
    """
    inputs = session.get_inputs()
    shape: Sequence[Any] = inputs[0].shape if len(inputs) == 1 else ()
    fits = len(shape) == 4 and inputs[0].type == "tensor(float)"
    if not fits or not _takes(shape[0], 1) or not _takes(shape[1], 3):
        told = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
        raise NoModel(f"expected one input of float32 [1, 3, height, width], it has {told or 'none':.200}")
    height, width = (side if isinstance(side, int) else None for side in shape[2:])
    if any(side is not None and not 32 <= side <= _LARGEST for side in (height, width)):
        raise NoModel(f"its pictures are {width} x {height}; expected sides of 32 to {_LARGEST}")
    return inputs[0].name, (height, width)


_LARGEST: Final = 4096


def _takes(stated: Any, size: int) -> bool:
    """Whether a side that the model states, by a number or a name or not at all, may be of this size."""
    return stated == size or not isinstance(stated, int)
