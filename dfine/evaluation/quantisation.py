"""How far the places that W(n) offers lie from true edges: what its constants a and c cost, whatever is trained.

A distribution of one bin can put an edge only at initial edge + W(n). Of every object that was found, each true edge
is put at the nearest such place, and the distance that is left is its error of quantisation. Fine steps around zero
make it small for boxes that were nearly right, coarse ones further out reach those that were not. A network mixes
bins (paper eq. 5) and so gets nearer: this is the grid that it mixes on, and beyond ±2a the error that no mixture can
take away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dfine import distribution
from dfine.boxes import iou_xyxy, to_cxcywh
from dfine.inference.predictor import Result

OVERLAP = 0.5  # a detection of the right class that overlaps an object by as much has found it


@dataclass(frozen=True)
class TrueEdges:
    """Where the edges of n objects that were found lie, seen from the initial boxes that found them."""

    offset: Tensor  # [n, 4] in sizes of the initial box, positive outward (`distribution.encode`)
    pixels: Tensor  # [n, 4] pixels in one such size

    def __len__(self) -> int:
        return len(self.offset)


def true_edges(results: Iterable[tuple[Result, Tensor, Sequence[int]]]) -> TrueEdges:
    """The true edges of all objects that were found.

    Args:
        results: what was found in each picture, with the picture's true boxes [m, 4], corners in pixels, and labels.
    """
    offsets, pixels = [torch.zeros(0, 4)], [torch.zeros(0, 4)]
    for result, boxes, labels in results:
        found, size = result.detections, result.detections.size
        overlap = iou_xyxy(boxes[:, None], found.boxes)  # [m, n]
        overlap = overlap * (torch.as_tensor(labels)[:, None] == found.labels)
        for i, row in enumerate(overlap):
            if not len(row) or row.max() < OVERLAP:
                continue
            initial = result.history(int(row.argmax())).initial
            truth = to_cxcywh(boxes[i]) / boxes.new_tensor((*size, *size))
            offsets.append(distribution.encode(initial, truth)[None])
            pixels.append(distribution.sizes_in_pixels(initial, size)[None])
    return TrueEdges(torch.cat(offsets), torch.cat(pixels))


def errors(edges: TrueEdges, a: Sequence[float], c: Sequence[float], bins: int = 32) -> Tensor:
    """The mean error of quantisation in pixels for every pair of constants: [len(a), len(c)]; NaN without objects.

    Raises:
        ValueError: `bins` or a constant makes no W(n); see `dfine.distribution.weighting`.
    """
    table = [[_error(edges, distribution.weighting(bins, one, other)) for other in c] for one in a]
    return torch.tensor(table).reshape(len(a), len(c))


def _error(edges: TrueEdges, w: Tensor) -> float:
    left = (distribution.nearest(edges.offset, w) - edges.offset).abs()
    return float((left * edges.pixels).mean())
