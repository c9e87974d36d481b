"""What all records share: shapes that are checked, tensors that are mapped."""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor

SCHEMA = 1  # version of everything that is written to disk


def check_shape(record: object, name: str, value: Tensor, *shape: int | None) -> None:
    """Raise ValueError when `value` does not have `shape`; None stands for any length."""
    ok = value.ndim == len(shape) and all(want is None or want == have for want, have in zip(shape, value.shape))
    if not ok:
        want = "[" + ", ".join("any" if s is None else str(s) for s in shape) + "]"
        raise ValueError(f"{type(record).__name__}.{name} has shape {list(value.shape)}, expected {want}")


class Record:
    """Shared by the records of tensors: the same record with every tensor mapped."""

    def map(self, fn):
        """The same record with `fn` applied to every tensor in it."""
        return type(self)(**{f.name: _map(getattr(self, f.name), fn) for f in fields(self)})

    def cpu(self):
        """The same record detached, in float32, on the CPU. From a GPU its numbers travel together."""
        plain = self.map(lambda t: (t.float() if t.is_floating_point() else t).detach())
        tensors = []
        plain.map(lambda t: tensors.append(t) or t)
        if not tensors or tensors[0].device.type == "cpu":
            return plain
        moved = iter(together(tensors))
        return plain.map(lambda t: next(moved))


def together(tensors: list[Tensor]) -> list[Tensor]:
    """The same tensors on the CPU, all those of a type in one copy: each copy from a GPU waits for it."""
    moved = [None] * len(tensors)
    for kind in {t.dtype for t in tensors}:
        places = [i for i, t in enumerate(tensors) if t.dtype == kind]
        flat = torch.cat([tensors[i].flatten() for i in places]).cpu()
        for i, part in zip(places, flat.split([tensors[i].numel() for i in places])):
            moved[i] = part.view(tensors[i].shape)
    return moved


def _map(value, fn):
    if isinstance(value, Tensor):
        return fn(value)
    if isinstance(value, Record):
        return value.map(fn)
    if isinstance(value, tuple) and value and isinstance(value[0], Record):
        return tuple(v.map(fn) for v in value)
    return value
