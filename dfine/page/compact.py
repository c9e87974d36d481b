"""The compact answer: all that the network made of one picture, in the form that is sent to the browser once.

From then on the browser selects, chooses and draws without a request. Numbers are little-endian arrays in base64; the
browser's `trace.js` reads them. Boxes and logits are exact in single precision. Distributions are sent as natural
logarithms below their highest bin, in steps of `STEP`: Pr(n) is off by at most the factor exp(`STEP` / 2), which is
3.1e-4, and an edge's mean by at most that times twice the mean distance of its distribution from the mean. An edge that
is unsure by 20 px is drawn within 0.02 px of where the network has it.
"""

from __future__ import annotations

import base64
import json

import numpy as np
import torch

from dfine import distribution
from dfine.boxes import to_pixels
from dfine.config import EDGES
from dfine.figures import style
from dfine.inference.predictor import Result
from dfine.trace import levels
from dfine.trace.records import Trace

LIMIT = 200_000  # bytes of the message; the distributions of further queries follow in a second one
DEEPEST = 40.0  # a bin whose logarithm lies further below the highest one's is sent as if it lay there: 4e-18 of it
STEP = DEEPEST / 65535


def compact(result: Result, limit: int = LIMIT) -> dict:
    """Every detection of a result with its query's boxes, scores and edges at every stage, as plain values.

    n detections, m queries that they came from (one query may answer for several classes), L layers, N+1 bins:

    - `size` (width, height) of the picture in pixels; `w` W(n) in box sizes and its constants `a` and `c`;
      `temperature`, one number an edge, and `levels`, a table (`dfine.trace.levels`), or None; `edges`, their names in
      order, and `colours` of `edges` and `layers`;
    - per detection, best first: `labels`; `scores` [n]; `rows`, which of the queries it came from; `logits` [n, 1+L],
      of its class at every stage after LQE;
    - per query: `queries`, its number in the trace; `tokens`, the encoder token it came from; `boxes` [m, 1+L, 4] in
      pixels, not clipped; `quality` [m, L], what LQE added; `distributions` [s, L, 4, N+1], see above, of as many
      queries, those of the best detections, as `limit` bytes hold; `remainder` has the others;
    - `classes`: name and colours by label, of the labels that occur; `shapes`, (height, width) of the encoder's levels.
    """
    trace, found = result.trace, result.detections
    queries, rows = _queries(found.query)
    logits = torch.stack([stage.logits[0, found.query, found.labels] for stage in trace.stages.values()], 1)
    boxes = torch.stack([stage.boxes[0, queries] for stage in trace.stages.values()], 1)
    a, c = distribution.constants(trace.w)
    told = dict(
        size=list(found.size),
        w=trace.w.tolist(),
        a=round(a, 6),
        c=round(c, 6),
        temperature=None if trace.temperature is None else trace.temperature.tolist(),
        levels=levels.rows(trace.levels),
        layers=len(trace.refinements),
        step=STEP,
        edges=list(EDGES),
        colours=dict(edges=list(style.EDGE_COLOURS.values()), layers=style.layer_colours(len(trace.refinements))),
        classes={str(label): _class(found.names, label) for label in sorted(set(found.labels.tolist()))},
        shapes=[list(shape) for shape in trace.shapes],
        labels=found.labels.tolist(),
        rows=rows.tolist(),
        scores=_packed(found.scores, "<f4"),
        logits=_packed(logits, "<f4"),
        queries=queries.tolist(),
        tokens=trace.origin[0, queries].tolist(),
        boxes=_packed(to_pixels(boxes, found.size), "<f4"),
        quality=_packed(torch.stack([r.quality[0, queries, 0] for r in trace.refinements], 1), "<f4"),
    )
    return told | dict(distributions=_packed(_below_the_peak(trace, queries[: _sent(told, trace, limit)]), "<u2"))


def remainder(result: Result, limit: int = LIMIT) -> str:
    """The distributions that `compact` left out for want of room: [m − s, L, 4, N+1], "" where it had all."""
    told, queries = compact(result, limit), _queries(result.detections.query)[0]
    values = len(result.trace.refinements) * 4 * len(result.trace.w)
    sent = len(base64.b64decode(told["distributions"])) // (2 * values)
    return _packed(_below_the_peak(result.trace, queries[sent:]), "<u2")


def _queries(found: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The queries of detections [n], each once and in their order [m], and of which each detection came [n]."""
    order = list(dict.fromkeys(found.tolist()))
    place = {query: row for row, query in enumerate(order)}
    return torch.tensor(order, dtype=torch.long), torch.tensor([place[q] for q in found.tolist()], dtype=torch.long)


def _sent(told: dict, trace: Trace, limit: int) -> int:
    """Of how many queries the distributions fit into a message that holds the rest of the answer already."""
    one = 2 * len(trace.refinements) * 4 * len(trace.w) * 4 / 3  # bytes in base64
    return max(1, int((limit - len(json.dumps(told))) / one) - 1)


def _below_the_peak(trace: Trace, queries: torch.Tensor) -> torch.Tensor:
    """How many steps the logarithm of each bin lies below its edge's highest: [m, L, 4, N+1], 0 … 65535."""
    edges = torch.stack([r.edges[0, queries] for r in trace.refinements], 1).double()
    return ((edges.amax(-1, keepdim=True) - edges) / STEP).round().clamp(max=65535)


def _packed(values: torch.Tensor, kind: str) -> str:
    """An array as base64, row by row."""
    return base64.b64encode(np.ascontiguousarray(values.cpu().numpy().astype(kind)).tobytes()).decode()


def _class(names: tuple[str, ...], label: int) -> dict:
    colour = style.class_colour(label)
    return dict(name=names[label], colour=colour, ink=style.ink_on(colour))
