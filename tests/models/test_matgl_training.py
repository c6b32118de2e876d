"""Training by matgl's own data set, loader and Lightning module, on PyG graphs."""

import lightning
import matgl
import pytest
import torch
from ase.collections import dcdft
from matgl.graph.data import MGLDataLoader, MGLDataset
from matgl.utils.training import ModelLightningModule
from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital import OneHot
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import EOSNet, OCrystalNet

SYMBOLS = ["Al", "Ca", "Cu", "Fe", "K", "Li", "Mg", "Na", "Si", "Ti", "V", "Zn"]
CRYSTALS = [dcdft[symbol] for symbol in SYMBOLS]
# Å^3 an atom, learned around its mean: any property that a crystal decides would do.
VOLUMES = [atoms.get_volume() / len(atoms) for atoms in CRYSTALS]

NETWORKS = {
    "EOSNet": lambda **settings: EOSNet(n_hidden=16, **settings),
    "OCrystalNet": lambda **settings: OCrystalNet(n_hidden=16, **settings),
    "EOSNet with dropout": lambda **settings: EOSNet(OneHot(), dropout=0.1, **settings),
}


@pytest.fixture
def loader(tmp_path):
    def make(model):
        dataset = MGLDataset(
            structures=[AseAtomsAdaptor.get_structure(atoms) for atoms in CRYSTALS],
            labels={"volume": VOLUMES},
            converter=model.graph_converter("pyg"),
            root=str(tmp_path),
            save_cache=False,
        )
        return MGLDataLoader(
            train_data=dataset, val_data=dataset, batch_size=4, num_workers=0
        )

    return make


def loss_of(model):
    with torch.no_grad():
        output = model.eval()(CrystalGraph.batch(model.graphs(CRYSTALS)))
    return float((output - torch.tensor(VOLUMES)).square().mean())


@pytest.mark.parametrize("opened", [False, True], ids=["constructed", "opened by matgl"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_few_epochs_bring_the_loss_down_and_move_every_parameter(
    name, opened, loader, tmp_path
):
    lightning.seed_everything(0, verbose=False)
    mean = sum(VOLUMES) / len(VOLUMES)
    model = NETWORKS[name](target_mean=mean, target_scale=10.0)
    if opened:
        model.save(tmp_path / "model")
        model = matgl.load_model(tmp_path / "model")
    before = {key: value.detach().clone() for key, value in model.named_parameters()}
    first = loss_of(model)
    trainer = lightning.Trainer(
        max_epochs=12,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(ModelLightningModule(model, lr=3e-3), *loader(model.train()))
    assert loss_of(model) < 0.7 * first
    still = [
        key for key, value in model.named_parameters() if torch.equal(value, before[key])
    ]
    assert still == []


def test_a_trained_model_predicts_alone_what_it_predicts_in_a_batch(loader):
    model = NETWORKS["EOSNet"]()
    train, _ = loader(model)
    graph, _, state, labels = next(iter(train))
    assert labels.shape == (4,)
    together = model.eval()(graph, state_attr=state)
    order = [VOLUMES.index(min(VOLUMES, key=lambda v: abs(v - label))) for label in labels]
    alone = torch.stack([model.predict_structure(CRYSTALS[index]) for index in order])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
