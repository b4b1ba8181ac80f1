"""The contrast's loss against values worked out by hand; gradients of pieces and processes add up to one batch."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from train.contrast import contrast, info_nce, place_id, summed

TAU = 0.1
ROWS = 8
PLACES = torch.tensor([1, 2, 3, 1, 4, 5, 2, 6])
"""Rows 0 and 3 are one place, and so are 1 and 6."""


def model(dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 4)).double()


def sides() -> tuple[Any, Any]:
    random = torch.Generator().manual_seed(5)
    return torch.randn(2, ROWS, 5, generator=random, dtype=torch.float64).unbind()


def encoder(of: nn.Module) -> Any:
    return lambda rows: nn.functional.normalize(of(rows), dim=-1)


def gradients(rows: slice, pieces: Sequence[int], dropout: float = 0.0) -> tuple[float, list[torch.Tensor]]:
    """Loss and gradients of a process that has these rows, in pieces of these sizes."""
    made = model(dropout)
    mine = [side[rows].split(list(pieces)) for side in sides()]
    torch.manual_seed(11)
    loss = contrast(encoder(made), list(zip(*mine, strict=True)), PLACES[rows], TAU, lambda value: value.backward())
    summed(made.parameters())
    return float(loss), [parameter.grad for parameter in made.parameters() if parameter.grad is not None]


def test_the_loss_is_the_mean_of_both_directions() -> None:
    turn = [(1.0, 0.0), (0.8, 0.6)]
    queries, gallery = torch.eye(2), torch.tensor(turn)
    similar = [[1.0 / TAU, 0.8 / TAU], [0.0, 0.6 / TAU]]

    def cross(row: Sequence[float], own: int) -> float:
        return math.log(sum(map(math.exp, row))) - row[own]

    there = (cross(similar[0], 0) + cross(similar[1], 1)) / 2
    columns = list(zip(*similar, strict=True))
    back = (cross(columns[0], 0) + cross(columns[1], 1)) / 2
    assert float(info_nce(queries, gallery, torch.tensor([1, 2]), TAU)) == pytest.approx((there + back) / 2, rel=1e-5)


def test_another_row_of_the_same_place_is_no_wrong_answer() -> None:
    queries = gallery = torch.tensor([(1.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
    held = float(info_nce(queries, gallery, torch.tensor([1, 1, 2]), TAU))
    exact = 2 / 3 * math.log(1 + math.exp(-1 / TAU)) + 1 / 3 * math.log(1 + 2 * math.exp(-1 / TAU))
    assert held == pytest.approx(exact, rel=1e-3)
    assert float(info_nce(queries, gallery, torch.tensor([1, 3, 2]), TAU)) > math.log(2) / 2
    assert float(info_nce(queries, gallery, torch.tensor([7, 7, 7]), TAU)) == 0


def test_a_place_has_the_same_number_in_every_process() -> None:
    row = {"lat": 1.5, "lon": -0.25, "id": "a"}
    number = place_id(row, ("lat", "lon"))
    code = f"from train.contrast import place_id; print(place_id({row!r}, ('lat', 'lon')))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == number
    assert place_id({**row, "id": "b"}, ("lat", "lon")) == number != place_id({**row, "lat": 1.6}, ("lat", "lon"))
    assert -(2**63) <= number < 2**63


@pytest.mark.parametrize("pieces", [(4, 4), (1,) * 8, (3, 5)])
def test_the_gradients_of_pieces_are_those_of_one_big_batch(pieces: Sequence[int]) -> None:
    made = model()
    queries, gallery = map(encoder(made), sides())
    loss = info_nce(queries, gallery, PLACES, TAU)
    loss.backward()
    got, found = gradients(slice(None), pieces)
    assert got == pytest.approx(loss.item())
    for mine, parameter in zip(found, made.parameters(), strict=True):
        assert torch.allclose(mine, parameter.grad, atol=1e-12)


def test_dropout_falls_the_same_way_twice() -> None:
    """One piece with dropout, worked out directly from the same random numbers."""
    made = model(0.5)
    torch.manual_seed(11)
    loss = info_nce(*map(encoder(made), sides()), PLACES, TAU)
    loss.backward()
    _, found = gradients(slice(None), (ROWS,), 0.5)
    assert all(torch.allclose(mine, each.grad) for mine, each in zip(found, made.parameters(), strict=True))


def process(rank: int, store: str, out: str) -> None:
    """One of two processes, which has half of the rows."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    half = ROWS // 2
    loss, found = gradients(slice(rank * half, (rank + 1) * half), (1, 3))
    torch.save({"loss": torch.tensor(loss), "gradients": found}, f"{out}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_have_the_gradients_of_one(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(process, (str(tmp_path / "store"), str(tmp_path)), nprocs=2)
    loss, found = gradients(slice(None), (ROWS,))
    for rank in range(2):
        got = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert float(got["loss"]) == pytest.approx(loss)
        for mine, one in zip(got["gradients"], found, strict=True):
            assert torch.allclose(mine, one, atol=1e-12)
