"""Distillation from another detector (`--teacher`): what its last layer answers becomes a second, soft truth.

D-FINE's own distillation stays within one network, where the last layer teaches the others (GO-LSD). A teacher from
outside is a deviation from the paper. Its answers are matched with the student's last layer as objects are, and every
stage of the student learns from the pairs: class probabilities, boxes, and, in each refinement, the distributions of
the edges. These come from another initial box and perhaps another W(n), so they are moved to the student's bins first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dfine import distribution
from dfine.data import labels
from dfine.engines.device import layout
from dfine.trace.records import Target, Trace
from dfine.weights.checkpoints import Checkpoint
from dfine.wording import some

LEAST = 0.1  # answers with a lower score teach nothing


@dataclass(frozen=True)
class Lesson:
    """A teacher's answers about a batch, those of all pictures in a row."""

    answers: list[Target]  # of each picture: the likeliest of the shared classes, and the box
    scores: Tensor  # [n, K] probabilities of the student's classes; 0 for those that the teacher does not know
    shared: Tensor  # [K] bool: which ones it knows
    initial: Tensor  # [n, 4] the boxes that its edges are measured from
    probabilities: Tensor  # [n, 4, M+1] of its edges
    w: Tensor  # [M+1] its weighting function

    @property
    def weight(self) -> Tensor:
        """How much each answer counts: its score, [n]."""
        return self.scores.amax(-1)

    def edges(self, index: Tensor, initial: Tensor, w: Tensor) -> Tensor:
        """The distributions of the answers `index` [m] in the bins of the student's boxes [m, 4]: [m, 4, N+1]."""
        return distribution.rebinned(self.probabilities[index], self.w, self.initial[index], initial, w)


class Teacher:
    """A trained detector that answers for the classes which it shares with a student.

    Args:
        checkpoint: the detector.
        names: the student's classes.
        device: where it runs.

    Raises:
        ValueError: it knows none of the classes.
    """

    def __init__(self, checkpoint: Checkpoint, names: Sequence[str], device: torch.device):
        self.size, self.columns = checkpoint.card.input_size, shared(checkpoint, names)
        self.classes = len(names)
        network = checkpoint.network().requires_grad_(False)
        self.network = network.to(device, memory_format=layout(device))

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Lesson:
        """What it says of pictures [B, 3, H, W] in 0..1; it sees them at its own input size."""
        if pixels.shape[-2:] != self.size:
            pixels = F.interpolate(pixels, self.size, mode="bilinear", align_corners=False, antialias=True)
        return self.lesson(self.network(pixels))

    def lesson(self, trace: Trace) -> Lesson:
        """The answers in its trace of a batch that score at least 0.1."""
        last = trace.last
        mine, theirs = torch.tensor(list(self.columns.items()), device=trace.w.device).unbind(1)
        known = last.logits.float().sigmoid()[..., theirs]
        scores = known.new_zeros(*known.shape[:2], self.classes)
        scores[..., mine] = known
        picture, query = torch.nonzero(scores.amax(-1) >= LEAST, as_tuple=True)
        at = (picture, query)
        boxes, best = last.boxes[at].float(), scores[at].argmax(-1)
        answers = [Target(best[picture == i], boxes[picture == i]) for i in range(len(scores))]
        is_shared = torch.zeros(self.classes, dtype=torch.bool, device=mine.device)
        is_shared[mine] = True
        edges = distribution.probabilities(distribution.full(last.edges[at]))
        return Lesson(answers, scores[at], is_shared, trace.initial.boxes[at].float(), edges, trace.w)


def shared(checkpoint: Checkpoint, names: Sequence[str]) -> dict[int, int]:
    """The teacher's column of each of the student's columns that it can teach (`labels.same`).

    Raises:
        ValueError: there is none.
    """
    known = checkpoint.card.names
    found = labels.same(names, known)
    if not found:
        raise ValueError(
            f"the teacher {checkpoint.card.source} knows none of the classes of the data ({some(names)}); "
            f"it knows {some(filter(None, known))}"
        )
    return {row: known.index(found[name]) for row, name in enumerate(names) if name in found}
