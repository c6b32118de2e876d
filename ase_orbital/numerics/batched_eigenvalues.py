r"""Eigenvalues of symmetric matrices, 32 of them at a time, in compiled kernels.

LAPACK solves one matrix after another, and matrices with some dozens of rows are too small
to keep a processor busy. Here, the same element of 32 matrices is stored side by side, so
one vector instruction serves several matrices. The eigenvalues of a matrix do not depend,
to the last bit, on the other matrices or on the number of zeros that pad it. They differ
from those of LAPACK by rounding. The largest elements should be about 1, as in overlap
matrices: in single precision, squares vanish below 1e-15 and overflow above 1e18.

Sources: Householder's reduction to tridiagonal form as in Martin, Reinsch & Wilkinson,
Numer. Math. 11, 181 (1968), where the update of each row and its product for the next step
share one pass; QL steps without square roots by Pal, Walker and Kahan, as in Parlett, The
Symmetric Eigenvalue Problem (1980), section 8.15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.errors import ConvergenceError
from ase_orbital.numerics.jit import uncompiled, vectorized, vectorized_inner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Integers = NDArray[np.int64]

LANES = 32  # matrices that are solved together
ROW = 2 * LANES  # numbers of a tridiagonal row: diagonal, and squared off-diagonal elements
# Offsets into the state of a QL step, with Parlett's names. Each has one number per lane.
SHIFT, COSINE, SINE, GAMMA, P, ACTIVE = range(0, 6 * LANES, LANES)
MAX_STEPS = 60  # QL steps for one eigenvalue; three are typical
STRICT_STEPS = 10  # after these, the convergence threshold doubles with every step
LOOSEST_STEP = 20  # until this one


def solve(
    triangles: Floats,
    start: Integers,
    first: Integers,
    size: Integers,
    lanes: Integers,
    sizes: Integers,
    values: Floats,
) -> None:
    """Write the eigenvalues of packed matrices, largest first.

    Parameters
    ----------
    triangles, start, first, size, lanes
        Lower triangles and their places, as described in `packing`, largest first. Packs
        with one lane are skipped. `triangles` is overwritten.
    sizes : [n_matrices]
        Rows of each matrix.
    values : [n_matrices, n_values]
        Filled with the eigenvalues.

    Raises
    ------
    ConvergenceError
        If an eigenvalue has not converged after `MAX_STEPS`.
    """
    # One row more, because steps go over pairs of rows.
    bands = np.zeros((len(size), (int(size[0]) + 1) * ROW), triangles.dtype)
    _tridiagonalize(triangles, start, size, lanes, bands)
    n_failed = _iterate(bands, size, lanes, MAX_STEPS)
    if n_failed:
        raise ConvergenceError(
            f"{n_failed} eigenvalues have not converged after {MAX_STEPS} steps; please "
            "report the structure"
        )
    _sort(bands, size, lanes, first, sizes, values)


@vectorized
def _tridiagonalize(
    triangles: Floats, start: Integers, size: Integers, lanes: Integers, all_bands: Floats
) -> None:
    """Write the diagonals and squared off-diagonals of the tridiagonal matrices.

    Row i of a pack has its diagonal elements at i * ROW of its bands, and the squares of
    the elements beside them behind.
    """
    kind = triangles.dtype.type
    zero, half, one = kind(0.0), kind(0.5), kind(1.0)
    tiny = np.finfo(triangles.dtype).tiny / np.finfo(triangles.dtype).eps
    total, scale = np.empty(LANES, triangles.dtype), np.empty(LANES, triangles.dtype)
    for pack in range(len(size)):
        if lanes[pack] == 1:
            continue
        n, bands = size[pack], all_bands[pack]
        triangle = triangles[start[pack] : start[pack] + n * (n + 1) // 2 * LANES]
        triangle = triangle.reshape((-1, LANES))
        # Each step subtracts u q^T + q u^T. This is delayed until the next vector is
        # known, and done in the pass that multiplies the matrix with that vector.
        u, q = np.zeros((n, LANES), triangle.dtype), np.zeros((n, LANES), triangle.dtype)
        new_u, product = np.zeros_like(u), np.zeros_like(u)
        for i in range(n - 1, -1, -1):
            row = i * (i + 1) // 2
            own_u, own_q = u[i], q[i]
            for k in range(i + 1):
                entry, other_u, other_q = triangle[row + k], u[k], q[k]
                for lane in range(LANES):
                    entry[lane] -= own_u[lane] * other_q[lane] + own_q[lane] * other_u[lane]
            diagonal = triangle[row + i]
            for lane in range(LANES):
                bands[i * ROW + lane] = diagonal[lane]
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
                # A step without anything to reflect changes nothing.
                wanted = rest > tiny
                bands[(i - 1) * ROW + LANES + lane] = square
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


@uncompiled(_tridiagonalize)
def _diagonalize(
    triangles: Floats, start: Integers, size: Integers, lanes: Integers, all_bands: Floats
) -> None:
    """Write diagonal matrices, which LAPACK computes; rows of padding stay zero."""
    for pack in np.flatnonzero(lanes > 1):
        n = size[pack]
        matrices = np.zeros((LANES, n, n), triangles.dtype)
        lower = triangles[start[pack] : start[pack] + n * (n + 1) // 2 * LANES]
        matrices[:, *np.tril_indices(n)] = lower.reshape((-1, LANES)).T
        for lane, matrix in enumerate(matrices):
            m = np.flatnonzero(matrix.any(axis=1)).max(initial=-1) + 1
            finite = np.isfinite(matrix).all()
            values = np.linalg.eigvalsh(matrix[:m, :m])[::-1] if finite else np.nan
            all_bands[pack, lane : m * ROW : ROW] = values


@vectorized_inner
def _update_and_multiply(
    triangle: Floats,
    n: int,
    u: Floats,
    q: Floats,
    vector: Floats,
    product: Floats,
    total: Floats,
) -> None:
    """Subtract u q^T + q u^T from the first n rows, and multiply these with a vector."""
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


@vectorized
def _iterate(all_bands: Floats, size: Integers, lanes: Integers, max_steps: int) -> int:
    """Reduce tridiagonal matrices to their unsorted eigenvalues on the diagonal.

    Returns the number of eigenvalues that have not converged.

    The rows are decoupled from the next one by one. A lane whose row has converged is not
    changed while others continue, so its values do not depend on theirs.
    """
    kind = all_bands.dtype.type
    zero, one, two, four = kind(0.0), kind(1.0), kind(2.0), kind(4.0)
    rounding, n_failed = np.finfo(all_bands.dtype).eps, 0
    for pack in range(len(size)):
        if lanes[pack] == 1:
            continue
        n, bands = size[pack], all_bands[pack]
        state = np.zeros(6 * LANES, bands.dtype)
        largest, total = np.zeros(LANES, bands.dtype), np.zeros(LANES, bands.dtype)
        for i in range(n):
            for lane in range(LANES):
                on = bands[i * ROW + lane] * bands[i * ROW + lane]
                beside = bands[i * ROW + LANES + lane]
                largest[lane] = max(largest[lane], on, beside)
                total[lane] += on + beside
        for i in range(n - 1):
            both = bands[i * ROW : (i + 2) * ROW]
            bottom = bands[(n - 1) * ROW : n * ROW]
            # The coupling of equal diagonal elements can stay just above rounding.
            allowed = rounding * rounding
            for step in range(max_steps + 1):
                if STRICT_STEPS < step <= LOOSEST_STEP:
                    allowed *= four
                n_active = 0
                for lane in range(LANES):
                    here = both[LANES + lane] > allowed * largest[lane]
                    state[ACTIVE + lane] = one if here else zero
                    n_active += here
                if not n_active:
                    break
                if step == max_steps:
                    n_failed += n_active
                    break
                for lane in range(LANES):
                    coupling = np.sqrt(max(both[LANES + lane], allowed * largest[lane]))
                    slope = (both[ROW + lane] - both[lane]) / (two * coupling)
                    root = np.sqrt(slope * slope + one)
                    shift = both[lane] - coupling / (
                        slope + (root if slope >= zero else -root)
                    )
                    gamma = bottom[lane] - shift
                    state[SHIFT + lane] = shift
                    state[COSINE + lane] = one
                    state[SINE + lane] = zero
                    state[GAMMA + lane] = gamma
                    state[P + lane] = gamma * gamma
                _ql_step(bands, i, n, state)
        for lane in range(LANES):
            if not total[lane] < np.inf:  # also false for NaN
                for i in range(n):
                    bands[i * ROW + lane] = np.nan
    return n_failed


@vectorized_inner
def _ql_step(bands: Floats, first: int, n: int, state: Floats) -> None:
    """Do one QL step on the rows from the first on.

    All numbers of a row are at constant distances in one array. Only then does the compiler
    see that they do not overlap and vectorize the lanes, which is four times as fast.
    """
    kind = bands.dtype.type
    zero, one = kind(0.0), kind(1.0)
    tiny = np.finfo(bands.dtype).tiny / np.finfo(bands.dtype).eps
    for i in range(n - 2, first - 1, -1):
        rows = bands[i * ROW : (i + 2) * ROW]
        for lane in range(LANES):
            shift, old_cosine = state[SHIFT + lane], state[COSINE + lane]
            sine, old_gamma = state[SINE + lane], state[GAMMA + lane]
            p, active = state[P + lane], state[ACTIVE + lane] > zero
            diagonal, beside = rows[lane], rows[LANES + lane]
            apart = beside <= tiny  # decoupled from the rows before: the step starts again
            r = p + beside
            inverse = one / (one if apart else r)
            cosine = one if apart else p * inverse
            below = sine * r
            sine = zero if apart else beside * inverse
            gamma = cosine * (diagonal - shift) - sine * old_gamma
            next_p = gamma * gamma / (cosine if cosine > tiny else one)
            state[COSINE + lane] = cosine
            state[SINE + lane] = sine
            state[GAMMA + lane] = gamma
            state[P + lane] = next_p if cosine > tiny else old_cosine * beside
            on = old_gamma + (diagonal - gamma)
            rows[ROW + lane] = on if active else rows[ROW + lane]
            rows[ROW + LANES + lane] = below if active else rows[ROW + LANES + lane]
    rows = bands[first * ROW : (first + 1) * ROW]
    for lane in range(LANES):
        active = state[ACTIVE + lane] > zero
        beside = state[SINE + lane] * state[P + lane]
        rows[LANES + lane] = beside if active else rows[LANES + lane]
        on = state[SHIFT + lane] + state[GAMMA + lane]
        rows[lane] = on if active else rows[lane]


@vectorized
def _sort(
    all_bands: Floats,
    size: Integers,
    lanes: Integers,
    first: Integers,
    sizes: Integers,
    values: Floats,
) -> None:
    """Sort the diagonals, largest first, by odd-even transpositions, and copy them."""
    for pack in range(len(size)):
        if lanes[pack] == 1:
            continue
        n, bands, matrix = size[pack], all_bands[pack], first[pack]
        for lane in range(first[pack + 1] - matrix):
            for i in range(sizes[matrix + lane], n):
                bands[i * ROW + lane] = -np.inf  # padding goes to the end
        for turn in range(n):
            for i in range(turn % 2, n - 1, 2):
                rows = bands[i * ROW : (i + 2) * ROW]
                for lane in range(LANES):
                    one, two = rows[lane], rows[ROW + lane]
                    rows[lane] = one if one >= two else two
                    rows[ROW + lane] = two if one >= two else one
        for lane in range(first[pack + 1] - matrix):
            for i in range(sizes[matrix + lane]):
                values[matrix + lane, i] = bands[i * ROW + lane]
