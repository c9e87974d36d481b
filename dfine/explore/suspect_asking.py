"""Asking the decoder about a box and a class, as training with denoising does (DINO, arXiv 2203.03605, section 3.3).

There a query is made of a true object's class and box with noise on both; the decoder learns to restore the object, or
to see that nothing is there. An answer that may be wrong can be put to it in the same way: a right one comes back as it
was, a wrong one loses its score, changes its class or moves. Every answer is asked about in several ways, of the
picture and of its mirror image, and the replies are averaged:

- with its class, at its box and at four places around it, as noise would have moved it,
- without a class: the embedding of padding, which is zero, leaves it to the decoder to say what is there,
- with the class that was replied in place of its own.

A query sees the picture and the network's own queries, but no other question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dfine.boxes import clipped, from_pixels, to_pixels
from dfine.explore.suspect_clues import REPLY, asked, iou, logit
from dfine.files import short_digest
from dfine.inference.predictor import Predictor
from dfine.trace.edges import EdgeReading
from dfine.trace.records import Memory, NoisedQueries

MASS = 0.8  # of the intervals
AT_ONCE = 64  # questions that go through the decoder together
NUDGE = 0.15  # of a box's sides, by which it is moved along both
NUDGES = ((0, 0), (-NUDGE, -NUDGE), (NUDGE, -NUDGE), (-NUDGE, NUDGE), (NUDGE, NUDGE))
_LEAST = 1e-3  # probability below which no class falls before replies are averaged


@dataclass(frozen=True)
class Questions:
    """Places of one picture that the decoder is asked about."""

    boxes: np.ndarray  # [n, 4] corners in pixels
    classes: np.ndarray  # [n] as those of the answers are numbered

    @staticmethod
    def of(places: Sequence[tuple[np.ndarray, int]]) -> Questions:
        """From boxes [4] and their classes."""
        return Questions(
            np.array([box for box, _ in places], float).reshape(-1, 4), np.array([k for _, k in places], int)
        )

    def __len__(self) -> int:
        return len(self.classes)

    def part(self, start: int, end: int) -> Questions:
        """Some of them."""
        return Questions(self.boxes[start:end], self.classes[start:end])

    @property
    def digest(self) -> str:
        """Tells questions apart."""
        return short_digest(repr((np.round(self.boxes, 2).tolist(), self.classes.tolist())), 32)

    def replies(self, told: np.ndarray | None) -> Mapping[tuple, tuple[float, ...]]:
        """Every question's reply by its key (`suspect_clues.asked`), from [n, REPLY]; empty where there is none."""
        if told is None:
            return {}
        return {asked(*one): tuple(row) for *one, row in zip(self.boxes, self.classes, told.tolist())}


def cannot(predictor: Predictor, denoised: bool = True) -> str:
    """Why the decoder of a model cannot be asked, in a sentence; "" where it can.

    Args:
        predictor: the model.
        denoised: whether it was trained with denoising, as far as that is known (`suspect_training.denoised`).
    """
    network = predictor.engine.network
    if network is None:
        return (
            f"{predictor.source} is an exported file, whose decoder cannot be asked about the answers: fewer errors "
            "are found than with its checkpoint"
        )
    known = network.queries.label.weight[:-1]
    if not denoised or not known.std(-1).all():
        return (
            f"{predictor.source} was not trained with denoising, so that its decoder cannot be asked about the "
            "answers: fewer errors are found than otherwise"
        )
    return ""


@torch.no_grad()
def replies(predictor: Predictor, pixels: Tensor, size: tuple[int, int], wanted: Questions) -> np.ndarray:
    """What the decoder makes of some places of one picture.

    Args:
        predictor: whose network can be asked (`cannot`).
        pixels: [3, H, W] in 0..1, as the network takes them.
        size: (width, height) of the picture in pixels.
        wanted: the places; their classes are the network's columns, or −1 for a class that it does not know.

    Returns:
        [n, REPLY] in float32. With the class: the log odds of it and of the best other one; the two largest distances
        of the box's edges from the middle of their intervals in half-widths, as log(1 + z); the IoU of the reply's box
        with the one that was asked for; the logarithm of its intervals' length relative to its sides. Without a class:
        the first two and the IoU. With the other class: the log odds of that, and of the first one.
    """
    network = predictor.network
    pixels = pixels.to(next(network.parameters()).device)
    memory = network.encoder(network.backbone(network.normalise(torch.stack((pixels, pixels.flip(-1))))))
    parts = range(0, len(wanted), AT_ONCE)
    told = [_told(_Decoder(predictor, memory, size), wanted.part(i, i + AT_ONCE)) for i in parts]
    return np.concatenate([np.zeros((0, REPLY)), *told]).astype(np.float32)


@dataclass(frozen=True)
class _Reply:
    """What the decoder replied to m questions, averaged over what was asked in several ways."""

    odds: np.ndarray  # [m, K] log odds of every class
    boxes: np.ndarray  # [m, 4] corners in pixels
    intervals: np.ndarray  # [m, 4, 2] in pixels

    def score(self, classes: np.ndarray) -> np.ndarray:
        """[m] log odds of a class each; the lowest for −1."""
        found = np.take_along_axis(self.odds, classes.clip(0)[:, None], 1)[:, 0]
        return np.where(classes < 0, logit(0), found.clip(logit(0), logit(1)))

    def best(self, without: np.ndarray) -> np.ndarray:
        """[m] the class with the best score but one each; −1 where there is no other."""
        others = np.where(np.arange(self.odds.shape[1]) == without[:, None], -np.inf, self.odds)
        return np.where(np.isfinite(others).any(1), others.argmax(1), -1)

    def fits(self, boxes: np.ndarray) -> np.ndarray:
        """[m] IoU of the reply's boxes with those asked for."""
        return np.diagonal(iou(self.boxes, boxes))


@dataclass(frozen=True)
class _Decoder:
    """A decoder over one picture and its mirror image."""

    predictor: Predictor
    memory: Memory  # of both
    size: tuple[int, int]

    def reply(self, boxes: np.ndarray, classes: np.ndarray) -> _Reply:
        """To boxes [ways, m, 4] and classes [ways, m], averaged over the ways and both pictures."""
        network, (ways, count) = self.predictor.network, classes.shape
        asked = self._queries(boxes.reshape(-1, 4), classes.reshape(-1))
        queries = network.queries(self.memory, asked)
        mask = asked.mask(queries.content.shape[1] - asked.count)
        trace, _ = network.decoder(queries, self.memory, mask, self.predictor.layers).split(asked.count)
        trace, card, width = trace.cpu(), self.predictor.card, self.size[0]
        fitted = (None if v is None else torch.tensor(v, dtype=torch.float32) for v in (card.temperature, card.levels))
        reading = EdgeReading(trace.last.edges, trace.initial.boxes, self.size, trace.w, *fitted)
        intervals, corners = reading.intervals(MASS).double(), to_pixels(trace.last.boxes.double(), self.size)
        intervals[1, :, [0, 2]] = width - intervals[1, :, [2, 0]].flip(-1)
        corners[1, :, [0, 2]] = width - corners[1, :, [2, 0]]
        odds = torch.logit(trace.last.logits.double().sigmoid(), _LEAST)
        return _Reply(*(t.mean(0).unflatten(0, (ways, count)).mean(0).numpy() for t in (odds, corners, intervals)))

    def _queries(self, boxes: np.ndarray, classes: np.ndarray) -> NoisedQueries:
        """Each question as a group of its own, for the picture and for its mirror image; class −1 is none."""
        given = clipped(torch.from_numpy(boxes), self.size)
        relative = from_pixels(given, self.size).float()
        mirrored = torch.cat((1 - relative[:, :1], relative[:, 1:]), 1)
        labels = torch.from_numpy(np.where(classes < 0, self.predictor.config.classes, classes))
        device = self.memory.tokens.device
        both = torch.stack((labels, labels)).to(device), torch.stack((relative, mirrored)).to(device)
        return NoisedQueries(*both, len(classes), ())


def _told(decoder: _Decoder, wanted: Questions) -> np.ndarray:
    """The replies to some questions as numbers: [n, REPLY]."""
    boxes, classes = wanted.boxes, wanted.classes
    moves = np.tile(np.array(NUDGES)[:, None] * (boxes[:, 2:] - boxes[:, :2]), 2)  # [ways, n, 4]
    own = decoder.reply(boxes + moves, np.tile(classes, (len(NUDGES), 1)))
    free = decoder.reply(boxes[None], np.full((1, len(classes)), -1))
    rival = free.best(without=classes)
    other = decoder.reply(boxes[None], rival[None])

    half = np.maximum(np.ptp(own.intervals, -1) / 2, 1)  # at least a pixel
    far = np.sort(np.log1p(np.abs(boxes - own.intervals.mean(-1)) / half), -1)
    sharp = np.log((half / np.tile((own.boxes[:, 2:] - own.boxes[:, :2]).clip(1), 2)).mean(1))
    with_class = own.score(classes), own.score(own.best(classes)), far[:, -1], far[:, -2], own.fits(boxes), sharp
    without = free.score(classes), free.score(rival), free.fits(boxes)
    return np.stack((*with_class, *without, other.score(rival), other.score(classes)), 1)
