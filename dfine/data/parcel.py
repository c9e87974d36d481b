"""A batch, and how it travels from the process that read its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dfine.trace.records import Target


@dataclass(frozen=True)
class Unread:
    """Stands in the place of an item that cannot be read."""

    index: int
    error: Exception  # names the picture


def collate(items: Sequence[tuple[Tensor, Target]]) -> tuple[Tensor, list[Target]]:
    """Pictures uint8 [3, H, W] of one size, with their targets -> pictures [B, 3, H, W] and a list of B targets.

    Raises:
        ValueError: the pictures differ in size.
    """
    pictures, targets = zip(*items)
    for picture, target in items:
        if picture.shape != pictures[0].shape:
            have, want = list(picture.shape), list(pictures[0].shape)
            raise ValueError(
                f"the picture of image {target.image_id} has shape {have}, the first of its batch {want}; "
                "resize them to one size first"
            )
    return torch.stack(pictures), list(targets)


class Parcel:
    """The targets of a batch on their way from a worker process, as plain arrays.

    A tensor would get a file of shared memory of its own, and a batch two of them for each picture: to open and close
    them all takes longer than a GPU needs for the batch, and some batches ahead reach the limit of open files.
    """

    def __init__(self, targets: Sequence[Target]):
        self.rows = [(t.labels.numpy(), t.boxes.numpy(), t.image_id, t.size) for t in targets]

    def opened(self) -> list[Target]:
        """The targets."""
        return [Target(torch.from_numpy(labels), torch.from_numpy(boxes), *rest) for labels, boxes, *rest in self.rows]


def sent(
    items: Sequence[tuple[Tensor, Target] | Unread],
) -> tuple[Tensor | None, Parcel, list[Unread]] | Exception:
    """As `collate`, in a parcel, and apart from them the items that could not be read; no pictures where all are such.

    Where the pictures are no batch, the error takes its place, and is raised where that is fetched: a worker process
    that raised it would have it buried in a traceback.
    """
    unread = [item for item in items if isinstance(item, Unread)]
    if len(unread) == len(items):
        return None, Parcel([]), unread
    try:
        pictures, targets = collate([item for item in items if not isinstance(item, Unread)])
    except ValueError as error:
        return error
    return pictures, Parcel(targets), unread
