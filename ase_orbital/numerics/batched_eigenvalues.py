r"""Eigenvalues of symmetric matrices, 32 of them in every step.

LAPACK solves one matrix after another, and a matrix of some dozens of rows is too small to
keep a processor busy. Here the same number of each lies next to those of the others, and
one instruction serves all of them. A matrix gets the same eigenvalues to the bit whatever
lies beside it, and however many rows of zeros it is filled up with; LAPACK's are others by
rounding. Numbers should be about 1, as overlaps are: in single precision their squares
vanish below 1e-15 and overflow above 1e18.

Sources: Householder's reduction to a tridiagonal matrix as in Martin, Reinsch & Wilkinson,
Numer. Math. 11, 181 (1968), each row's update and the next row's product in one pass; QL
steps without square roots, of Pal, Walker and Kahan, as in Parlett, The Symmetric
Eigenvalue Problem (1980), section 8.15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.numerics.jit import compiled, vectorized

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Integers = NDArray[np.int64]

LANES = 32  # matrices side by side
ROW = 2 * LANES  # of a tridiagonal matrix: its diagonal, and squares of what is beside it
# Where the state of a QL step has its numbers, named as Parlett does, lane by lane.
SHIFT, COSINE, SINE, GAMMA, P, GOING = range(0, 6 * LANES, LANES)
TURNS = 60  # most QL steps for one eigenvalue; three are usual
PATIENCE = (
    10  # steps after which rounding is allowed for, twice as much in every further one
)


@compiled
def solve(
    triangles: Floats,
    start: Integers,
    first: Integers,
    filled_up: Integers,
    lanes: Integers,
    sizes: Integers,
    values: Floats,
) -> None:
    """Write eigenvalues, largest first, into the rows of matrices that lie side by side.

    For the parameters see `spectra.Sheaves` and `spectra.spectra`; `filled_up` are the
    rows of the sheaves, `sizes` those of the matrices. Sheaves of one lane are left alone.
    """
    for sheaf in range(len(filled_up)):
        if lanes[sheaf] == 1:
            continue
        n, begin = filled_up[sheaf], first[sheaf]
        triangle = triangles[start[sheaf] : start[sheaf + 1]]
        # A row more, since steps go over pairs of rows.
        bands = np.zeros((n + 1) * ROW, triangles.dtype)
        _tridiagonalize(triangle.reshape((-1, LANES)), bands)
        _iterate(bands, n)
        for lane in range(first[sheaf + 1] - begin):
            for i in range(sizes[begin + lane], n):
                bands[i * ROW + lane] = -np.inf  # behind all others
        _sort(bands, n)
        for lane in range(first[sheaf + 1] - begin):
            for i in range(sizes[begin + lane]):
                values[begin + lane, i] = bands[i * ROW + lane]


@vectorized
def _tridiagonalize(triangle: Floats, bands: Floats) -> None:
    """Write the diagonal and the squares beside it of tridiagonal matrices.

    triangle : [n (n + 1) / 2, LANES], overwritten. bands : [(n + 1) * ROW], the diagonal of
    each row, and the square of what is right of it.
    """
    kind = triangle.dtype.type
    zero, half, one = kind(0.0), kind(0.5), kind(1.0)
    tiny = np.finfo(triangle.dtype).tiny / np.finfo(triangle.dtype).eps
    n = len(bands) // ROW - 1
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
            # Where there is nothing to be reflected, the step does nothing.
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


@vectorized
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


@vectorized
def _iterate(bands: Floats, n: int) -> None:
    """Leave the eigenvalues of tridiagonal matrices on their diagonals, unsorted.

    Row after row loses what couples it to the next. A lane that is done with a row is not
    touched while others go on with it: its values do not depend on theirs.
    """
    kind = bands.dtype.type
    zero, one, two, four = kind(0.0), kind(1.0), kind(2.0), kind(4.0)
    rounding = np.finfo(bands.dtype).eps
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
        # A coupling that equal diagonals have in common can stay just above rounding.
        allowed = rounding * rounding
        for turn in range(TURNS):
            if turn > PATIENCE:
                allowed *= four
            going = 0
            for lane in range(LANES):
                here = both[LANES + lane] > allowed * largest[lane]
                state[GOING + lane] = one if here else zero
                going += here
            if not going:
                break
            for lane in range(LANES):
                coupling = np.sqrt(max(both[LANES + lane], allowed * largest[lane]))
                slope = (both[ROW + lane] - both[lane]) / (two * coupling)
                root = np.sqrt(slope * slope + one)
                shift = both[lane] - coupling / (slope + (root if slope >= zero else -root))
                gamma = bottom[lane] - shift
                state[SHIFT + lane] = shift
                state[COSINE + lane] = one
                state[SINE + lane] = zero
                state[GAMMA + lane] = gamma
                state[P + lane] = gamma * gamma
            _ql_step(bands, i, n, state)
    for lane in range(LANES):
        if not total[lane] < np.inf:  # nor of what is no number
            for i in range(n):
                bands[i * ROW + lane] = np.nan


@vectorized
def _ql_step(bands: Floats, first: int, n: int, state: Floats) -> None:
    """One step on rows from the first on.

    All numbers of a row lie at constant distances in one array, since only then the
    compiler sees that they are apart, and takes lanes together: four times the speed.
    """
    kind = bands.dtype.type
    zero, one = kind(0.0), kind(1.0)
    tiny = np.finfo(bands.dtype).tiny / np.finfo(bands.dtype).eps
    for i in range(n - 2, first - 1, -1):
        rows = bands[i * ROW : (i + 2) * ROW]
        for lane in range(LANES):
            shift, old_cosine = state[SHIFT + lane], state[COSINE + lane]
            sine, old_gamma = state[SINE + lane], state[GAMMA + lane]
            p, going = state[P + lane], state[GOING + lane] > zero
            diagonal, beside = rows[lane], rows[LANES + lane]
            apart = beside <= tiny  # from what comes before: the step begins anew
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
            rows[ROW + lane] = on if going else rows[ROW + lane]
            rows[ROW + LANES + lane] = below if going else rows[ROW + LANES + lane]
    rows = bands[first * ROW : (first + 1) * ROW]
    for lane in range(LANES):
        going = state[GOING + lane] > zero
        beside = state[SINE + lane] * state[P + lane]
        rows[LANES + lane] = beside if going else rows[LANES + lane]
        on = state[SHIFT + lane] + state[GAMMA + lane]
        rows[lane] = on if going else rows[lane]


@vectorized
def _sort(bands: Floats, n: int) -> None:
    """Sort the diagonals, largest first, by comparing neighbors in n turns."""
    for turn in range(n):
        for i in range(turn % 2, n - 1, 2):
            rows = bands[i * ROW : (i + 2) * ROW]
            for lane in range(LANES):
                one, two = rows[lane], rows[ROW + lane]
                rows[lane] = one if one >= two else two
                rows[ROW + lane] = two if one >= two else one
