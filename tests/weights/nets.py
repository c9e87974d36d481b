"""Networks with random weights in every tensor, and whether two of them answer alike."""

import functools

import torch
from safetensors.torch import load_file, save_file

from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.trace.card import Card
from dfine.weights.checkpoints import SIZE, open_checkpoint
from dfine.weights.saving import save

NAMES = ("cat", "dog", "fish")
TINY = dict(classes=3, queries=20)


@functools.cache
@torch.no_grad()
def network(**changes) -> DFINE:
    """A size N, not to be changed, whose every tensor is random: initial weights are zero where errors could hide."""
    torch.manual_seed(0)
    net = DFINE(Config.of("n", **TINY | changes))
    for tensor in net.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(0.05 * torch.rand_like(tensor))
        else:
            tensor.add_(7)
    return net.eval()


@torch.no_grad()
def outputs(net) -> list[torch.Tensor]:
    trace = net(torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(3)))
    return [
        trace.proposals.boxes,
        trace.initial.boxes,
        *(t for r in trace.refinements for t in (r.logits, r.edges, r.boxes)),
    ]


def same(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(outputs(a), outputs(b), strict=True))


def broken(tmp_path, change):
    """A saved checkpoint with its tensors changed."""
    save(tmp_path, network(), Card(NAMES, SIZE))
    tensors = load_file(tmp_path / "model.safetensors")
    change(tensors)
    save_file(tensors, tmp_path / "model.safetensors")
    return open_checkpoint(tmp_path)
