"""What ASE lists under `ase info --plugins`.

ASE declares its plugin interface experimental, so only this file knows of it.
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
