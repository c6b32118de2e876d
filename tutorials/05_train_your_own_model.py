# %% [markdown]
# # Train your own model
#
# This tutorial trains a model on crystals with a known property, to be used in a relaxation
# or a search. The crystals are ASE's `dcdft` set: 71 elemental solids whose equations of
# state were computed with WIEN2k (Lejaeghere et al., Science 351, aad3000 (2016)). Each
# crystal is compressed and stretched, and the model learns its pressure.

# %%
import tempfile
from pathlib import Path

import numpy as np
from ase.collections import dcdft

folder = Path(tempfile.mkdtemp())


def pressure(volume, data):
    """Third-order Birch-Murnaghan equation of state; GPa."""
    x = (data["wien2k_volume"] / volume) ** (1.0 / 3.0)
    stiffening = 1.0 + 0.75 * (data["wien2k_Bp"] - 4.0) * (x**2 - 1.0)
    return 1.5 * data["wien2k_B"] * (x**7 - x**5) * stiffening


crystals, pressures = [], []
for symbol in dcdft.names:
    data = dcdft.data[symbol]
    for strain in np.linspace(0.90, 1.10, 11):
        crystal, volume = dcdft[symbol], strain * data["wien2k_volume"]
        factor = (volume * len(crystal) / crystal.get_volume()) ** (1.0 / 3.0)
        crystal.set_cell(crystal.cell * factor, scale_atoms=True)
        crystal.info["id"] = f"{symbol}-{strain:.2f}"
        crystals.append(crystal)
        pressures.append(pressure(volume, data))
print(f"{len(crystals)} crystals, {min(pressures):.0f} to {max(pressures):.0f} GPa")

# %% [markdown]
# ## Train
#
# One call reads and splits the data, computes features, trains, evaluates and draws
# figures. The log and `rejected.csv` name the crystals that cannot be used, with reasons.
# If a run is interrupted, the same call resumes it after its last epoch, with the same
# results.
#
# The corresponding command is `ase-orbital train crystals.extxyz --property-name pressure
# --members 2 --epochs 60 -o run`.

# %%
from ase_orbital.training import TrainingSettings, train

settings = TrainingSettings(
    property_name="pressure", epochs=60, batch_size=32, members=2, progress=False
)
run = train((crystals, pressures), folder / "run", settings)
for name, evaluation in run.evaluations.items():
    metrics = evaluation.metrics
    print(f"{name:10} {metrics['n']:4} crystals, error {metrics['mae']:.2f} GPa")

# %% [markdown]
# Two networks with different seeds form an ensemble. The standard deviation of a prediction
# is calibrated so that 90 % of the validation set lie within 1.64 standard deviations. On
# the test set this share is:

# %%
print(f"{run.evaluations['test'].metrics['coverage_90']:.2f}")

# %% [markdown]
# ## Figures
#
# The folder of the run contains `parity.png`, `error-by-element.png`, `error-by-size.png`
# and the losses of each member. The functions that draw these figures take arrays:

# %%
from ase_orbital.plotting import parity

test = run.evaluations["test"]
parity(test.known, test.predicted, label="pressure", unit="GPa", in_domain=test.in_domain)

# %% [markdown]
# ## Use the model
#
# The model folder has the three files of a matgl model and a card. Like a shipped model, it
# opens with `Predictor`, the ASE calculator, the command line, and matgl itself. With
# `domain=True`, a prediction includes whether the crystal is similar to the training set.

# %%
import matgl
from ase.build import bulk

from ase_orbital import Predictor

predictor = Predictor(run.folder / "model", device="cpu", domain=True)
for name, crystal in {
    "copper": bulk("Cu", a=3.55),
    "copper, compressed to half its volume": bulk("Cu", a=2.87),
    "rocksalt": bulk("NaCl", "rocksalt", a=5.64),
}.items():
    found = predictor.predict(crystal)
    known = "in" if found["in_domain"] else "outside"
    value, std = found["pressure"], found["pressure_std"]
    print(f"{name}: {value:.0f} +- {std:.0f} GPa, {known} domain")

model = matgl.load_model(run.folder / "model")
print(float(model.predict_structure(bulk("Cu", a=3.55))))
print((run.folder / "model" / "README.md").read_text()[:700])

# %% [markdown]
# ## Train with matgl's tools
#
# The networks are matgl models, and their graph converters make the PyG graphs that matgl
# expects. matgl's dataset, loader and Lightning module therefore train them like MEGNet.

# %%
import lightning
from matgl.graph.data import MGLDataLoader, MGLDataset
from matgl.utils.training import ModelLightningModule
from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital.models import EOSNet

lightning.seed_everything(0, verbose=False)
own = EOSNet(
    property_name="pressure",
    target_mean=float(np.mean(pressures)),
    target_scale=float(np.std(pressures)),
)
dataset = MGLDataset(
    structures=[AseAtomsAdaptor.get_structure(crystal) for crystal in crystals[::4]],
    labels={"pressure": pressures[::4]},
    converter=own.graph_converter("pyg"),
    root=str(folder),
    save_cache=False,
)
train_loader, validation_loader = MGLDataLoader(
    train_data=dataset, val_data=dataset, batch_size=16, num_workers=0
)
trainer = lightning.Trainer(
    max_epochs=3,
    accelerator="cpu",
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(ModelLightningModule(own, lr=2e-3), train_loader, validation_loader)
print({name: float(value) for name, value in trainer.callback_metrics.items()})
