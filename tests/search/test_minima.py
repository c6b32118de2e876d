"""MinimaRecorder with the basin hopping and minima hopping of ASE."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.io import read
from ase.optimize import BFGS, FIRE
from ase.optimize.basin import BasinHopping
from ase.optimize.minimahopping import MinimaHopping

from ase_orbital import Predictor
from ase_orbital.errors import ElementError, SettingError
from ase_orbital.models import EOSNet
from ase_orbital.search import Archive, GOMComparator, MinimaRecorder


def cluster(formula="Cu4Au"):
    """A few atoms: EMT has two minima or more for them."""
    random = np.random.default_rng(2)
    n_atoms = len(Atoms(formula))
    atoms = Atoms(formula, positions=random.uniform(0, 4.0, (n_atoms, 3)))
    atoms.calc = EMT()
    BFGS(atoms, logfile=None).run(fmax=0.5, steps=50)
    return atoms


class Seen:
    """Stores the structures that basin hopping writes."""

    def __init__(self, minima):
        self.minima = minima
        self.structures = []

    def write(self, minimum):
        self.structures += [atoms.copy() for atoms in minimum.iterimages()]
        self.minima.write(minimum)


def distinct(structures, comparator):
    kept = []
    for atoms in structures:
        if not any(comparator.looks_like(atoms, other) for other in kept):
            kept.append(atoms)
    return kept


def hop(atoms, minima, **settings):
    np.random.seed(3)  # noqa: NPY002  # basin hopping has no other
    quiet = {"logfile": None, "optimizer_logfile": None, "trajectory": None}
    hopping = BasinHopping(
        atoms, temperature=0.5, dr=0.8, fmax=0.03, **quiet,
        **{"local_minima_trajectory": minima, **settings},
    )  # fmt: skip
    hopping.run(12)
    return hopping


def test_basin_hopping_records_every_minimum_once(predictor):
    minima = MinimaRecorder(predictor, Archive(tolerance=0.02))
    seen = Seen(minima)
    lowest, best = hop(cluster(), seen).get_minimum()
    expected = distinct(seen.structures, GOMComparator(0.02))
    assert len(seen.structures) == 13
    assert 1 < len(expected) < 13
    assert [row["number"] for row in minima.records] == list(range(len(expected)))
    assert sum(entry.seen for entry in minima.archive) == 13
    assert min(row["energy"] for row in minima.records) == pytest.approx(lowest, abs=0.01)
    assert not minima.archive.add(best).new
    for entry, row, atoms in zip(minima.archive, minima.records, expected, strict=True):
        assert entry.atoms == Atoms(atoms.numbers, atoms.positions)
        assert row["fmax"] < 0.03
        assert row["band_gap"] == pytest.approx(predictor.predict(atoms)["band_gap"])
        assert entry.values["energy"] == row["energy"]


def test_a_recording_optimizer_finds_the_same_minima(predictor):
    written, recorded = MinimaRecorder(predictor), MinimaRecorder(predictor)
    hop(cluster(), written)
    hop(cluster(), None, optimizer=recorded.recording(FIRE))
    assert recorded.records == written.records
    assert recorded.recording(FIRE).__name__ == "FIRE"


def test_minima_hopping_records_every_minimum_once(predictor, tmp_path, monkeypatch):
    if "rng" not in MinimaHopping._default_settings:
        pytest.skip("older versions of ASE draw other random numbers in every run")
    monkeypatch.chdir(tmp_path)
    atoms = cluster("Cu5Au2")
    minima = MinimaRecorder(predictor, Archive(tolerance=0.02), output="minima.extxyz")
    hopping = MinimaHopping(
        atoms, optimizer=minima.recording(BFGS), T0=2000.0, timestep=2.0,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    hopping(totalsteps=5)
    ends = [read(path, -1) for path in sorted(tmp_path.glob("qn*.traj"))]
    assert len(ends) == 5
    assert len(minima.records) == len(distinct(ends, GOMComparator(0.02))) > 1
    assert sum(entry.seen for entry in minima.archive) == 5
    # What ASE lists as minima is among them.
    assert all(minima.archive.find(atoms) for atoms in read("minima.traj", ":"))
    frames = read("minima.extxyz", ":")
    assert [frame.info["orbital_number"] for frame in frames] == list(range(len(frames)))
    assert [frame.get_potential_energy() for frame in frames] == pytest.approx(
        [row["energy"] for row in minima.records]
    )


def test_recording_adds_no_force_calls(predictor, counting):
    counts = []
    for make in (lambda: None, lambda: MinimaRecorder(predictor)):
        atoms = cluster()
        atoms.calc = counting()
        hop(atoms, make())
        counts.append(atoms.calc.count)
    assert counts[0] == counts[1]


def test_a_run_that_does_not_converge_is_not_recorded(predictor):
    minima = MinimaRecorder(predictor)
    atoms = cluster()
    atoms.rattle(0.3, seed=0)
    minima.recording(BFGS)(atoms, logfile=None).run(fmax=1e-6, steps=1)
    assert minima.records == []


def test_minima_of_an_earlier_run_are_not_new(predictor, tmp_path):
    first = MinimaRecorder(predictor)
    assert first.record(bulk("Cu"), run=1)
    first.archive.save(tmp_path / "minima.npz")
    then = MinimaRecorder(predictor, Archive.load(tmp_path / "minima.npz"))
    assert not then.record(bulk("Cu", cubic=True), run=2)
    assert then.record(bulk("Au"), run=2)
    assert [row["number"] for row in then.records] == [1]
    assert then.archive[0].label == "1"
    assert then.archive[0].values["band_gap"] == first.records[0]["band_gap"]


def test_a_minimum_without_prediction_has_a_reason(predictor):
    minima = MinimaRecorder(predictor)
    minima.record(Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 0.1]]))
    assert minima.records[0]["number"] == -1
    assert "closer than" in minima.records[0]["reason"]
    assert len(minima.archive) == 0


def test_an_unknown_element_ends_the_search_at_its_first_minimum(predictor):
    atoms = Atoms("Ar2", positions=[[0, 0, 0], [0, 0, 3.5]])
    atoms.calc = LennardJones(sigma=3.4, epsilon=0.01, rc=10.0)
    with pytest.raises(ElementError, match="atom 0 is Ar"):
        hop(atoms, MinimaRecorder(predictor))


def test_the_minima_are_a_table_in_a_notebook(predictor):
    minima = MinimaRecorder(predictor)
    minima.record(bulk("Cu"))
    assert repr(minima) == "MinimaRecorder(['band_gap', 'bulk_modulus']: 1 minima)"
    assert "bulk_modulus" in minima._repr_html_()


def test_invalid_arguments_are_explained(predictor):
    with pytest.raises(SettingError, match="needs an optimizer class"):
        MinimaRecorder(predictor).recording(FIRE(bulk("Cu"), logfile=None))
    with pytest.raises(SettingError, match="must end with"):
        MinimaRecorder(predictor, output="minima.docx")


def test_the_number_of_a_minimum_is_never_that_of_a_model():
    models = [EOSNet(property_name=name, n_hidden=8) for name in ("number", "volume")]
    minima = MinimaRecorder(Predictor(models, device="cpu"))
    assert minima.record(bulk("Cu"))
    (record,) = minima.records
    assert record["number"] == 0
    assert record["volume"] == bulk("Cu").get_volume()
    assert minima.units["volume"] == "Å³"
