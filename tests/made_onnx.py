"""Tiny ONNX models, made field by field: detectors of red squares, and files that a stranger would send."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FLOAT, INT64, BOOL = 1, 7, 9
SIDE = 64


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, *parts: bytes | str) -> bytes:
    data = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name: str, values: np.ndarray) -> bytes:
    """TensorProto: dims, data_type, name, raw_data."""
    kind = INT64 if values.dtype == np.int64 else FLOAT
    raw = values.astype("<i8" if kind == INT64 else "<f4").tobytes()
    dims = b"".join(number(1, side) for side in values.shape)
    return dims + number(2, kind) + message(8, name) + message(9, raw)


def ints(name: str, values: Sequence[int]) -> bytes:
    """AttributeProto of type INTS."""
    return message(5, message(1, name), *(number(8, value) for value in values), number(20, 7))


def one_int(name: str, value: int) -> bytes:
    return message(5, message(1, name), number(3, value), number(20, 2))


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], *attributes: bytes) -> bytes:
    named = (*(message(1, name) for name in inputs), *(message(2, name) for name in outputs))
    return message(1, *named, message(4, kind), *attributes)


def value(field: int, name: str, shape: Sequence[int]) -> bytes:
    """ValueInfoProto of a float tensor, as an input (11) or output (12) of a graph."""
    dims = b"".join(message(1, number(1, side)) for side in shape)
    return message(field, message(1, name), message(2, message(1, number(1, FLOAT), message(2, dims))))


def model(*graph: bytes, opset: int = 13) -> bytes:
    """ModelProto: ir_version, graph, opset_import."""
    return number(1, 8) + message(7, *graph, message(2, "made")) + message(8, message(1, ""), number(2, opset))


def red_finder(*, head: str = "raw", scores: float = 1.0, broken: float | None = None, cell: int = 8) -> bytes:
    """Finds each cell of 8 x 8 pixels, of 64 x 64, by how red it is: 1 for pure red, 0 for white, black and grey.

    Args:
        head: `raw` as YOLOv8 writes it, [1, 5, 64], or `corners`, [1, 64, 6].
        scores: what the scores are multiplied with.
        cell: pixels of a cell's side.
        broken: a number that stands for the width of every cell.
    """
    cells = SIDE // cell
    filters = np.zeros((1, 3, cell, cell), np.float32)
    filters[:, 0], filters[:, 1] = scores / cell**2, -scores / cell**2
    y, x = (axis.ravel() * cell for axis in np.mgrid[:cells, :cells])
    count = cells**2
    width = np.full(count, cell if broken is None else broken, np.float32)
    places = np.stack((x + cell / 2, y + cell / 2, width, np.full(count, cell)))
    if head == "corners":
        places = np.stack((x, y, x + cell, y + cell))
    kept = [
        message(5, tensor("filters", filters)),
        message(5, tensor("shape", np.array([1, 1, count], np.int64))),
        message(5, tensor("places", places[None].astype(np.float32))),
        message(5, tensor("class", np.zeros((1, 1, count), np.float32))),
    ]
    conv = node("Conv", ["images", "filters"], ["heat"], ints("strides", [cell, cell]))
    parts = ["places", "flat"] + (["class"] if head == "corners" else [])
    nodes = [conv, node("Relu", ["heat"], ["red"]), node("Reshape", ["red", "shape"], ["flat"])]
    said, shape = "said", (1, 5, count)
    nodes.append(node("Concat", parts, [said], one_int("axis", 1)))
    if head == "corners":
        nodes.append(node("Transpose", [said], ["turned"], ints("perm", [0, 2, 1])))
        said, shape = "turned", (1, count, 6)
    return model(*nodes, *kept, value(11, "images", (1, 3, SIDE, SIDE)), value(12, said, shape))


def with_external_data(name: str = "filters", location: str = "../../secret") -> bytes:
    """A model whose numbers lie in another file, as ONNX says it."""
    told = message(13, message(1, "location"), message(2, location)) + number(14, 1)
    stored = message(5, number(1, 1), number(2, FLOAT), message(8, name), told)
    return model(
        node("Add", ["images", name], ["said"]),
        stored,
        value(11, "images", (1, 3, SIDE, SIDE)),
        value(12, "said", (1, 3, SIDE, SIDE)),
    )


def endless() -> bytes:
    """A model that counts to the end of 64 bits: a loop whose condition is never false."""
    body = message(
        6,
        node("Identity", ["goes"], ["on"]),
        node("Add", ["before", "before"], ["after"]),
        message(2, "body"),
        _scalar(11, "at", INT64),
        _scalar(11, "goes", BOOL),
        _scalar(11, "before", FLOAT),
        _scalar(12, "on", BOOL),
        _scalar(12, "after", FLOAT),
    )
    attribute = message(5, message(1, "body"), body, number(20, 5))
    shape = (1, 3, SIDE, SIDE)
    return model(
        node("Loop", ["times", "true", "start"], ["end"], attribute),
        node("Add", ["images", "end"], ["said"]),
        message(5, tensor("times", np.array(2**62, np.int64))),
        message(5, number(2, BOOL), message(8, "true"), message(9, b"\1")),
        message(5, tensor("start", np.array(0.0, np.float32))),
        value(11, "images", shape),
        value(12, "said", shape),
    )


def _scalar(field: int, name: str, kind: int) -> bytes:
    return message(field, message(1, name), message(2, message(1, number(1, kind), message(2))))
