"""Contrast of pairs: symmetric InfoNCE over the batches of all processes, one piece of them in memory at a time.

Every process holds the embeddings of all rows of a step, and the gradients of its own. Rows are embedded twice: once
without gradients, to know all embeddings, and piece by piece once more, to bring the loss' gradients back (the gradient
cache of Gao et al. 2021). The sum over processes and pieces is the gradient of one big batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from train.conversation import UnlearnableRow

Encode = Callable[[Any], Any]
"""Takes a piece's inputs; returns embeddings of length 1, float32, (rows, width)."""
FAR: Final = float("-inf")


def place_id(row: Mapping[str, Any], columns: Sequence[str]) -> int:
    """A number for a row's place, the same in every process and run: the first 8 bytes of a digest, signed.

    Raises UnlearnableRow for a row that does not say it: whose neighbour it is nobody knows.
    """
    if (unknown := next((column for column in columns if row[column] is None), None)) is not None:
        raise UnlearnableRow(f"{row['id']}: says no `{unknown}`, so nobody knows which rows are of its place")
    written = orjson.dumps([row[column] for column in columns], default=str)
    return int.from_bytes(hashlib.sha256(written).digest()[:8], "big", signed=True)


def info_nce(queries: Any, gallery: Any, places: Any, tau: float) -> Any:
    """Mean of the cross-entropies of each query's own picture among all, and of each picture's own query.

    Args:
        queries, gallery: (rows, width), float32, of length 1; row by row they belong together.
        places: (rows,) integers; others of the same place are left out of the sums: they are no wrong answers.
        tau: similarities are divided by it.
    """
    import torch
    from torch.nn.functional import cross_entropy

    alike = places[:, None] == places[None, :]
    alike.fill_diagonal_(fill_value=False)
    similar = (queries @ gallery.T / tau).masked_fill(alike, FAR)
    own = torch.arange(len(queries), device=queries.device)
    return (cross_entropy(similar, own) + cross_entropy(similar.T, own)) / 2


def contrast(
    encode: Encode,
    pieces: Sequence[tuple[Any, Any]],
    places: Any,
    tau: float,
    backward: Callable[[Any], None],
) -> Any:
    """The loss of a step over all processes, whose gradients of this process' rows it adds to the parameters.

    `summed` has to follow: a process has the gradients of its own rows alone.

    Args:
        pieces: of this process: inputs of the queries, inputs of the gallery; as many rows as each other.
        places: (rows of all pieces,) integers of `place_id`.
        backward: brings gradients of a scalar back.
    """
    import torch

    states, found = [], []
    with torch.no_grad():
        for piece in pieces:
            states.append(_random_state())
            found.append([encode(side) for side in piece])
    ours = [torch.cat(side).requires_grad_() for side in zip(*found, strict=True)]
    queries, gallery = (_of_all(side) for side in ours)
    loss = info_nce(queries, gallery, _of_all(places), tau)
    gradients = torch.autograd.grad(loss, ours)
    after, start = _random_state(), 0
    for piece, state in zip(pieces, states, strict=True):
        _set_random_state(state)  # dropout as before: else these would be other embeddings
        again = [encode(side) for side in piece]
        rows = slice(start, start + len(again[0]))
        backward(sum((side * gradient[rows]).sum() for side, gradient in zip(again, gradients, strict=True)))
        start = rows.stop
    _set_random_state(after)
    return loss.detach()


def summed(parameters: Iterable[Any]) -> None:
    """Adds up the gradients of all processes, in each."""
    from torch import distributed

    if distributed.is_initialized() and distributed.get_world_size() > 1:
        for parameter in parameters:
            if parameter.grad is not None:
                distributed.all_reduce(parameter.grad)


def _of_all(ours: Any) -> Any:
    """The rows of all processes, in their order; this one's keep their gradients."""
    import torch
    from torch import distributed

    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return ours
    every = [torch.empty_like(ours) for _ in range(distributed.get_world_size())]
    distributed.all_gather(every, ours.detach().contiguous())
    every[distributed.get_rank()] = ours
    return torch.cat(every)


def _random_state() -> tuple[Any, Any]:
    import torch

    return torch.get_rng_state(), torch.cuda.get_rng_state() if torch.cuda.is_available() else None


def _set_random_state(state: tuple[Any, Any]) -> None:
    import torch

    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1])
