"""Eigenvalues of many small symmetric matrices at once, on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from ase_orbital.numerics.batched_eigenvalues import LANES, solve
from ase_orbital.numerics.jit import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import DTypeLike, NDArray

    Floats = NDArray[np.floating]
    Integers = NDArray[np.int64]


class Packs(NamedTuple):
    """Layout in memory of matrices of different sizes that are solved together.

    A pack holds up to `LANES` matrices, padded with zeros to the size of the largest. Each
    is stored as its lower triangle, row by row: element k of lane l is at k * lanes + l of
    the pack. A matrix that would leave too many lanes empty is a pack of one lane and is
    solved by LAPACK.

    Parameters
    ----------
    matrix : [n_matrices]
        Indices of the matrices, pack by pack, in descending size.
    first : [n_packs + 1]
        Where each pack begins in `matrix`.
    size : [n_packs]
        Rows of the largest matrix in each pack.
    lanes : [n_packs]
        1 or `LANES`.
    start : [n_packs + 1]
        Where each pack begins in memory.
    """

    matrix: Integers
    first: Integers
    size: Integers
    lanes: Integers
    start: Integers

    def parts(self, max_numbers: int) -> Iterator[Packs]:
        """Split into parts with at most so many elements and eigenvalues, or one pack."""
        begin, n_packs = 0, len(self.size)
        for end in range(1, n_packs + 1):
            if end < n_packs:
                numbers = self.start[end + 1] - self.start[begin]
                values = (self.first[end + 1] - self.first[begin]) * self.size[begin]
                if max(numbers, values) <= max_numbers:
                    continue
            first = self.first[begin : end + 1]
            start = self.start[begin : end + 1] - self.start[begin]
            size, lanes = self.size[begin:end], self.lanes[begin:end]
            matrix = self.matrix[first[0] : first[-1]]
            yield Packs(matrix, first - first[0], size, lanes, start)
            begin = end

    def places(self) -> tuple[Integers, Integers]:
        """Index of the first element of each matrix, and the stride between elements."""
        count = np.diff(self.first)
        begin = np.repeat(self.start[:-1] - self.first[:-1], count)
        return begin + np.arange(len(self.matrix)), np.repeat(self.lanes, count)

    def full(self, value: float, dtype: DTypeLike) -> Floats:
        """Create the array for all triangles, filled with one value."""
        return np.full(self.start[-1], value, dtype)


def pack(sizes: Integers) -> Packs:
    """Arrange matrices with these numbers of rows in packs, largest first."""
    order = np.argsort(-sizes, kind="stable")
    descending = sizes[order]
    first, lanes = np.zeros((2, len(sizes) + 1), np.int64)
    n_packs = _divide(descending, first, lanes)
    first, lanes = first[: n_packs + 1], lanes[:n_packs]
    size = descending[first[:-1]]
    start = np.concatenate([[0], np.cumsum(size * (size + 1) // 2 * lanes)])
    return Packs(order, first, size, lanes, start)


def packed_eigenvalues(triangles: Floats, packs: Packs, sizes: Integers) -> Floats:
    """Compute the eigenvalues of packed matrices, largest first.

    Parameters
    ----------
    triangles
        Matrices in the layout of `packs`. Overwritten.
    packs
        All packs, or one part of them.
    sizes : [n_matrices]
        Rows of each matrix in the order of `packs.matrix`.

    Returns
    -------
    [n_matrices, largest size]
        Padded with zeros. Matrices that are not finite give NaN in a full pack, and raise
        LAPACK's error if they are alone.
    """
    values = np.zeros((len(sizes), sizes.max(initial=0)), triangles.dtype)
    _, first, size, lanes, start = packs
    if len(sizes):
        solve(triangles, start, first, size, lanes, sizes, values)
    for alone in np.flatnonzero(lanes == 1):
        n = size[alone]
        lower = np.zeros((n, n), triangles.dtype)
        _read_triangle(triangles[start[alone] : start[alone + 1]], lower)
        found = torch.linalg.eigvalsh(torch.from_numpy(lower)).numpy()
        values[first[alone], :n] = found[::-1]
    return values


def symmetric_eigenvalues(matrices: Floats) -> Floats:
    """Compute the eigenvalues of matrices [n_matrices, n, n], largest first.

    Only the lower triangles are read.
    """
    sizes = np.full(len(matrices), matrices.shape[1])
    packs = pack(sizes)
    triangles = packs.full(0.0, matrices.dtype)
    write_triangles(matrices, *packs.places(), triangles)
    return packed_eigenvalues(triangles, packs, sizes)


@compiled
def write_triangles(
    matrices: Floats, places: Integers, strides: Integers, triangles: Floats
) -> None:
    """Copy the lower triangles of matrices [n_matrices, n, n] to their places in packs."""
    for m in range(len(matrices)):
        at = places[m]
        for i in range(matrices.shape[1]):
            for j in range(i + 1):
                triangles[at] = matrices[m, i, j]
                at += strides[m]


@compiled
def _divide(sizes: Integers, first: Integers, lanes: Integers) -> int:
    """Divide matrices of descending sizes into packs; return their number.

    A pack takes as long for one matrix as for `LANES`: about as long as LAPACK takes for
    one matrix for every eight rows.

    Parameters
    ----------
    first, lanes : [n_matrices + 1]
        Overwritten with the fields of the packs. `first` has one entry more than packs.
    """
    n_packs = begin = 0
    while begin < len(sizes):
        end, alike = min(begin + LANES, len(sizes)), 0
        for matrix in range(begin, end):
            alike += 4 * sizes[matrix] >= 3 * sizes[begin]
        together = 8 * alike >= sizes[begin]
        lanes[n_packs] = LANES if together else 1
        begin = end if together else begin + 1
        n_packs += 1
        first[n_packs] = begin
    return n_packs


@compiled
def _read_triangle(triangle: Floats, lower: Floats) -> None:
    at = 0
    for i in range(len(lower)):
        for j in range(i + 1):
            lower[i, j] = triangle[at]
            at += 1
