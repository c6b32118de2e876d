"""Networks compute in mixed precision, where sums and statistics stay in single."""

import pytest
import torch
from ase.build import bulk

from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import EOSNet, OCrystalNet

SALT = bulk("NaCl", "rocksalt", a=5.64)
CRYSTALS = [SALT, bulk("Si"), bulk("Cu"), bulk("Fe") * (2, 1, 1)]


@pytest.mark.parametrize("kind", [EOSNet, OCrystalNet], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("merged", [False, True])
def test_a_step_in_bfloat16_is_near_that_in_single_precision(kind, merged):
    torch.manual_seed(0)
    network = kind(n_hidden=32).train()
    graph = network.batch(CRYSTALS)
    if not merged:
        graph = CrystalGraph.batch(network.graphs(CRYSTALS))
    outputs, gradients = [], []
    for enabled in (False, True):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            output = network(graph)
        output.square().sum().backward()
        outputs.append(output.detach())
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
    assert outputs[1].dtype == torch.float32
    assert not torch.equal(outputs[0], outputs[1])
    # A handful of products in sequence are rounded to bfloat16.
    tolerance = 4.0 * torch.finfo(torch.bfloat16).eps
    torch.testing.assert_close(*outputs[::-1], rtol=tolerance, atol=tolerance)
    cosine = torch.nn.functional.cosine_similarity(*gradients, dim=0)
    assert cosine > 0.99
