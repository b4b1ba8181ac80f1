"""Places that strings may mean, as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Candidates:
    """Places that strings may mean, best first within a string. `part` is the row of `Parts` that named the place, and
    `borrowed` tells that the name is a namesake's.
    """

    query: Ints
    part: Ints
    entity: Ints
    total: Floats
    explained: Ints
    borrowed: Flags

    def take(self, rows: Ints | Flags) -> Candidates:
        """Some of the rows."""
        query, part, entity = self.query[rows], self.part[rows], self.entity[rows]
        return Candidates(query, part, entity, self.total[rows], self.explained[rows], self.borrowed[rows])


def largest(codes: Ints, weights: Floats, wanted: Ints) -> Floats:
    """The largest weight of each wanted code, 0 for a code that is not there."""
    if not len(wanted):
        return np.zeros(0)
    asked, answer = np.unique(wanted, return_inverse=True)
    row = np.minimum(np.searchsorted(asked, codes), len(asked) - 1)
    there = asked[row] == codes
    most = np.zeros(len(asked))
    np.maximum.at(most, row[there], weights[there])
    found: Floats = most[answer]
    return found
