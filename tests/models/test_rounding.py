import numpy as np
import pytest
import torch

from ase_orbital import load_model
from ase_orbital.models import EOSNet, OCrystalNet
from ase_orbital.models.rounding import (
    LARGE,
    clear_unseen_inputs,
    round_weights,
    smallest,
)

SETTINGS = {"n_hidden": 128, "property_name": "band_gap"}


@pytest.fixture(params=[EOSNet, OCrystalNet])
def model(request):
    torch.manual_seed(0)
    return request.param(**SETTINGS, target_mean=0.3, target_scale=1.7).eval()


def test_rounded_weights_are_saved_in_half_of_the_space_and_read_without_change(
    model, tmp_path
):
    model.save(tmp_path / "exact")
    round_weights(model)
    model.save(tmp_path / "rounded")
    sizes = [
        (tmp_path / f"{name}/state.pt").stat().st_size for name in ("exact", "rounded")
    ]
    large = [at.numel() for at in model.parameters() if at.numel() >= LARGE]
    n_bytes = 2 * sum(large)
    assert sizes[0] - sizes[1] == pytest.approx(n_bytes, rel=0.01)
    for name, values in load_model(tmp_path / "rounded").state_dict().items():
        assert values.dtype == model.state_dict()[name].dtype
        assert torch.equal(values, model.state_dict()[name])


def test_weights_that_are_not_rounded_are_saved_exactly(model, tmp_path):
    model.save(tmp_path)
    for name, values in load_model(tmp_path).state_dict().items():
        assert torch.equal(values, model.state_dict()[name])


def test_rounding_changes_only_large_matrices(model):
    before = {name: values.clone() for name, values in model.state_dict().items()}
    round_weights(model)
    for name, values in model.state_dict().items():
        assert torch.equal(values, before[name]) == (values.numel() < LARGE)
        np.testing.assert_allclose(values, before[name], rtol=5e-4, atol=1e-7)


def test_weights_beyond_half_precision_are_left(model):
    weight = max(model.parameters(), key=torch.numel)
    weight.data[0, 0] = 1e6
    before = weight.detach().clone()
    round_weights(model)
    assert torch.equal(weight, before)
    assert smallest(before).dtype == torch.float32


def test_weights_of_unseen_inputs_are_cleared_and_no_prediction_moves(model):
    features = torch.randn(5, model.n_features)
    features[:, 3:] = 0.0
    features[1, 4] = 1e-3  # seen once
    before = model.input_layer(features)
    clear_unseen_inputs(model.input_layer, features)
    assert torch.equal(model.input_layer(features), before)
    seen = model.input_layer.weight.any(dim=0).nonzero().flatten()
    assert seen.tolist() == [0, 1, 2, 4]
