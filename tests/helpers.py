"""What several tests need: a trace that hangs together without a network, and the folder of reference values."""

import asyncio
import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from assets.ports import free_port
from dfine import distribution
from dfine.config import Config
from dfine.engines.torch_engine import TorchEngine, TorchOptions
from dfine.inference.predictor import Predictor
from dfine.network.detector import DFINE
from dfine.trace.card import Card
from dfine.trace.records import Estimate, Refinement, Trace

ROOT = Path(__file__).parents[1]
REFERENCE = Path(os.environ.get("DFINE_REFERENCE", ROOT.parent / "shared" / "reference"))
NAMES = ("cat", "dog", "fish")
NO_REFERENCE = f"no reference values in {REFERENCE}; set DFINE_REFERENCE"


def run(coroutine):
    """What a coroutine returns; in a thread of its own, since a browser's event loop may be running in this one."""
    with ThreadPoolExecutor(1) as own:
        return own.submit(asyncio.run, coroutine).result()


def two(*arguments, status: int = 0) -> str:
    """What two processes of Python print that find each other by the variables of `torchrun`, which takes longer."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    env = os.environ | place | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    start = dict(cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    command = [sys.executable, *map(str, arguments)]
    both = [subprocess.Popen(command, env=env | {"RANK": rank, "LOCAL_RANK": rank}, **start) for rank in "01"]
    try:
        said = [process.communicate(timeout=600) for process in both]
    finally:
        for process in both:
            process.kill()  # one that waits for the other
    assert [process.returncode for process in both] == [status, status], said
    return "".join(out for out, _ in said)


class NoDoubles(TorchDispatchMode):
    """In the block every operator is refused that sees or makes what a Mac's GPU does not have: numbers of 64 bits."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for value in tree_leaves((args, kwargs, made)):
            if isinstance(value, torch.Tensor) and value.dtype in (torch.float64, torch.complex64, torch.complex128):
                raise TypeError(f"{function} of {value.dtype}: a Mac's GPU has no such numbers")
        return made


def synthetic_trace(batch=1, queries=5, classes=3, layers=3, seed=0, bins=32, c=0.25) -> Trace:
    """A random trace whose boxes follow from its initial boxes and edges, as in the network."""
    g = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(batch, queries, *shape, generator=g)

    def boxes():
        return torch.cat((0.3 + 0.4 * draw(2).sigmoid(), 0.1 + 0.2 * draw(2).sigmoid()), -1)

    w = distribution.weighting(bins, c=c)
    initial = Estimate(draw(classes), boxes())
    edges, refinements = torch.zeros(batch, queries, 4, bins + 1), []
    for _ in range(layers):
        edges = edges + 2 * draw(4, bins + 1)
        decoded = distribution.decode(initial.boxes, distribution.offsets(edges, w))
        refinements.append(Refinement(draw(classes), draw(1), edges, decoded))
    origin = torch.arange(queries).expand(batch, -1)
    return Trace(Estimate(draw(classes), boxes()), initial, tuple(refinements), origin, ((6, 8), (3, 4)), w)


def reference_weights():
    """The module that draws the reference weights."""
    spec = importlib.util.spec_from_file_location("weights", REFERENCE / "weights.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def small_predictor(names, **about) -> Predictor:
    """A size N of three classes with random heads, so that scores and boxes differ from query to query."""
    torch.manual_seed(0)
    network = DFINE(Config.of("n", classes=3, queries=20))
    with torch.no_grad():
        for name, p in network.named_parameters():
            if p.ndim > 1 and not p.any():
                torch.nn.init.normal_(p, std=0.1)
            if name.endswith("score.bias"):
                p.zero_()
    return predictor(network, names, (64, 96), **about)


def full_card(names: tuple[str, ...], input_size: tuple[int, int]) -> Card:
    """A card that says something in every field; its fitted values are those of float32."""
    return Card(
        names,
        input_size,
        source="mine",
        digest="00ff",
        temperature=(0.5, 1.0, 2.0, 4.0),
        threshold=0.25,
        class_thresholds=(0.5, *[None] * (len(names) - 1)),
        words="# Mine\n\nOf cups – and “keys”.",
        levels=((0.0, 0.125, 0.5, 0.875), (0.0, 0.25, 0.5, 0.75), (0.5, 0.0625, 0.5, 0.9375)),
        notes=("its mask head is left out", "nothing says its input size"),
    )


def noise(seed: int = 0, size: tuple[int, int] = (120, 80)) -> Image.Image:
    """A picture of coloured patches."""
    patches = np.random.default_rng(seed).integers(0, 255, (5, 6, 3), np.uint8)
    return Image.fromarray(patches).resize(size)


def predictor(network: DFINE, names, size=(640, 640), *, fast=False, layers=None, **about) -> Predictor:
    """A network as a predictor, by default without a fused copy; `about` are other fields of its card."""
    engine = TorchEngine(network, TorchOptions(fast=fast))
    return Predictor(engine, Card(tuple(names), size, **about), layers=layers)


@torch.no_grad()
def shaken(network: DFINE, seed: int = 1) -> DFINE:
    """The network with everything drawn anew, running statistics and affine blocks too, half of them turned around.

    Heads that start at zero would hide any error behind them. Matrices keep the size of what passes through them.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        if not tensor.is_floating_point() or name.endswith(("cross_attn.scale", "decoder.w")):
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith("running_var"):
            tensor.copy_(torch.exp(0.2 * noise))
        elif name.endswith("affine.scale"):
            tensor.copy_((1 + 0.1 * noise) * (1 if noise > -0.5 else -1))
        elif tensor.ndim <= 1:
            tensor.copy_(name.endswith("weight") + (0.8 if "offsets" in name else 0.1) * noise)
        else:
            tensor.copy_(noise * (0.3 if "offsets" in name else 1.2) / tensor[0].numel() ** 0.5)
    return network.eval()
