"""Band gaps and metal probabilities do not contradict each other silently."""

import math
import warnings

import pytest
from ase.build import bulk
from ase.spacegroup import crystal

from ase_orbital import Predictor
from ase_orbital.predict import ContradictionWarning
from ase_orbital.predict.contradictions import contradict

BOTH = ["eosnet-band-gap-mp2018", "eosnet-metal-mp2018"]
TINISN = crystal(
    ["Ti", "Ni", "Sn"], [(0, 0, 0), (0.25, 0.25, 0.25), (0.5, 0.5, 0.5)],
    spacegroup=216, cellpar=[5.95] * 3 + [90] * 3, primitive_cell=True,
)  # fmt: skip
GAP = 0.44  # eV, of TiNiSn in the training data


def record(gap, std, metal):
    return {"band_gap": gap, "band_gap_std": std, "metal_probability": metal}


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        (record(0.005, 0.12, 0.52), True),
        (record(0.005, 0.12, 0.95), False),
        (record(2.0, 0.3, 0.01), False),
        (record(2.0, 0.3, 0.6), True),
        (record(0.2, 0.3, 0.5), False),  # neither knows
        (record(math.nan, math.nan, math.nan), False),
        ({"band_gap": 2.0, "metal_probability": 1.0}, True),
        ({"band_gap": 2.0}, False),
    ],
)
def test_two_probabilities_of_no_metal_are_compared(prediction, expected):
    assert contradict(prediction) == expected


def test_a_known_gap_is_predicted_or_a_warning_says_that_it_is_not():
    predictor = Predictor(BOTH, device="cpu")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = predictor.predict_many([bulk("Cu"), TINISN])[1]
    near = abs(found["band_gap"] - GAP) < 2.0 * found["band_gap_std"]
    said = [str(at.message) for at in caught if at.category is ContradictionWarning]
    assert near or "1 of 2 structures: TiNiSn" in said[0]
