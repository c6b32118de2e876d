"""Plugin that ASE lists under `ase info --plugins`.

The plugin interface of ASE is experimental, so only this file uses it.
"""

from __future__ import annotations

from ase._4.plugins.plugin import CalculatorPlugin

__ase_plugins__ = {
    CalculatorPlugin(
        "ase_orbital",
        citation="Tao & Zhu, J. Phys. Chem. Lett. 16, 717 (2025); Yang, Orbital CrystalNet",
        implementation="ase_orbital.calculators.property.PropertyCalculator",
    )
}
