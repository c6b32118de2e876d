"""Networks, ensembles and fused networks return outputs of the same shapes."""

import pytest
import torch

from ase_orbital.models import Ensemble
from ase_orbital.models.fused import fuse


@pytest.mark.parametrize("n_networks", [1, 3])
def test_targets_are_of_all_networks_and_stages_of_the_first(network, crystals, n_networks):
    networks = [network(n_hidden=6).eval() for _ in range(n_networks)]
    model = networks[0] if n_networks == 1 else Ensemble(networks).eval()
    graph = model.batch(crystals)
    with torch.no_grad():
        expected = networks[0].outputs(graph)
        for outputs in (model.outputs(graph), fuse(model).outputs(graph)):
            assert outputs.target.shape == (n_networks, len(crystals))
            assert outputs.graph is graph
            assert all(len(stage) == len(graph.numbers) for stage in outputs.stages)
            for stage, other in zip(outputs.stages, expected.stages, strict=True):
                torch.testing.assert_close(stage, other, rtol=1e-4, atol=1e-5)
