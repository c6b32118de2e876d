r"""Eigenvalues of many small symmetric matrices, side by side on the CPU.

LAPACK solves one matrix after another, and a matrix of some dozens of rows is too small to
keep a processor busy. Here 32 of one size take every step together: the same number of
each lies next to those of the others, and one instruction serves all of them.

Sources: Householder's reduction to a tridiagonal matrix as in Martin, Reinsch & Wilkinson,
Numer. Math. 11, 181 (1968), each row's update and the next row's product in one pass; QL
steps without square roots, of Pal, Walker and Kahan, as in Parlett, The Symmetric
Eigenvalue Problem (1980), section 8.15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numba import njit

from ase_orbital.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    Floats = NDArray[np.floating]

LANES = 32  # matrices side by side
STEP = 4  # sizes are filled up to multiples of it, so that many matrices are of one
LARGEST = 256  # rows of such matrices; above it LAPACK is as fast
TURNS = 60  # QL steps for one eigenvalue; three are usual


@compiled
def filled_up(n: int) -> int:
    """Rows of a matrix whose last ones are zero."""
    return n + -n % STEP


def sheaf(n: int) -> int:
    """Matrices of n rows that lie side by side."""
    return LANES if n <= LARGEST else 1


def room_for(n_matrices: int, n: int, dtype: DTypeLike) -> Floats:
    """Zeros for lower triangles of n rows, [n_sheaves, n (n + 1) / 2, sheaf(n)].

    Matrix m is lane m % sheaf(n) of sheaf m // sheaf(n); its triangle goes row after row.
    """
    lanes = sheaf(n)
    return np.zeros((-(-n_matrices // lanes), n * (n + 1) // 2, lanes), dtype)


def side_by_side(matrices: Floats) -> Floats:
    """Lower triangles of matrices [n_matrices, n, n], in the order of `room_for`."""
    triangles = room_for(*matrices.shape[:2], matrices.dtype)
    _put(matrices, triangles)
    return triangles


def one_by_one(triangles: Floats, n_matrices: int) -> Floats:
    """The first matrices as they are elsewhere, [n_matrices, n, n]; lower triangles."""
    n = _n_rows(triangles)
    matrices = np.zeros((n_matrices, n, n), triangles.dtype)
    _take(triangles, matrices)
    return matrices


def spectra(triangles: Floats, n_matrices: int) -> Floats:
    """Eigenvalues of symmetric matrices, [n_matrices, n], largest first.

    Parameters
    ----------
    triangles : [n_sheaves, n (n + 1) / 2, sheaf(n)]
        In the order of `room_for`. Overwritten.
    n_matrices
        How many there are; lanes behind the last are empty.

    Raises
    ------
    ArithmeticError
        If the steps lead nowhere, which they are not known to do.
    """
    n = _n_rows(triangles)
    values = np.empty((n_matrices, n), triangles.dtype)
    together = n_matrices - n_matrices % LANES if n <= LARGEST else 0
    if n <= LARGEST and 10 * (n_matrices - together) >= n + 20:
        together = n_matrices
    if together:
        _solve(triangles, values[:together])
        values[:together].sort(axis=1)
    if (
        together < n_matrices
    ):  # where a sheaf, which takes as long as a full one, does not pay
        matrices = one_by_one(triangles[together // sheaf(n) :], n_matrices - together)
        values[together:] = torch.linalg.eigvalsh(torch.from_numpy(matrices)).numpy()
    return values[:, ::-1]


def _n_rows(triangles: Floats) -> int:
    return int((8 * triangles.shape[1] + 1) ** 0.5) // 2


@compiled
def _put(matrices: Floats, triangles: Floats) -> None:
    lanes = triangles.shape[2]
    for m in range(len(matrices)):
        at = 0
        for i in range(matrices.shape[1]):
            for j in range(i + 1):
                triangles[m // lanes, at, m % lanes] = matrices[m, i, j]
                at += 1


@compiled
def _take(triangles: Floats, matrices: Floats) -> None:
    lanes = triangles.shape[2]
    for m in range(len(matrices)):
        at = 0
        for i in range(matrices.shape[1]):
            for j in range(i + 1):
                matrices[m, i, j] = triangles[m // lanes, at, m % lanes]
                at += 1


@compiled
def _solve(triangles: Floats, values: Floats) -> None:
    """Write the eigenvalues of each matrix into its row of values."""
    n_matrices, n = values.shape
    for sheaf in range(-(-n_matrices // LANES)):
        bands = np.zeros((n + 1) * 2 * LANES, triangles.dtype)
        _tridiagonalize(triangles[sheaf], bands)
        if not _iterate(bands, n):
            raise ArithmeticError("the eigenvalues of a matrix do not converge")
        first = sheaf * LANES
        for lane in range(min(LANES, n_matrices - first)):
            for i in range(n):
                values[first + lane, i] = bands[i * 2 * LANES + lane]


def _side_by_side(function):  # type: ignore[no-untyped-def]
    """Compile what goes over lanes; a * b + c is rounded once, in every lane alike."""
    return njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")(
        function
    )


@_side_by_side
def _tridiagonalize(triangle: Floats, bands: Floats) -> None:
    """Write the diagonal and the squares beside it of tridiagonal matrices.

    triangle : [n (n + 1) / 2, LANES], overwritten. bands : for each row LANES numbers of
    the diagonal, and LANES squares of what is right of it.
    """
    kind = triangle.dtype.type
    zero, half, one = kind(0.0), kind(0.5), kind(1.0)
    tiny = np.finfo(triangle.dtype).tiny / np.finfo(triangle.dtype).eps
    n = len(bands) // (2 * LANES) - 1
    # Each step takes off u q^T + q u^T. That of the step before is still to be done when
    # the next vector is made, and is done in the pass that multiplies with this.
    u, q = np.zeros((n, LANES), triangle.dtype), np.zeros((n, LANES), triangle.dtype)
    new_u, product = np.zeros_like(u), np.zeros_like(u)
    total, scale = np.empty(LANES, triangle.dtype), np.empty(LANES, triangle.dtype)
    for i in range(n - 1, -1, -1):
        row = i * (i + 1) // 2
        own_u, own_q = u[i], q[i]
        for k in range(i + 1):
            entry, other_u, other_q = triangle[row + k], u[k], q[k]
            for lane in range(LANES):
                entry[lane] -= own_u[lane] * other_q[lane] + own_q[lane] * other_u[lane]
        diagonal = triangle[row + i]
        for lane in range(LANES):
            bands[i * 2 * LANES + lane] = diagonal[lane]
            total[lane] = zero
        if i == 0:
            break
        for k in range(i - 1):
            entry, vector = triangle[row + k], new_u[k]
            for lane in range(LANES):
                total[lane] += entry[lane] * entry[lane]
                vector[lane] = entry[lane]
        entry, vector = triangle[row + i - 1], new_u[i - 1]
        for lane in range(LANES):
            last, rest = entry[lane], total[lane]
            square = rest + last * last
            mirrored = -np.sqrt(square) if last >= zero else np.sqrt(square)
            # Where there is nothing to be reflected, the step does nothing.
            wanted = rest > tiny
            bands[(i - 1) * 2 * LANES + LANES + lane] = square
            vector[lane] = last - mirrored if wanted else zero
            scale[lane] = one / (square - last * mirrored) if wanted else zero
        _update_and_multiply(triangle, i, u, q, new_u, product, total)
        for lane in range(LANES):
            total[lane] = zero
        for k in range(i):
            vector, image = new_u[k], product[k]
            for lane in range(LANES):
                image[lane] *= scale[lane]
                total[lane] += image[lane] * vector[lane]
        for lane in range(LANES):
            total[lane] *= scale[lane] * half
        for k in range(i):
            vector, image, old_u, old_q = new_u[k], product[k], u[k], q[k]
            for lane in range(LANES):
                old_q[lane] = image[lane] - total[lane] * vector[lane]
                old_u[lane] = vector[lane]


@_side_by_side
def _update_and_multiply(
    triangle: Floats,
    n: int,
    u: Floats,
    q: Floats,
    vector: Floats,
    product: Floats,
    total: Floats,
) -> None:
    """Take u q^T + q u^T off the first n rows, and multiply these with a vector."""
    zero, at = triangle.dtype.type(0.0), 0
    for i in range(n):
        own_u, own_q, own, image = u[i], q[i], vector[i], product[i]
        for lane in range(LANES):
            total[lane] = zero
        for k in range(i):
            entry, other_u, other_q = triangle[at], u[k], q[k]
            other, other_image = vector[k], product[k]
            for lane in range(LANES):
                left = (
                    entry[lane] - own_u[lane] * other_q[lane] - own_q[lane] * other_u[lane]
                )
                entry[lane] = left
                total[lane] += left * other[lane]
                other_image[lane] += left * own[lane]
            at += 1
        entry = triangle[at]
        for lane in range(LANES):
            twice = own_u[lane] * own_q[lane]
            left = entry[lane] - twice - twice
            entry[lane] = left
            image[lane] = total[lane] + left * own[lane]
        at += 1


@_side_by_side
def _iterate(bands: Floats, n: int) -> bool:
    """Leave the eigenvalues of tridiagonal matrices on their diagonals, unsorted.

    A lane that has converged is not touched again: its values do not depend on others.
    """
    kind = bands.dtype.type
    zero, one, two = kind(0.0), kind(1.0), kind(2.0)
    rounding = np.finfo(bands.dtype).eps / two
    # For each lane: shift, cosine, sine, gamma, p (all as Parlett has them), still going.
    state = np.zeros(6 * LANES, bands.dtype)
    negligible = np.zeros(LANES, bands.dtype)
    for i in range(n):
        for lane in range(LANES):
            on = bands[i * 2 * LANES + lane] * bands[i * 2 * LANES + lane]
            beside = bands[i * 2 * LANES + LANES + lane]
            negligible[lane] = max(negligible[lane], on, beside)
    for lane in range(LANES):
        negligible[lane] *= rounding * rounding
    for i in range(n - 1):
        both = bands[i * 2 * LANES : (i + 2) * 2 * LANES]
        bottom = bands[(n - 1) * 2 * LANES : n * 2 * LANES]
        for _ in range(TURNS):
            going = 0
            for lane in range(LANES):
                here = both[LANES + lane] > negligible[lane]
                state[5 * LANES + lane] = one if here else zero
                going += here
            if not going:
                break
            for lane in range(LANES):
                beside = np.sqrt(max(both[LANES + lane], negligible[lane]))
                slope = (both[2 * LANES + lane] - both[lane]) / (two * beside)
                root = np.sqrt(slope * slope + one)
                shift = both[lane] - beside / (slope + (root if slope >= zero else -root))
                gamma = bottom[lane] - shift
                state[lane] = shift
                state[LANES + lane] = one
                state[2 * LANES + lane] = zero
                state[3 * LANES + lane] = gamma
                state[4 * LANES + lane] = gamma * gamma
            _ql_step(bands, i, n, state)
        else:
            return False
    return True


@_side_by_side
def _ql_step(bands: Floats, first: int, n: int, state: Floats) -> None:
    """One step on rows from the first on.

    All numbers of a row lie at constant distances in one array, since only then the
    compiler sees that they are apart, and takes lanes together: four times the speed.
    """
    kind = bands.dtype.type
    zero, one = kind(0.0), kind(1.0)
    tiny = np.finfo(bands.dtype).tiny / np.finfo(bands.dtype).eps
    for i in range(n - 2, first - 1, -1):
        rows = bands[i * 2 * LANES : (i + 2) * 2 * LANES]
        for lane in range(LANES):
            shift, old_cosine = state[lane], state[LANES + lane]
            sine, old_gamma = state[2 * LANES + lane], state[3 * LANES + lane]
            p, going = state[4 * LANES + lane], state[5 * LANES + lane] > zero
            diagonal, beside = rows[lane], rows[LANES + lane]
            r = p + beside
            apart = r <= tiny  # of what comes before: the step begins anew
            inverse = one / (one if apart else r)
            cosine = one if apart else p * inverse
            below = sine * r
            sine = beside * inverse
            gamma = cosine * (diagonal - shift) - sine * old_gamma
            next_p = gamma * gamma / (cosine if cosine > tiny else one)
            state[LANES + lane] = cosine
            state[2 * LANES + lane] = sine
            state[3 * LANES + lane] = gamma
            state[4 * LANES + lane] = next_p if cosine > tiny else old_cosine * beside
            on = old_gamma + (diagonal - gamma)
            rows[2 * LANES + lane] = on if going else rows[2 * LANES + lane]
            rows[3 * LANES + lane] = below if going else rows[3 * LANES + lane]
    rows = bands[first * 2 * LANES : (first + 1) * 2 * LANES]
    for lane in range(LANES):
        going = state[5 * LANES + lane] > zero
        beside = state[2 * LANES + lane] * state[4 * LANES + lane]
        rows[LANES + lane] = beside if going else rows[LANES + lane]
        on = state[lane] + state[3 * LANES + lane]
        rows[lane] = on if going else rows[lane]
