"""Where one query read the picture, found out on demand: the picture goes through the network once more.

Results do not keep sampling points, because nobody needs those of all queries; `Predictor.trace` gives them on request.
"""

from __future__ import annotations

import torch

from dfine.data.pictures import Picture, read, to_batch, to_pixels
from dfine.inference.predictor import Predictor
from dfine.trace.records import Trace
from dfine.trace.sampling import Looks

TOLERANCE = 5e-3  # of the picture: what another batch, engine or device may change of a box


def look(model: Predictor, picture: Picture, query: int, trace: Trace | None = None) -> Looks:
    """The sampling points and weights of one query in every layer, on the CPU.

    The network runs once more. With `trace` (of this picture only, as `Result.trace` has it) `query` counts in that
    trace; the query from the same token is found in the new run, and its boxes must be the same. Without it, `query`
    counts in the new run, which has the same order for the same picture and device.

    Raises:
        PictureError: the picture cannot be read.
        IndexError: there is no such query.
        ValueError: the trace is that of another picture, model or input size; or the model is an exported file, which
            keeps no sampling points.
    """
    if trace is not None:
        _check(query, trace)
    again = model.trace(to_batch([to_pixels(read(picture), model.input_size)]), sampling=True).cpu()
    if trace is None:
        _check(query, again)
    index, config = query if trace is None else _same(trace, query, again), model.config
    return Looks(
        query=query,
        points=torch.stack([s.points[0, index] for s in again.sampling]),
        weights=torch.stack([s.weights[0, index] for s in again.sampling]),
        strides=torch.tensor([s for s, n in zip(config.strides, config.points) for _ in range(n)]),
        reference=torch.stack([s.reference[0, index] for s in again.sampling]),
    )


def _check(query: int, trace: Trace) -> None:
    count = trace.origin.shape[1]
    if not 0 <= query < count:
        raise IndexError(f"there is no query {query}; there are queries 0 to {count - 1}")


def _same(trace: Trace, query: int, again: Trace) -> int:
    """The query of the new run that is `query` of the trace. Raises ValueError where the two disagree."""
    other = "the trace is not of this picture with this model: "
    if trace.shapes != again.shapes or len(trace.refinements) != len(again.refinements):
        raise ValueError(f"{other}its levels are {trace.shapes}, those of the new run {again.shapes}")
    token = int(trace.origin[0, query])
    found = (again.origin[0] == token).nonzero().flatten().tolist()
    if not found:
        raise ValueError(f"{other}query {query} was born of token {token}, which this time became no query")
    boxes = [
        torch.stack([r.boxes[0, i].float().cpu() for r in t.refinements])
        for t, i in ((trace, query), (again, found[0]))
    ]
    apart = float((boxes[0] - boxes[1]).abs().max())
    if not apart <= TOLERANCE:
        raise ValueError(f"{other}the boxes of query {query} are up to {apart:.3f} of the picture apart")
    return found[0]
