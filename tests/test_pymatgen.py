"""pymatgen's structures are taken wherever ASE's are, with the same answer."""

import numpy as np
import pytest
import torch
from ase.build import bulk
from pymatgen.io.ase import AseAtomsAdaptor

import ase_orbital
from ase_orbital.cli.main import main
from ase_orbital.errors import StructureError
from ase_orbital.graphs import Atoms2Graph, Structure2Graph
from ase_orbital.models import EOSNet
from ase_orbital.search import (
    NICHE,
    Archive,
    FingerprintCalculator,
    GOMComparator,
    Maximize,
    MinimaRecorder,
    Niches,
    OFMComparator,
    Recorder,
    Score,
)
from ase_orbital.testing import assert_function_of_the_crystal, assert_invariant
from ase_orbital.training import train

from .structures import PEROVSKITE, rattled

ATOMS = rattled(PEROVSKITE, 0.02)
OTHER = bulk("Ti", "bcc", a=3.3)
DESCRIPTORS = (
    ase_orbital.GOM(),
    ase_orbital.OFM(),
    ase_orbital.ElementalFeatures(),
    ase_orbital.OneHot(),
    ase_orbital.Concatenate(ase_orbital.GOM(n_eigenvalues=8), ase_orbital.OneHot()),
)


def structure_of(atoms):
    return AseAtomsAdaptor.get_structure(atoms)


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(0)
    model = EOSNet(property_name="band_gap", elements=[8, 22, 38])
    return ase_orbital.Predictor(model, device="cpu")


def energy_towards(target, _):
    atoms = rattled(ATOMS, 0.05, seed=2)
    atoms.calc = FingerprintCalculator(target)
    return atoms.get_potential_energy()


def graph_of(converter):
    def edges(one, _):
        graph, lattice, _ = converter(ase_orbital.GOM(n_eigenvalues=8)).get_graph(one)
        return np.concatenate([np.ravel(graph.edge_index), np.ravel(lattice)])

    return edges


ENTRIES = {
    **{
        f"{type(descriptor).__name__}.create": lambda one, _, d=descriptor: d.create(one)
        for descriptor in DESCRIPTORS
    },
    "create_many": lambda one, _: ase_orbital.GOM().create_many([one, OTHER])[0],
    "GOM.derivatives": lambda one, _: ase_orbital.GOM().derivatives(one),
    "Predictor.predict": lambda one, p: p.predict(one)["band_gap"],
    "Predictor.predict_many": lambda one, p: p.predict_many([one])[0]["band_gap"],
    "Atoms2Graph": graph_of(Atoms2Graph),
    "Structure2Graph": graph_of(Structure2Graph),
    "Recorder.record": lambda one, p: [
        Recorder(p).record(one)[name] for name in ("volume", "band_gap")
    ],
    "Archive.add": lambda one, _: found(Archive(), one),
    "Archive.add_many": lambda one, _: Archive().add_many([one, ATOMS])[1].number,
    "Minima.record": lambda one, p: minimum(MinimaRecorder(p), one),
    "Niches.number": lambda one, _: Niches(Archive()).number(one),
    "GOMComparator": lambda one, _: GOMComparator().difference(one, ATOMS),
    "OFMComparator": lambda one, _: OFMComparator().looks_like(one, ATOMS),
    "Score": lambda one, p: Score(p, [Maximize("band_gap")])(one),
    "FingerprintCalculator": energy_towards,
}


def found(archive, one):
    archive.add(one)
    return [archive.find(one).difference, archive.nearest(one)[0].difference]


def minimum(minima, one):
    assert minima.record(one)
    assert not minima.record(one)
    return minima.records[0]["band_gap"]


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_answer_is_that_for_atoms(entry, predictor):
    ask = ENTRIES[entry]
    theirs, ours = ask(structure_of(ATOMS), predictor), ask(ATOMS, predictor)
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-6)


def test_a_network_predicts_for_one():
    torch.manual_seed(0)
    model = EOSNet(property_name="band_gap", elements=[8, 22, 38]).eval()
    theirs = model.predict_structure(structure_of(ATOMS))
    assert float(theirs) == pytest.approx(float(model.predict_structure(ATOMS)), rel=1e-4)


def test_a_run_learns_from_them(tmp_path):
    rng = np.random.default_rng(0)
    crystals = []
    for _ in range(12):
        atoms = ATOMS.copy()
        atoms.rattle(0.1, rng=rng)
        crystals.append(atoms)
    targets = rng.normal(size=12).tolist()
    settings = {"property_name": "band_gap", "epochs": 1, "progress": False}
    one = train((crystals, targets), tmp_path / "atoms", **settings)
    structures = [structure_of(atoms) for atoms in crystals]
    other = train((structures, targets), tmp_path / "structures", **settings)
    assert other.metrics["mae_test"] == pytest.approx(one.metrics["mae_test"], rel=1e-3)


def test_checks_of_invariance_take_them(predictor):
    assert_invariant(ase_orbital.GOM(), structure_of(ATOMS), tolerance=1e-6)
    assert_function_of_the_crystal(predictor.predict, structure_of(ATOMS), tolerance=1e-4)


def test_annotations_are_where_they_become_info(predictor):
    structure, atoms = structure_of(ATOMS), ATOMS.copy()
    score, niches = Score(predictor, [Maximize("band_gap")]), Niches(Archive())
    for one in (structure, atoms):
        score.annotate(one)
        niches.annotate(one)
    pairs = AseAtomsAdaptor.get_atoms(structure).info["key_value_pairs"]
    assert pairs == pytest.approx(atoms.info["key_value_pairs"], rel=1e-4)
    assert pairs[NICHE] == 0
    score.annotate_many([structure, atoms])


@pytest.mark.parametrize("suffix", ["cif", "POSCAR"])
def test_commands_take_the_files_pymatgen_writes(suffix, tmp_path, capsys):
    path = tmp_path / f"crystal.{suffix}"
    structure_of(ATOMS).to(path, fmt="cif" if suffix == "cif" else "poscar")
    assert main(["value", str(path), "-m", "eosnet-band-gap-mp2018"]) == 0
    expected = ase_orbital.Predictor("eosnet-band-gap-mp2018").predict(ATOMS)["band_gap"]
    assert float(capsys.readouterr().out) == pytest.approx(expected, abs=1e-3)


def test_a_disordered_one_is_refused_by_name_also_where_rows_are_kept(predictor):
    structure = structure_of(ATOMS)
    structure[1] = {"Ti": 0.5, "Sr": 0.5}
    for take in (Recorder(predictor).record, Archive().add, Niches(Archive()).number):
        with pytest.raises(StructureError, match="site 1 is partially occupied"):
            take(structure)
