"""Does a covered edge know that it is covered? A test of how sure a detector is where it cannot see.

In every picture a patch hides one side of one object, and the network is asked again. If the widths of its intervals
mean anything, the hidden edge now has the longest interval of the four, and that interval still holds the true edge.
A detector that knows nothing of it has the longest interval there in a quarter of all cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from dfine.boxes import to_pixels
from dfine.config import EDGES
from dfine.data import labels, occluders
from dfine.data.cover import strip
from dfine.data.spoil import OUTSIDE, cover
from dfine.inference.predictor import Predictor
from dfine.inference.sweep import find

MEAN = "mean"  # paint in the picture's mean colour, as the page has it
SMALLEST = 24.0  # pixels in the shorter side of an object that is covered
BORDER = 2.0  # pixels from an edge that is covered to the border of the picture, at least


@dataclass(frozen=True)
class CoverTest:
    """What is covered, and with what.

    Raises:
        ValueError: the share is not between 0 and 1, or there is no such paint.
    """

    share: float = 0.35  # of the object's width or height
    paint: str = MEAN  # or one of `occluders.FILLS`
    seed: int = 0  # of the objects, the edges and the patches
    mass: float = 0.8  # of the intervals

    def __post_init__(self):
        if not 0 < self.share < 1:
            raise ValueError(f"the share that is covered is between 0 and 1, not {self.share}")
        if self.paint not in (MEAN, *occluders.FILLS):
            raise ValueError(f"patches are painted by {', '.join((MEAN, *occluders.FILLS))}, not by {self.paint!r}")


@dataclass(frozen=True)
class CoveredEdges:
    """What became of n objects that were found before and after one of their sides was covered. Printing it says it."""

    edges: Tensor  # [n] int64, which edge was covered: left, top, right, bottom
    before: Tensor  # [n, 4] length of every edge's interval in the picture as it was, in sizes of the box
    after: Tensor  # [n, 4] the same in the covered picture
    pixels: Tensor  # [n, 4] that in pixels
    held: Tensor  # [n, 4] bool, whether the interval in the covered picture holds the true edge
    asked: int  # objects that were found before

    def __len__(self) -> int:
        return len(self.edges)

    @property
    def found(self) -> float:
        """The share of the objects that are still found."""
        return len(self) / max(1, self.asked)

    @property
    def widest(self) -> float:
        """The share in which the covered edge has the longest interval of the four, in sizes of the box."""
        return self._share(self.after.argmax(1) == self.edges)

    @property
    def widest_in_pixels(self) -> float:
        """The same, in pixels."""
        return self._share(self.pixels.argmax(1) == self.edges)

    @property
    def covered_held(self) -> float:
        """The share in which the covered edge's interval holds the true edge."""
        return self._share(self._of(self.held))

    @property
    def others_held(self) -> float:
        """That share of the three edges that are not covered."""
        others = torch.ones_like(self.held).scatter(1, self.edges[:, None], False)
        return self._share(self.held[others])

    @property
    def grown(self) -> float:
        """How many times as long the covered edge's interval has become: the median."""
        return float((self._of(self.after) / self._of(self.before).clamp(min=1e-6)).median()) if len(self) else 0.0

    def to_dict(self) -> dict:
        """Plain JSON values."""
        shares = ("found", "widest", "widest_in_pixels", "covered_held", "others_held", "grown")
        return {"asked": self.asked, "objects": len(self)} | {name: round(getattr(self, name), 4) for name in shares}

    def __str__(self) -> str:
        shares = self.widest, self.widest_in_pixels, self.covered_held, self.others_held
        widest, in_pixels, covered, others = (f"{100 * share:.1f} %" for share in shares)
        return (
            f"{len(self)} of {self.asked} objects found when covered; the covered edge is widest in {widest} "
            f"(in pixels {in_pixels}; chance 25 %), {self.grown:.2f} times as wide as before, and holds "
            f"the truth in {covered} (other edges {others})"
        )

    def _of(self, values: Tensor) -> Tensor:
        """The covered edge's own: [n, 4] -> [n]."""
        return values.gather(1, self.edges[:, None])[:, 0]

    @staticmethod
    def _share(which: Tensor) -> float:
        return float(which.double().mean()) if which.numel() else 0.0


def covered_edges(model: Predictor, dataset: Dataset, test: CoverTest = CoverTest()) -> CoveredEdges:
    """Cover one side of one object in every picture, and see what the model says of it.

    Objects are those of the model's classes, by name (`labels.same`), with at least 24 pixels in either side; the edge
    is not at the border of the picture. The object is the detection of its class that overlaps the true box best, by an
    IoU of at least 0.3.

    Args:
        model: is asked; its calibration is in force.
        dataset: items (picture uint8 [3, H, W], Target), with `names`.
        test: what is covered, and with what. The same test covers the same in the same pictures.
    """
    edges, rows, asked = [], [], 0
    for picture, name, box, edge, painted in _covered(model, dataset, test):
        before = find(model, picture, box, name)
        if before is None:
            continue
        asked += 1
        after = find(model, painted, box, name)
        if after is None:
            continue
        length, was = (h.intervals(test.mass)[-1].diff(dim=-1)[:, 0] for h in (after, before))
        ends, side = after.intervals(test.mass)[-1], (box[2:] - box[:2]).repeat(2)
        held = (ends[:, 0] <= box) & (box <= ends[:, 1])
        edges.append(edge)
        rows.append(torch.stack((was / side, length / side, length, held.float())))
    table = torch.stack(rows, 1) if rows else torch.zeros(4, 0, 4)
    return CoveredEdges(torch.tensor(edges, dtype=torch.int64), *table[:3], table[3] > 0, asked)


def _covered(model: Predictor, dataset: Dataset, test: CoverTest) -> Iterator[tuple]:
    """Every picture with an object fit for it: the picture, the model's class, the box xyxy, the edge, the painted."""
    same = labels.same(dataset.names, model.names)
    for index in range(len(dataset)):
        pixels, target = dataset[index]
        size = pixels.shape[2], pixels.shape[1]
        boxes = to_pixels(target.boxes, size)
        inner = torch.cat((boxes[:, :2] >= BORDER, boxes[:, 2:] <= boxes.new_tensor(size) - BORDER), 1)  # [n, 4]
        known = torch.tensor([dataset.names[k] in same for k in target.labels.tolist()], dtype=torch.bool)
        fit = (inner & ((boxes[:, 2:] - boxes[:, :2]).amin(1, keepdim=True) >= SMALLEST) & known[:, None]).nonzero()
        if not len(fit):
            continue
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(test.seed * 1_000_003 + index)
            which, edge = fit[occluders.integer(0, len(fit) - 1)].tolist()
            box, picture = boxes[which], Image.fromarray(pixels.permute(1, 2, 0).numpy())
            painted = _painted(picture, pixels, boxes, box, edge, test)
        yield picture, same[dataset.names[int(target.labels[which])]], box, edge, painted


def _painted(picture: Image.Image, pixels: Tensor, boxes: Tensor, box: Tensor, edge: int, test: CoverTest):
    """The picture with that side covered."""
    if test.paint == MEAN:
        return cover(picture, box.tolist(), EDGES[edge], test.share)
    place = strip(box.tolist(), edge, test.share, OUTSIDE, 1 + 2 * OUTSIDE, 0.0)
    left, top = (max(0, round(v)) for v in place[:2])
    right, bottom = (min(whole, round(v)) for v, whole in zip(place[2:], picture.size))
    patch = occluders.fill(test.paint, pixels, boxes, bottom - top, right - left)
    painted = picture.copy()
    painted.paste(Image.fromarray(patch.permute(1, 2, 0).numpy()), (left, top))
    return painted
