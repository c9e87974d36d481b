"""Small objects in large pictures: the whole picture and overlapping tiles of it, as one result with one trace.

A detector that sees 640 × 640 pixels loses what is small in a picture of thousands. Tiles show it at full resolution.
Offsets of edges are measured in sizes of the initial box, so a tile's trace holds in the whole picture as it stands:
only the boxes move, and an object found in a tile has its whole history.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from dfine.data.pictures import Picture, read
from dfine.inference.predictor import Predictor, Result
from dfine.trace.detections import Detections
from dfine.trace.records import Estimate, Trace

Window = tuple[int, int, int, int]  # left, top, right, bottom in pixels

OVERLAP = 0.25  # share of a tile that its neighbour sees too; objects up to that size are whole in one of them
SAME = 0.5  # IoU from which two boxes of a class count as one object; D-FINE itself needs no such rule
CUT = 0.005  # a box that comes this close to the inner border of its tile, in tile sizes, is cut off there


def tiled(
    model: Predictor,
    picture: Picture,
    threshold: float | str = 0.5,
    *,
    tile: int | None = None,
    overlap: float = OVERLAP,
    same: float = SAME,
) -> Result:
    """Look at a picture as a whole and tile by tile.

    A box that touches the inner border of its tile is left to the neighbour, which sees the object whole, or to the
    pass over the whole picture. What is found twice is kept once, with the better score.

    Args:
        model: the detector.
        picture: as for `model`.
        threshold: lowest score in 0..1 that is reported, or "best".
        tile: side of a tile in pixels of the picture; by default that of the model's input.
        overlap: share of a tile that neighbours have in common, in 0..1, 1 excluded.
        same: IoU in 0..1 from which two boxes of one class are one object; 1 keeps all.

    Returns:
        As the model; the queries of the tiles, row by row, follow those of the whole picture, and have no birthplace.

    Raises:
        PictureError: the picture cannot be read.
        ValueError: an option is out of range.
    """
    picture = read(picture)
    whole = model(picture, threshold)
    windows = tiles(picture.size, max(model.input_size) if tile is None else tile, overlap)
    if len(windows) < 2:
        return replace(whole, detections=suppress(whole.detections, same))
    results = [whole, *model([picture.crop(w) for w in windows], threshold)]
    windows = [(0, 0, *picture.size), *windows]
    queries = results[0].trace.origin.shape[1]
    found = [_uncut(r.detections, w, picture.size, first=i * queries) for i, (r, w) in enumerate(zip(results, windows))]
    boxes, labels, scores, query = (torch.cat([getattr(f, k) for f in found]) for k in _PARTS)
    order = scores.argsort(descending=True, stable=True)
    together = Detections(boxes, labels, scores, query, whole.detections.names, picture.size)[order]
    trace = joined([r.trace for r in results], windows, picture.size)
    return replace(whole, detections=suppress(together, same), trace=trace)


def tiles(size: tuple[int, int], side: int, overlap: float = OVERLAP) -> list[Window]:
    """Windows of `side` pixels that cover a picture of `size` = (width, height), row by row, evenly spread.

    They overlap by at least `overlap` of a side, lie inside the picture, and along a shorter side of it take all of it.

    Raises:
        ValueError: the side is not positive, or the overlap not in 0..1 (1 excluded).
    """
    if side < 1 or not 0 <= overlap < 1:
        raise ValueError(f"tiles need a positive side and an overlap in 0..1, 1 excluded; not {side} and {overlap}")
    starts = []
    for length in size:
        room, step = max(0, length - side), max(1.0, side * (1 - overlap))
        count = 1 + int(-(-room // step))
        starts.append([round(room * i / max(1, count - 1)) for i in range(count)])
    w, h = min(side, size[0]), min(side, size[1])
    return [(x, y, x + w, y + h) for y in starts[1] for x in starts[0]]


def suppress(found: Detections, same: float = SAME) -> Detections:
    """Without the boxes that overlap a better one of their class by an IoU above `same`; best first.

    D-FINE is trained to answer once for an object, so that its own results need this rarely; it is off everywhere else.

    Raises:
        ValueError: `same` is not in 0..1.
    """
    if not 0 <= same <= 1:
        raise ValueError(f"the IoU from which two boxes are one object is in 0..1, not {same}")
    from torchvision.ops import batched_nms  # slow to import, and asked for by few

    return found[batched_nms(found.boxes, found.scores, found.labels, same)]


def joined(traces: list[Trace], windows: list[Window], size: tuple[int, int]) -> Trace:
    """One trace [1, ΣQ] of a picture of `size` = (width, height), from one trace [1, Q] of each of its windows."""
    placed = [_placed(t, w, size) for t, w in zip(traces, windows)]
    # Tokens of the tiles are tokens of no map of this picture.
    others = [replace(t, origin=torch.full_like(t.origin, -1)) for t in placed[1:]]
    return Trace.joined([placed[0], *others], axis=1)


_PARTS = ("boxes", "labels", "scores", "query")


def _placed(trace: Trace, window: Window, size: tuple[int, int]) -> Trace:
    """A window's trace with its boxes, cxcywh in 0..1 of the window, in 0..1 of the picture."""
    left, top, right, bottom = window
    like = trace.initial.boxes
    scale = like.new_tensor([(right - left) / size[0], (bottom - top) / size[1]]).repeat(2)
    shift = like.new_tensor([left / size[0], top / size[1], 0.0, 0.0])

    def move(record: Estimate) -> Estimate:
        return replace(record, boxes=record.boxes * scale + shift)

    return replace(
        trace,
        proposals=move(trace.proposals),
        initial=move(trace.initial),
        refinements=tuple(move(r) for r in trace.refinements),
    )


def _uncut(found: Detections, window: Window, size: tuple[int, int], first: int) -> Detections:
    """A window's detections in pixels of the picture, less those that its inner borders cut; queries from `first`."""
    left, top, right, bottom = window
    room = found.boxes.new_tensor([right - left, bottom - top]) * CUT
    inner = found.boxes.new_tensor([left > 0, top > 0, right < size[0], bottom < size[1]]).bool()
    gaps = torch.cat((found.boxes[:, :2], found.boxes.new_tensor(found.size) - found.boxes[:, 2:]), 1)
    whole: Tensor = ~((gaps < room.repeat(2)) & inner).any(1)
    found = found[whole]
    boxes = found.boxes + found.boxes.new_tensor((left, top, left, top))
    return replace(found, boxes=boxes, query=found.query + first, size=size)
