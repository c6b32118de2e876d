"""Overlap fingerprints against LAPACK's eigenvalues alone, and against libfp."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from vesin import ase_neighbor_list

from ase_orbital import GOM
from ase_orbital.elements import covalent_radii
from ase_orbital.numerics.packing import symmetric_eigenvalues
from ase_orbital.overlap.differentiable import overlap_matrices

from .sets import n_atoms
from .table import Row, SkippedError, peer
from .timing import Work, rates, threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ase import Atoms
    from torch import Tensor

    from .sets import Sets

CUTOFF = 6.0  # Å
INSIDE = CUTOFF * (1.0 - 1e-9)  # atoms at the cutoff itself have no weight
AT_ONCE = 256  # environments, to bound the memory
N_SP = 20  # crystals for s and p orbitals, whose matrices have 16 times the entries
SIZES = (8, 16, 32, 64, 128)  # rows of the given matrices
N_MATRICES = 256
SAMPLE = {"s": 40, "sp": 20}  # crystals for libfp
N_SP_DENSE = 2  # crystals of set C for libfp with s and p orbitals: one takes seconds
EQUAL = 2e-5  # for eigenvalues of the order of 10 in single precision


def eigenvalues(sets: Sets, repetitions: int) -> Iterator[Row]:
    """The whole computation, against the eigenvalue calls alone."""
    for orbitals, names in (("s", "PCJBSD"), ("sp", "PJ")):
        gom = GOM(cutoff=CUTOFF, orbitals=orbitals, dtype="float32")
        for name, crystals in _chosen(sets, orbitals, names):
            groups = environments(crystals, orbitals)
            check_equal(gom.create_many(crystals), groups)
            n = n_atoms(crystals)
            yield rates(
                f"GOM({orbitals}).create_many, against its eigenvalue calls",
                name,
                "atoms/s",
                Work(partial(gom.create_many, crystals), n),
                Work(partial(solve_each, groups), n),
                repetitions=repetitions,
                min_ratio=1 / 1.3,
            )


def alone(_: Sets, repetitions: int) -> Iterator[Row]:
    """Batched eigenvalues of given matrices, against LAPACK."""
    for n in SIZES:
        points = torch.randn(N_MATRICES, n, 3, generator=torch.Generator().manual_seed(n))
        apart = torch.cdist(points, points) * n ** (1 / 3)
        matrices = torch.exp(-0.25 * apart.square())
        torch.testing.assert_close(
            torch.from_numpy(symmetric_eigenvalues(matrices.numpy())),
            torch.linalg.eigvalsh(matrices).flip(-1),
            atol=EQUAL,
            rtol=0,
        )
        yield rates(
            "eigenvalues of given matrices, against LAPACK",
            f"{n} rows",
            "matrices/s",
            Work(partial(symmetric_eigenvalues, matrices.numpy()), N_MATRICES),
            Work(partial(solve_each, [matrices]), N_MATRICES),
            repetitions=repetitions,
        )


def libfp(sets: Sets, repetitions: int) -> Iterator[Row]:
    """GOM against the C library of its authors."""
    library = peer("libfp")
    for orbitals in ("s", "sp"):
        gom = GOM(cutoff=CUTOFF, orbitals=orbitals, dtype="float32")
        for name, crystals in _chosen(sets, orbitals, "PCJ"):
            n_sample = N_SP_DENSE if (orbitals, name) == ("sp", "C") else SAMPLE[orbitals]
            sample = crystals[:: max(1, len(crystals) // n_sample)][:n_sample]
            cells = [_libfp_cell(atoms) for atoms in sample]

            def theirs(cells=cells, orbitals=orbitals):
                return [
                    library.get_lfp(cell, cutoff=CUTOFF, log=False, orbital=orbitals)
                    for cell in cells
                ]

            for mine, other in zip(gom.create_many(sample), theirs(), strict=True):
                width = min(mine.shape[1], other.shape[1])
                np.testing.assert_allclose(mine[:, :width], other[:, :width], atol=EQUAL)
            yield rates(
                f"GOM({orbitals}).create_many, against libfp",
                name,
                "atoms/s",
                Work(partial(gom.create_many, sample), n_atoms(sample)),
                Work(theirs, n_atoms(sample)),
                repetitions=repetitions,
                min_ratio=4,
            )


def two_threads(sets: Sets, repetitions: int) -> Iterator[Row]:
    """GOM on two threads against one."""
    gom = GOM(cutoff=CUTOFF, dtype="float32")
    for name, crystals in sets.available("P", "C", "B"):

        def on(number, crystals=crystals):
            with threads(number):
                gom.create_many(crystals)

        n = n_atoms(crystals)
        yield rates(
            "GOM(s).create_many, 2 threads against 1",
            name,
            "atoms/s",
            Work(partial(on, 2), n),
            Work(partial(on, 1), n),
            repetitions=repetitions,
            min_ratio=1.6,
        )


def memory(_: Sets, __: int) -> Iterator[Row]:
    """Peak memory of a process above its memory after a small input."""
    if sys.platform != "linux":
        raise SkippedError("peak memory is read from /proc, which only Linux has")
    for orbitals in ("s", "sp"):
        command = [sys.executable, "-m", f"{__package__}.peak_memory", orbitals]
        output = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        size, mebibytes = output.split()
        yield Row(
            what=f"GOM({orbitals}).create_many, peak memory above import",
            crystals=f"diamond, {int(size):,} atoms",
            unit="MiB",
            ours=float(mebibytes),
            limit=1024,
        )


def environments(crystals: list[Atoms], orbitals: str) -> list[Tensor]:
    """Return the overlap matrices of all environments, stacked by size."""
    radii = covalent_radii()
    groups: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    for atoms in crystals:
        center, neighbor, vector = ase_neighbor_list("ijD", atoms, INSIDE)
        widths = radii[atoms.numbers]
        order = np.argsort(center, kind="stable")
        ends = np.cumsum(np.bincount(center, minlength=len(atoms)))
        for index, around in enumerate(np.split(order, ends[:-1])):
            points = np.vstack([np.zeros(3), vector[around]])
            around_widths = np.append(widths[index], widths[neighbor[around]])
            groups.setdefault(len(points), []).append((points, around_widths))
    return [_matrices(groups[size], orbitals) for size in sorted(groups)]


def solve_each(groups: list[Tensor]) -> None:
    """Compute the eigenvalues of each stack with LAPACK."""
    for group in groups:
        torch.linalg.eigvalsh(group)


def check_equal(features: list[np.ndarray], groups: list[Tensor]) -> None:
    """Compare the sorted largest eigenvalues of all environments."""
    mine = np.sort(np.concatenate([one[:, 0] for one in features]))
    expected = np.sort(torch.cat([torch.linalg.eigvalsh(group)[:, -1] for group in groups]))
    np.testing.assert_allclose(mine, expected, atol=EQUAL)


def _matrices(group: list[tuple[np.ndarray, np.ndarray]], orbitals: str) -> Tensor:
    parts = []
    for start in range(0, len(group), AT_ONCE):
        points, widths = zip(*group[start : start + AT_ONCE], strict=True)
        parts.append(
            overlap_matrices(
                torch.tensor(np.array(points), dtype=torch.float32),
                torch.tensor(np.array(widths), dtype=torch.float32),
                cutoff=CUTOFF,
                orbitals=orbitals,
            )
        )
    return torch.cat(parts)


def _chosen(sets: Sets, orbitals: str, names: str) -> Iterator[tuple[str, list[Atoms]]]:
    for name, crystals in sets.available(*names):
        yield name, crystals if orbitals == "s" else crystals[:N_SP]


def _libfp_cell(atoms: Atoms) -> tuple[object, ...]:
    """Return lattice, positions, species of each atom from 1 on, and their elements."""
    elements, kinds = np.unique(atoms.numbers, return_inverse=True)
    return atoms.cell.array, atoms.positions, kinds + 1, elements
