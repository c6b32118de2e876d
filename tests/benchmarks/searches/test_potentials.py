"""Potentials of the searches."""

import numpy as np
import pytest
from ase.build import bulk

from .potentials import BudgetSpentError, CountedPotential, load_potential


@pytest.fixture
def distorted():
    atoms = bulk("NaCl", "rocksalt", a=5.6)
    atoms.rattle(0.1, seed=1)
    return atoms


def test_a_counted_potential_refuses_more_than_its_budget(distorted):
    distorted.symbols[:] = "Cu"
    distorted.calc = CountedPotential(load_potential("emt"), budget=2)
    distorted.get_stress()
    distorted.get_forces()  # of the same evaluation
    distorted.rattle(0.1, seed=2)
    distorted.get_forces()
    assert distorted.calc.evaluations == 2
    distorted.rattle(0.1, seed=3)
    with pytest.raises(BudgetSpentError):
        distorted.get_forces()


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")  # CHGNet
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_chgnet_in_one_pass_is_chgnet(distorted):
    module = pytest.importorskip("chgnet.model.dynamics", reason="needs CHGNet")
    expected, found = distorted.copy(), distorted.copy()
    expected.calc = module.CHGNetCalculator(use_device="cpu")
    found.calc = load_potential("chgnet")
    assert found.get_potential_energy() == pytest.approx(expected.get_potential_energy())
    np.testing.assert_allclose(found.get_forces(), expected.get_forces(), atol=1e-5)
    np.testing.assert_allclose(found.get_stress(), expected.get_stress(), atol=1e-6)
    assert np.abs(expected.get_forces()).max() > 0.1
