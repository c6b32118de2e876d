"""ASE finds the calculator of this package."""

from importlib.metadata import entry_points

import pytest

from ase_orbital import PropertyCalculator

plugins = pytest.importorskip("ase._4.plugins", reason="older versions of ASE list none")


def test_ase_lists_the_property_calculator():
    (found,) = (each for each in plugins.plugins if each.name == "ase_orbital")
    assert found.implementation is PropertyCalculator


def test_the_plugin_is_an_entry_point_of_the_package():
    from ase_orbital.calculators import plugin

    (declared,) = plugin.__ase_plugins__
    assert declared.name == "ase_orbital"
    modules = [found.value for found in entry_points(group="ase.plugins")]
    assert plugin.__name__ in modules
