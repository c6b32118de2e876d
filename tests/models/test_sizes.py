"""Sizes of networks that no memory holds are refused, with their bounds."""

from inspect import signature

import pytest

from ase_orbital import GOM, Concatenate, OneHot
from ase_orbital.errors import ModelError
from ase_orbital.models import EOSNet, OCrystalNet
from ase_orbital.models.sizes import LARGEST


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (EOSNet, {"n_hidden": 10**9}),
        (EOSNet, {"n_readout": 10**30}),
        (EOSNet, {"n_convolutions": 10**9}),
        (EOSNet, {"n_classes": 10**9}),
        (EOSNet, {"n_neighbors": 10**30}),
        (OCrystalNet, {"n_hidden": 10**9}),
        (OCrystalNet, {"n_layers": 10**9}),
    ],
)
def test_sizes_that_no_memory_holds_are_refused(kind, settings):
    ((name, value),) = settings.items()
    message = rf"^{name} must be a whole number from [12] to [\d,]+, not {value}$"
    with pytest.raises(ModelError, match=message):
        kind(OneHot(), **settings)


def test_more_features_than_memory_holds_are_refused(network):
    with pytest.raises(ModelError, match=r"n_features must be .* not 100113"):
        network(Concatenate(OneHot(), GOM(n_eigenvalues=100_000)))


def test_sizes_have_one_table():
    """Every setting of a network that is a number of something has a bound."""
    for kind in (EOSNet, OCrystalNet):
        names = [name for name in signature(kind).parameters if name.startswith("n_")]
        assert {*names} <= LARGEST.keys()
