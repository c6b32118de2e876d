"""The relaxation energy is learned from copies whose energies are known."""

import numpy as np
import torch
from ase.build import bulk

from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import EOSNet
from ase_orbital.training import TrainingSettings
from ase_orbital.training.batches import GraphDataset
from ase_orbital.training.distortions import rattled
from ase_orbital.training.relaxation import FOLDER, fit_relaxation

SETTINGS = TrainingSettings(progress=False, accelerator="cpu")


def test_it_is_learned_and_resumed(tmp_path):
    model, random = EOSNet(n_hidden=4), np.random.default_rng(0)
    salts = [bulk("NaCl", "rocksalt", a=a) * (2, 1, 1) for a in np.linspace(5.2, 6.0, 40)]
    amplitudes = np.repeat([0.1, 0.3], 20)
    moved = [
        rattled(atoms, at, random) for atoms, at in zip(salts, amplitudes, strict=True)
    ]
    graph, copies = (CrystalGraph.batch(model.graphs(at)) for at in (salts, moved))
    energies = torch.tensor(5.0 * amplitudes**2).float()
    known = GraphDataset(copies, energies, relaxation=energies)
    made = fit_relaxation(model, graph, known, SETTINGS, tmp_path)
    with torch.no_grad():
        nothing, found = made(graph), made(copies)
    assert float(nothing.median()) < 0.01
    assert float(found[:20].median()) < 0.5 * float(found[20:].median())
    assert float(found[20:].median()) > 0.2
    assert (tmp_path / FOLDER / "last.ckpt").is_file()

    again = fit_relaxation(model, graph, known, SETTINGS, tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(again(copies), found)
