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


class Sheaves(NamedTuple):
    """How matrices of different sizes lie in memory to be solved side by side.

    A sheaf has up to `LANES` matrices, filled up with zeros to the size of the largest.
    Of a lower triangle, row after row, number k of lane l is at k * lanes + l of the sheaf.
    What would not fill enough lanes is a sheaf of its own, with one lane, for LAPACK.

    matrix : [n_matrices] places among those that were packed, sheaf by sheaf; first :
    [n_sheaves + 1] where each sheaf begins in `matrix`; size : [n_sheaves] rows; lanes :
    [n_sheaves] 1 or `LANES`; start : [n_sheaves + 1] where each begins in memory.
    """

    matrix: Integers
    first: Integers
    size: Integers
    lanes: Integers
    start: Integers

    def parts(self, room: int) -> Iterator[Sheaves]:
        """Runs of sheaves with at most `room` numbers and eigenvalues, or of one sheaf."""
        begin, n_sheaves = 0, len(self.size)
        for end in range(1, n_sheaves + 1):
            if end < n_sheaves:
                numbers = self.start[end + 1] - self.start[begin]
                values = (self.first[end + 1] - self.first[begin]) * self.size[begin]
                if max(numbers, values) <= room:
                    continue
            first = self.first[begin : end + 1]
            yield Sheaves(
                self.matrix[first[0] : first[-1]],
                first - first[0],
                self.size[begin:end],
                self.lanes[begin:end],
                self.start[begin : end + 1] - self.start[begin],
            )
            begin = end

    def places(self) -> tuple[Integers, Integers]:
        """Where each matrix begins in memory, and how far apart its numbers are."""
        count = np.diff(self.first)
        begin = np.repeat(self.start[:-1] - self.first[:-1], count)
        return begin + np.arange(len(self.matrix)), np.repeat(self.lanes, count)

    def memory(self, value: float, dtype: DTypeLike) -> Floats:
        """Where all triangles have room; the same number everywhere."""
        return np.full(self.start[-1], value, dtype)


def packed(sizes: Integers) -> Sheaves:
    """Sheaves of matrices with so many rows, largest first."""
    order = np.argsort(-sizes, kind="stable")
    descending = sizes[order]
    first, lanes = np.zeros((2, len(sizes) + 1), np.int64)
    n_packs = _cut(descending, first, lanes)
    first, lanes = first[: n_packs + 1], lanes[:n_packs]
    size = descending[first[:-1]]
    start = np.concatenate([[0], np.cumsum(size * (size + 1) // 2 * lanes)])
    return Sheaves(order, first, size, lanes, start)


def spectra(triangles: Floats, sheaves: Sheaves, sizes: Integers) -> Floats:
    """Eigenvalues of symmetric matrices, [n_matrices, largest size], largest first.

    Parameters
    ----------
    triangles
        As `sheaves` says. Overwritten.
    sheaves
        Some of those that were packed.
    sizes : [n_matrices]
        Rows of each matrix of the sheaves.

    Returns
    -------
    Zeros follow the eigenvalues of what has fewer rows than the largest. What is not finite
    gives NaN side by side, and an error of LAPACK alone.
    """
    values = np.zeros((len(sizes), sizes.max(initial=0)), triangles.dtype)
    _, first, size, lanes, start = sheaves
    if len(sizes):
        solve(triangles, start, first, size, lanes, sizes, values)
    for alone in np.flatnonzero(lanes == 1):
        n = size[alone]
        lower = np.zeros((n, n), triangles.dtype)
        _unpack(triangles[start[alone] : start[alone + 1]], lower)
        found = torch.linalg.eigvalsh(torch.from_numpy(lower)).numpy()
        values[first[alone], :n] = found[::-1]
    return values


def of_one_size(matrices: Floats) -> Floats:
    """Eigenvalues of matrices [n_matrices, n, n], largest first, of the lower triangles."""
    sizes = np.full(len(matrices), matrices.shape[1])
    sheaves = packed(sizes)
    triangles = sheaves.memory(0.0, matrices.dtype)
    put(matrices, *sheaves.places(), triangles)
    return spectra(triangles, sheaves, sizes)


@compiled
def put(matrices: Floats, places: Integers, strides: Integers, triangles: Floats) -> None:
    """Put lower triangles of matrices [n_matrices, n, n] where `Sheaves.places` says."""
    for m in range(len(matrices)):
        at = places[m]
        for i in range(matrices.shape[1]):
            for j in range(i + 1):
                triangles[at] = matrices[m, i, j]
                at += strides[m]


@compiled
def _cut(sizes: Integers, first: Integers, lanes: Integers) -> int:
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
def _unpack(triangle: Floats, lower: Floats) -> None:
    at = 0
    for i in range(len(lower)):
        for j in range(i + 1):
            lower[i, j] = triangle[at]
            at += 1
