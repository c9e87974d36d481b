"""What all records of tensors share: checked shapes, a function mapped over them, and a short way to be printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from numbers import Integral
from typing import Any, TypeVar

import torch
from torch import Tensor

from dfine.config import STRIDES

SCHEMA = 1  # version of everything that is written to disk
COARSEST = STRIDES[-1]  # pixels of the network's input per cell of its coarsest level, in every size
Same = TypeVar("Same", bound="Record")
LARGEST = 8192  # pixels of a side of the input: beyond it a single picture takes more memory than a machine has


def fits(side: int) -> bool:
    """Whether a side of the network's input divides into cells of every level."""
    return side >= COARSEST and side % COARSEST == 0


def checked_size(size: object, where: str = "the input size") -> tuple[int, int]:
    """An input size that the network can take, (height, width) in pixels.

    Args:
        size: two whole numbers, as a tuple or list.
        where: what is wrong if it is none, as the message begins.

    Raises:
        ValueError: it is not two multiples of 32, or a side has more than `LARGEST` pixels.
    """
    pair = isinstance(size, (tuple, list)) and len(size) == 2
    if not pair or not all(isinstance(side, Integral) and fits(side) for side in size):
        raise ValueError(f"{where} is (height, width), two multiples of {COARSEST}, not {size!r}")
    if max(size) > LARGEST:
        raise ValueError(f"{where} is {size[0]} x {size[1]}; a side has at most {LARGEST} pixels")
    return int(size[0]), int(size[1])


def check_shape(record: object, name: str, value: Tensor, *shape: int | None) -> None:
    """Raise ValueError when `value` does not have `shape`; None stands for any length."""
    ok = value.ndim == len(shape) and all(want is None or want == have for want, have in zip(shape, value.shape))
    if not ok:
        want = "[" + ", ".join("any" if s is None else str(s) for s in shape) + "]"
        raise ValueError(f"{type(record).__name__}.{name} has shape {list(value.shape)}, expected {want}")


class Comparable:
    """The base of dataclasses of tensors: equal where they are of one class and every number in them is the same."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # Set before `dataclass` looks: what it writes itself asks tensors for one truth value, and they refuse.
        cls.__eq__, cls.__hash__ = Comparable.__eq__, Comparable.__hash__

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or all(_same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    def __hash__(self) -> int:  # of the shapes of the tensors, which are equal in what is equal
        values = (getattr(self, f.name) for f in fields(self))
        return hash((type(self), *(value.shape for value in values if isinstance(value, Tensor))))


class Record(Comparable):
    """The base of records that hold tensors, other records, or tuples of records.

    Its dataclasses have `repr=False`: printed, a record shows the shapes of its tensors, not thousands of numbers.
    """

    def map(self: Same, fn: Callable[[Tensor], Tensor]) -> Same:
        """The same record with `fn` applied to every tensor in it."""
        return type(self)(**{f.name: _map(getattr(self, f.name), fn) for f in fields(self)})

    def tensors(self) -> list[Tensor]:
        """Every tensor in the record, in the order in which `map` meets them."""
        return [tensor for f in fields(self) for tensor in _tensors(getattr(self, f.name))]

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled and copied: of tensors that are parts of larger ones, those parts only."""
        return dict(vars(self.map(_own)))

    def __repr__(self) -> str:
        parts = (f"{f.name}={_shown(getattr(self, f.name))}" for f in fields(self) if f.repr)
        return f"{type(self).__name__}({', '.join(parts)})"

    def cpu(self: Same) -> Same:
        """The same record detached, in float32, on the CPU. From a GPU its tensors are copied together."""
        plain = self.map(_plain)
        tensors = plain.tensors()
        if not tensors or tensors[0].device.type == "cpu":
            return plain
        moved = iter(together(tensors))
        return plain.map(lambda _: next(moved))


def _same(a: object, b: object) -> bool:
    """Whether two fields hold the same: tensors of one type the same numbers, wherever they lie."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.dtype == b.dtype and torch.equal(a, b.to(a.device))
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return a is b or bool(a == b)


def _shown(value) -> str:
    """One field of a record as it is printed: of a tensor its type and shape, or its few numbers."""
    if isinstance(value, Tensor):
        if value.ndim == 1 and len(value) <= 4:
            return str([float(f"{number:.4g}") for number in value.tolist()])
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, tuple) and value and isinstance(value[0], Record):
        return f"{len(value)} x {value[0]!r}"
    return repr(value)


def _own(tensor: Tensor) -> Tensor:
    """The same numbers in no more memory than they take."""
    return tensor.clone() if tensor.untyped_storage().nbytes() > tensor.nbytes else tensor


def _plain(tensor: Tensor) -> Tensor:
    """Detached, and in single precision unless it holds whole numbers."""
    return (tensor.float() if tensor.is_floating_point() else tensor).detach()


def together(tensors: list[Tensor]) -> list[Tensor]:
    """The same tensors on the CPU. All those of one type go in one copy, because every copy waits for the GPU."""
    moved = [None] * len(tensors)
    for kind in {t.dtype for t in tensors}:
        places = [i for i, t in enumerate(tensors) if t.dtype == kind]
        flat = torch.cat([tensors[i].flatten() for i in places]).cpu()
        for i, part in zip(places, flat.split([tensors[i].numel() for i in places])):
            moved[i] = part.view(tensors[i].shape)
    return moved


def _tensors(value) -> list[Tensor]:
    """The tensors in one field of a record: the field itself, or those of the record or records in it."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Record):
        return value.tensors()
    if isinstance(value, tuple) and value and isinstance(value[0], Record):
        return [tensor for record in value for tensor in record.tensors()]
    return []


def _map(value, fn):
    """One field of a record with `fn` applied to its tensors; other values stay."""
    if isinstance(value, Tensor):
        return fn(value)
    if isinstance(value, Record):
        return value.map(fn)
    if isinstance(value, tuple) and value and isinstance(value[0], Record):
        return tuple(v.map(fn) for v in value)
    return value
