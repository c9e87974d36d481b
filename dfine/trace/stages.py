"""What the stages of a detection are called, in order: "initial", "layer 1" … "layer L"."""

from __future__ import annotations

INITIAL = "initial"  # the initial box, from which all layers' edges are measured
PROPOSALS = "proposals"  # what the encoder said before; it has no part in the refinement
PROPOSAL = "proposal"  # that of one query


def layer_name(number: int) -> str:
    """The name of decoder layer `number`, counted from 1."""
    return f"layer {number}"


def spoken(stage: str) -> str:
    """A stage's name in a sentence or over a picture: the initial one is a box, which only layers move."""
    return "initial box" if stage == INITIAL else stage


def stage_names(layers: int) -> list[str]:
    """The names of all stages of L `layers`: 1 + L of them.

    >>> stage_names(2)
    ['initial', 'layer 1', 'layer 2']
    """
    return list(stage_keys(layers))


def stage_keys(layers: int) -> dict[str, str | int]:
    """What every stage of L `layers` is called, and how `dfine.trace.postprocess` is asked for it: layers from 0 on.

    >>> stage_keys(2)
    {'initial': 'initial', 'layer 1': 0, 'layer 2': 1}
    """
    return {INITIAL: INITIAL} | {layer_name(i + 1): i for i in range(layers)}
