"""Networks and ensembles that predict properties of crystals."""

from __future__ import annotations

from ase_orbital.models.ensemble import Ensemble
from ase_orbital.models.eosnet import EOSNet
from ase_orbital.models.ocrystalnet import OCrystalNet

__all__ = ["EOSNet", "Ensemble", "OCrystalNet"]
