"""A layout: what others call the weights that are ours, as one table of names that is applied in both directions.

`official.py` and `transformers.py` hold the two layouts that are in use, `identify.py` tells whose keys these are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dfine.config import Config
from dfine.weights.exceptions import CheckpointError
from dfine.wording import some

State = dict[str, Tensor]
Row = tuple[str | tuple[str, ...], str]

# Not weights: anchors follow from the input size; the others say which D-FINE this is (`identify.describe`).
FACTS = re.compile(r"(?:^|\.)(anchors|valid_mask|up|reg_scale|num_points_scale)$")

COUNTER = "num_batches_tracked"  # of a BatchNorm; published code has none of those that are frozen

PARTS = "qkv"
PROJECTION = re.compile(rf"(.*\.self_attn\.)([{PARTS}])_proj\.(weight|bias)")  # one of the three that torch joins
JOINED = re.compile(r"(.*\.self_attn\.)in_proj_(weight|bias)")


@dataclass(frozen=True)
class Layout:
    """How others name the weights.

    A row of the table is (their name, our name), both of them a piece of a key. A piece that begins with a dot may
    stand anywhere in the key, any other stands at its beginning. `#` is a number, `@` one word between dots, and `*`
    anything; they come in the same order on both sides. Where several of their names mean the same weight, the first
    is the one to write.

    Rows are applied to a key from top to bottom when reading, and from bottom to top when writing, so that a row may
    build on those above it.
    """

    name: str
    sign: str  # a key that begins with it gives the layout away
    table: tuple[Row, ...] = ()
    split: bool = False  # whether query, key and value of self-attention are separate matrices

    def read(self, state: State) -> State:
        """Their weights under our names, without what is no weight (`FACTS`).

        Raises:
            CheckpointError: two keys become one and their values differ.
        """
        rows = [(_pattern(name), _template(ours)) for theirs, ours in self.table for name in _each(theirs)]
        renamed: State = {}
        origin: dict[str, str] = {}
        for key, tensor in state.items():
            if FACTS.search(key):
                continue
            name = _renamed(key, rows)
            if name in renamed and not torch.equal(renamed[name], tensor):
                raise CheckpointError(f"{origin[name]} and {key} are the same weight, but they hold different values")
            renamed[name], origin[name] = tensor, key
        return _joined(renamed)

    def write(self, weights: State) -> State:
        """Our weights under their names: the inverse of `read`, which is made sure of.

        Raises:
            CheckpointError: some of them have no name there.
        """
        rows = [(_pattern(ours), _template(_each(theirs)[0])) for theirs, ours in reversed(self.table)]
        parts = dict(_parts(weights)) if self.split else weights
        written = {_renamed(key, rows): tensor.detach().cpu().contiguous() for key, tensor in parts.items()}

        back = self.read(written)
        lost = weights.keys() ^ back.keys() or {k for k, v in weights.items() if not torch.equal(v.cpu(), back[k])}
        if lost:
            raise CheckpointError(f"the {self.name} layout has no place for these weights: {some(sorted(lost))}")
        return written


def sampling_scale(config: Config) -> Tensor:
    """What both layouts keep of every cross attention besides its weights: 1/n for each of the n points of a level."""
    return torch.tensor([1 / n for n in config.points for _ in range(n)])


def _each(theirs: str | tuple[str, ...]) -> tuple[str, ...]:
    return (theirs,) if isinstance(theirs, str) else theirs


WILD = {"#": r"(\d+)", "@": r"([^.]+)", "*": "(.*)"}


def _pattern(piece: str) -> re.Pattern:
    """The regular expression of a piece of a key."""
    body = "".join(WILD.get(c) or re.escape(c) for c in piece)
    return re.compile(body if piece.startswith(".") else f"^{body}")


def _template(piece: str) -> str:
    """The same piece with what was matched in the place of its wild cards."""
    first, *others = re.split(r"[#@*]", piece)
    return first + "".join(rf"\g<{i}>{part}" for i, part in enumerate(others, 1))


def _renamed(key: str, rows: Iterable[tuple[re.Pattern, str]]) -> str:
    for pattern, template in rows:
        key = pattern.sub(template, key)
    return key


def _joined(weights: State) -> State:
    """Query, key and value projections as the one matrix that torch keeps.

    Where one of the three is missing the others keep their names, so that they are called left over.
    """
    joined = dict(weights)
    for name, kind in dict.fromkeys((m[1], m[3]) for m in map(PROJECTION.fullmatch, weights) if m):
        keys = [f"{name}{part}_proj.{kind}" for part in PARTS]
        if all(key in weights for key in keys):
            joined[f"{name}in_proj_{kind}"] = torch.cat([joined.pop(key) for key in keys])
    return joined


def _parts(weights: State) -> Iterator[tuple[str, Tensor]]:
    """The inverse of `_joined`."""
    for key, tensor in weights.items():
        match = JOINED.fullmatch(key)
        if match:
            yield from ((f"{match[1]}{p}_proj.{match[2]}", t) for p, t in zip(PARTS, tensor.chunk(len(PARTS))))
        else:
            yield key, tensor
