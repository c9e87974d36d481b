"""From data set to batches, in an order that depends on nothing but (seed, epoch).

Every item is prepared under a random state of its own, made from (seed, epoch, index). So it does not matter how many
worker processes there are, or whether training was interrupted: batch i of epoch e is the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from dfine.data.augment import Downscale, Mosaic, Posterize
from dfine.data.cover import Cover
from dfine.data.drawn import Drawn
from dfine.data.parcel import Unread, sent
from dfine.data.paste import CopyPaste
from dfine.data.pictures import PictureError
from dfine.data.transforms import Compose, RandomHorizontalFlip, Resize, Transform
from dfine.trace.records import Target


class Batches(Sampler[list[tuple[int, int]]]):
    """Lists of (epoch, index), one list a batch; set `epoch` before iterating, and `start` to skip the first batches.

    `share` = (rank, processes): of several processes each takes its part of every batch. The epoch travels with the
    index so that worker processes, which outlive an epoch, know it.
    """

    def __init__(self, count: int, batch: int, *, shuffle: bool, seed: int, share: tuple[int, int] = (0, 1)):
        if batch < share[1]:
            raise ValueError(f"a batch needs at least one picture for each of {share[1]} processes, not {batch}")
        self.count, self.batch, self.shuffle, self.seed, self.share = count, batch, shuffle, seed, share
        self.epoch = 0
        self.start = 0  # first batch to yield, for the epoch that was interrupted; back to 0 once it has been iterated

    def __len__(self) -> int:
        """Batches in a whole epoch. In training the incomplete last one is left out, unless it is the only one."""
        whole, rest = divmod(self.count, self.batch)
        return whole if self.shuffle and whole else whole + (rest > 0)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        start, self.start = self.start, 0
        epoch = self.epoch
        order = range(self.count)
        if self.shuffle:
            order = torch.randperm(self.count, generator=_generator(self.seed, epoch)).tolist()
        for i in range(start, len(self)):
            rank, processes = self.share
            yield [(epoch, index) for index in order[i * self.batch : (i + 1) * self.batch][rank::processes]]


class Prepared(Dataset):
    """A data set whose items have gone through `transform`, addressed by (epoch, index).

    In place of one that cannot be read comes an `Unread`: its ValueError or OSError, which names the file.
    """

    def __init__(
        self,
        dataset: Dataset,
        transform: Transform,
        seed: int,
        mosaic: Mosaic | None = None,
        after: Transform | None = None,
        paste: CopyPaste | None = None,
    ):
        """`after` is what is done to a mosaic."""
        self.dataset, self.transform, self.seed, self.mosaic, self.after = dataset, transform, seed, mosaic, after
        self.paste = paste

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Target] | Unread:
        epoch, index = key
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(_generator(self.seed, epoch, index).get_state())  # manual_seed would touch the GPU
            try:
                return checked_pair(self._item(index), "a transform of pictures gives")
            except (ValueError, OSError) as error:
                return Unread(index, self._placed(error, index))

    def _item(self, index: int) -> tuple[Tensor, Target]:
        if self.mosaic is None or not self.mosaic.wanted():
            return self.transform(*self._read(index))
        pair = self.mosaic(self._read, index, len(self.dataset))
        return self.after(*pair)

    def _read(self, index: int) -> tuple[Tensor, Target]:
        """An item as it is, or with objects of another one in it."""
        if self.paste is None:
            return self._own(index)
        return self.paste(self._own, index, len(self.dataset))

    def _own(self, index: int) -> tuple[Tensor, Target]:
        return checked_pair(self.dataset[index], "an item of a data set is")

    def _placed(self, error: Exception, index: int) -> Exception:
        """The error, with the whole path of the picture where it only names the file."""
        if not isinstance(error, PictureError) or not hasattr(self.dataset, "path"):
            return error
        path = str(self.dataset.path(index))
        return error if path in str(error) else PictureError(f"{path}: {error}")


def checked_pair(pair: object, whose: str) -> tuple[Tensor, Target]:
    """A picture with its answers. Raises TypeError, which begins with `whose`, where they are of other kinds.

    Above all pictures of floats, as torchvision makes them: divided by 255 like all others, they would be black.
    """
    picture, target = pair if isinstance(pair, (tuple, list)) and len(pair) == 2 else (pair, None)
    if (
        isinstance(picture, Tensor)
        and isinstance(target, Target)
        and picture.dtype == torch.uint8
        and picture.ndim == 3
    ):
        return picture, target
    kind = f"{picture.dtype} {list(picture.shape)}" if isinstance(picture, Tensor) else type(picture).__name__
    raise TypeError(f"{whose} (picture uint8 [3, H, W], Target), not ({kind}, {type(target).__name__})")


class Loader(DataLoader):
    """A DataLoader that raises what was sent in place of a batch or of a picture, or leaves such pictures out."""

    batch_sampler: Batches
    skip = False  # whether they are left out
    left_out: Mapping[int, Exception] = {}  # why, by their indices, as far as the last pass has come

    def __iter__(self) -> Iterator[tuple[Tensor, list[Target]]]:
        self.left_out = left_out = {}
        for batch in super().__iter__():
            if isinstance(batch, Exception):
                raise batch
            pictures, parcel, unread = batch
            if unread and not self.skip:
                raise _hinted(unread[0].error)
            left_out |= {one.index: one.error for one in unread}
            if pictures is not None:
                yield pictures, parcel.opened()


def _hinted(error: Exception) -> Exception:
    """The error, with what names the other pictures, of which only the first one ends the work."""
    others = "`dfine data check` names every picture that cannot be read"
    return PictureError(f"{error}; {others}") if isinstance(error, PictureError) else error


@dataclass(frozen=True)
class Batching:
    """How a data set becomes batches."""

    batch: int  # pictures per batch
    size: tuple[int, int]  # (height, width) that every picture is resized to
    train: bool = False  # shuffle, flip at random, leave out the incomplete last batch
    workers: int = 0  # processes that prepare batches; 0 prepares them here
    seed: int = 0  # of the order and of every random transform
    share: tuple[int, int] = (0, 1)  # (rank, processes): the part of every batch that this process takes
    skip: bool = False  # leave out pictures that cannot be read, and say why in `left_out` of the loader
    pin: bool = False  # put pictures where a GPU can fetch them by itself, while the CPU goes on


@dataclass(frozen=True)
class Shares:
    """What share of the pictures, 0 to 1, each change is made to in training."""

    mosaic: float = 0.0  # is made of four (`augment.Mosaic`)
    copy_paste: float = 0.0  # gets objects of others pasted into it (`paste.CopyPaste`)
    drawn: float = 0.0  # is replaced by a drawing of things of its classes (`drawn.Drawn`)
    cover: float = 0.0  # has sides of its objects painted over (`cover.Cover`)
    posterize: float = 0.0  # is reduced to a few flat colours (`augment.Posterize`)
    downscale: float = 0.0  # is shrunk before the resize (`augment.Downscale`)


def loader(dataset: Dataset, how: Batching, *, transform: Transform | None = None, shares: Shares = Shares()) -> Loader:
    """Batches of a data set: (pictures uint8 [B, 3, H, W], list of Target).

    Before each epoch set `loader.batch_sampler.epoch`; to go on in the middle of one, set `loader.batch_sampler.start`
    too.

    Args:
        dataset: items (picture uint8 [3, H, W], Target).
        how: see `Batching`.
        transform: takes the place of the random flip in training.
        shares: in training, what else is done to how many of the pictures.
    """
    shares = shares if how.train else Shares()
    steps = [transform or RandomHorizontalFlip()] if how.train else []
    changes = ((Cover, shares.cover), (Posterize, shares.posterize), (Downscale, shares.downscale))
    first = [Drawn(shares.drawn, dataset.names)] if shares.drawn else []
    last = [*first, *(change(share) for change, share in changes if share), Resize(how.size)]
    four = Mosaic(shares.mosaic, how.size) if shares.mosaic else None
    paste = CopyPaste(shares.copy_paste) if shares.copy_paste else None
    batches = Batches(len(dataset), how.batch, shuffle=how.train, seed=how.seed, share=how.share)
    workers = min(how.workers, len(batches))
    made = Loader(
        Prepared(dataset, Compose(*steps, *last), how.seed, four, Compose(*last), paste),
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=sent,
        pin_memory=how.pin,
        persistent_workers=workers > 0,
        generator=torch.Generator().manual_seed(how.seed),  # else each epoch would draw from the global random state
    )
    made.skip = how.skip
    return made


class Subset(Dataset):
    """Some items of a data set, as a data set with the same classes and the ground truth of those images only."""

    def __init__(self, dataset: Dataset, indices: Sequence[int]):
        self.dataset, self.indices = dataset, [int(i) for i in indices]
        wrong = [i for i in self.indices if not 0 <= i < len(dataset)]
        if wrong:
            raise ValueError(f"there is no item {wrong[0]}; the data set has {len(dataset)}")
        self.names: tuple[str, ...] = dataset.names
        self.category_ids: list[int] = dataset.category_ids

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        return self.dataset[self.indices[index]]

    def target(self, index: int) -> Target:
        """What is true of picture `index`, without reading it, where the data set knows."""
        return self.dataset.target(self.indices[index])

    def path(self, index: int) -> Path:
        """Where picture `index` lies, if the data set lies on disk."""
        return self.dataset.path(self.indices[index])

    def ground_truth(self) -> dict:
        """The COCO-format dict of these images only; a data set lists its images in the order of its items."""
        truth = self.dataset.ground_truth()
        images = [truth["images"][i] for i in self.indices]
        keep = {image["id"] for image in images}
        annotations = [a for a in truth["annotations"] if a["image_id"] in keep]
        return {**truth, "images": images, "annotations": annotations}


def subset(dataset: Dataset, indices: Sequence[int]) -> Subset:
    """The items of `dataset` at `indices`, as a data set of its own. Raises ValueError when there is no such item."""
    return Subset(dataset, indices)


class Relabelled(Dataset):
    """A data set whose labels count in another order of the same classes."""

    def __init__(self, dataset: Dataset, names: Sequence[str]):
        """Raise ValueError where the classes are not the same."""
        known = tuple(dataset.names)
        if sorted(known) != sorted(names):
            gone, new = sorted(set(names) - set(known)), sorted(set(known) - set(names))
            said = [f"{' and '.join(part)} {word}" for part, word in ((gone, "missing"), (new, "new")) if part]
            raise ValueError(f"the classes are not the same: {', '.join(said)}")
        self.dataset, self.names = dataset, tuple(names)
        place = {name: i for i, name in enumerate(self.names)}
        self.places = torch.tensor([place[name] for name in known], dtype=torch.int64)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        picture, target = self.dataset[index]
        return picture, replace(target, labels=self.places[target.labels])

    def path(self, index: int) -> Path:
        """Where picture `index` lies, if the data set lies on disk."""
        return self.dataset.path(index)


def relabelled(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """`dataset` with labels that count in `names`, the same classes in any order; itself where the order is the same.

    Raises:
        ValueError: the classes are not the same; the message names those that are missing or new.
    """
    return dataset if tuple(dataset.names) == tuple(names) else Relabelled(dataset, names)


def _generator(*key: int) -> torch.Generator:
    """A random generator that depends on every number of `key` and on their order."""
    seed = 0
    for part in key:
        seed = (seed * 0x9E3779B97F4A7C15 + int(part) + 1) % 2**63  # spreads neighbouring keys apart
    return torch.Generator().manual_seed(seed)
