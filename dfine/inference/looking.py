"""Where a query looked, found out on demand: the picture goes through the network again, and somebody watches.

Sampling points are not in the trace, because nobody needs those of 300 queries; and watching leaves the forward as it
is, so that its numbers are the same with and without it.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager

import torch

from dfine.data.pictures import Picture
from dfine.engines.torch_engine import TorchEngine, TorchOptions
from dfine.inference.predictor import Predictor
from dfine.network.detector import DFINE
from dfine.trace.records import Trace
from dfine.trace.sampling import Looks

TOLERANCE = 5e-3  # of the picture: what another batch or device may change of a box


@torch.no_grad()
def look(model: Predictor, picture: Picture, query: int, trace: Trace | None = None) -> Looks:
    """The sampling points and weights of one query in every layer, on the CPU.

    The network runs once more. With `trace` (of this picture alone, as `Result.trace` has it) `query` counts in that
    trace, and the query that was born of the same token is found in the new run; its boxes must be the same. Without
    it, `query` counts in the new run, which for the same picture and device is the same order.

    Raises:
        PictureError: the picture cannot be read.
        IndexError: there is no such query.
        ValueError: the trace is that of another picture, model or input size.
    """
    if trace is not None:
        _check(query, trace)
    # A fused copy, or an exported file, would pass by unseen.
    model = model.with_engine(TorchEngine(model.network, TorchOptions(fast=False)))
    with _watched(model.network) as seen:
        again = model(picture, threshold=1.0).trace
    if trace is None:
        _check(query, again)
    index = query if trace is None else _same(trace, query, again)

    layers = [layer.cross_attn for layer in model.network.decoder.layers][: len(again.refinements)]
    # A run that fell back to another device was seen twice; the last one is the one that was finished.
    looks = [
        attention.sampling(content[:, index : index + 1], reference[:, index : index + 1].to(content.dtype))
        for attention, (content, reference) in zip(layers, seen[-len(layers) :])
    ]
    config = model.config
    around = [reference[0, index : index + 1] for _, reference in seen[-len(layers) :]]
    return Looks(
        query=query,
        points=torch.cat([points[0] for points, _ in looks]).float().cpu(),
        weights=torch.cat([weights[0] for _, weights in looks]).float().cpu(),
        strides=torch.tensor([s for s, n in zip(config.strides, config.points) for _ in range(n)]),
        reference=torch.cat(around).float().cpu(),
    )


@contextmanager
def _watched(network: DFINE):
    """A list that fills with (query, reference) of every cross attention, in the order of the layers.

    Other threads may use the same network meanwhile; what they do is not recorded.
    """
    seen, here = [], threading.get_ident()

    def watch(_, args):
        if threading.get_ident() == here:
            seen.append(args[:2])

    hooks = [layer.cross_attn.register_forward_pre_hook(watch) for layer in network.decoder.layers]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _check(query: int, trace: Trace) -> None:
    count = trace.origin.shape[1]
    if not 0 <= query < count:
        raise IndexError(f"there is no query {query}; there are queries 0 to {count - 1}")


def _same(trace: Trace, query: int, again: Trace) -> int:
    """The query of the new run that is `query` of the trace. Raises ValueError when the two tell different stories."""
    other = "the trace is not of this picture with this model: "
    if trace.shapes != again.shapes or len(trace.refinements) != len(again.refinements):
        raise ValueError(f"{other}its levels are {trace.shapes}, those of the new run {again.shapes}")
    token = int(trace.origin[0, query])
    found = (again.origin[0] == token).nonzero().flatten().tolist()
    if not found:
        raise ValueError(f"{other}query {query} was born of token {token}, which this time became no query")
    boxes = lambda t, i: torch.stack([r.boxes[0, i].float().cpu() for r in t.refinements])  # noqa: E731
    apart = float((boxes(trace, query) - boxes(again, found[0])).abs().max())
    if not apart <= TOLERANCE:
        raise ValueError(f"{other}the boxes of query {query} are up to {apart:.3f} of the picture apart")
    return found[0]
