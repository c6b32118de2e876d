"""Energies of structures from universal potentials, many at a time."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_orbital.numerics.threads import chunks_by_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

ATOMS = {"cpu": 100, "cuda": 1500}  # in a batch; on a CPU more are not faster


class SevenNet:
    """SevenNet, whose energies without forces take a third of the time.

    Parameters
    ----------
    name
        "7net-0" or "7net-l3i5"; `pip install sevenn` brings the weights of both.
    device
        "cpu" or "cuda".
    """

    def __init__(self, name: str = "7net-0", device: str = "cpu") -> None:
        self._name, self._device = name, device
        calculator = self.calculator()
        self._cutoff, self._model = calculator.cutoff, calculator.model
        self._model.set_is_batch_data(True)
        del self._model._modules["force_output"]

    def calculator(self) -> Any:
        """Make a calculator for ASE, with forces and stress."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the libraries below it
            from sevenn.calculator import SevenNetCalculator

            return SevenNetCalculator(self._name, device=self._device)

    def energies(self, structures: Sequence[Atoms]) -> NDArray[np.float64]:
        """Return energies per atom, eV: [n_structures]."""
        from sevenn import _keys
        from sevenn.atom_graph_data import AtomGraphData
        from sevenn.train.dataload import unlabeled_atoms_to_graph
        from torch_geometric.loader.dataloader import Collater

        results: list[Any] = []
        sizes = [len(atoms) for atoms in structures]
        for batch in chunks_by_size(structures, sizes, ATOMS[self._device]):
            graphs = [
                AtomGraphData.from_numpy_dict(
                    unlabeled_atoms_to_graph(atoms, self._cutoff, with_shift=False)
                )
                for atoms in batch
            ]
            with torch.no_grad():
                output = self._model(Collater([])(graphs).to(self._device))
            results.append(output[_keys.PRED_TOTAL_ENERGY].double().cpu().numpy().ravel())
        energies: NDArray[np.float64] = np.concatenate(results) / np.array(sizes)
        return energies
