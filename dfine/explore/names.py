"""Class names of a model and of a data set, matched by what they say and never by their position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dfine.data import labels
from dfine.wording import some


@dataclass(frozen=True)
class Names:
    """Which class of a model is which class of a data set."""

    columns: tuple[str, ...]  # the name of every column of the model, in the data set's spelling where it has it
    matched: dict[str, str]  # the model's name -> the data set's
    model_only: tuple[str, ...]
    data_only: tuple[str, ...]
    ignore: tuple[int, ...]  # columns that are not stored: unused ones, and classes that the data set does not have

    def report(self) -> dict:
        """Plain values for `dataset.info`."""
        return {"matched": self.matched, "model_only": list(self.model_only), "data_only": list(self.data_only)}

    def __str__(self) -> str:
        if not self.matched:
            return f"no answers to compare with: all {len(self.model_only)} classes of the model are stored"
        parts = [f"{len(self.matched)} classes matched by name"]
        renamed = [f"{mine} = {theirs}" for mine, theirs in self.matched.items() if mine != theirs]
        parts += [f"written differently: {some(renamed)}"] if renamed else []
        parts += [f"only in the model, left out: {some(self.model_only)}"] if self.model_only else []
        parts += [f"only in the data, counted as missed: {some(self.data_only)}"] if self.data_only else []
        return "; ".join(parts)


def match(model: Sequence[str], data: Sequence[str]) -> Names:
    """Match the columns of a model with the classes of a data set.

    By what they say (`labels.same`); a class of either side is matched once.

    Args:
        model: the name of each column; "" for one that is never reported.
        data: the classes of the data set; none where it has no answers, and then nothing is left out.

    Raises:
        ValueError: the two have no class in common.
    """
    unused = labels.unused(tuple(model))
    open_columns = [i for i in range(len(model)) if i not in unused]
    theirs = {mine: name for name, mine in labels.same(data, model).items()}
    matched = {i: theirs[model[i]] for i in open_columns if model[i] in theirs}
    if data and not matched:
        raise ValueError(
            f"the model and the data set share no class name: the model has {some([model[i] for i in open_columns])}, "
            f"the data set {some(data)}; rename the data set's classes, "
            "name the model's (--names), or take a model that knows them"
        )
    taken = set(matched.values())
    others = [i for i in open_columns if i not in matched]
    return Names(
        columns=tuple(matched.get(i, name) for i, name in enumerate(model)),
        matched={model[i]: matched[i] for i in open_columns if i in matched},
        model_only=tuple(model[i] for i in others),
        data_only=tuple(name for name in data if name not in taken),
        ignore=(*unused, *others) if data else unused,
    )
