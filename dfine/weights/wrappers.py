"""What trainers put around weights: dictionaries around the state dict, and words in front of its keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import Tensor

from dfine.weights.exceptions import CheckpointError
from dfine.weights.layouts import State
from dfine.wording import some

DEPTH = 4  # of dictionaries within dictionaries
AVERAGES = ("ema", "averag", "swa")  # a place whose name has one of these holds averaged weights, which detect better

# Parts of keys that belong to a wrapper: DataParallel and DDP, torch.compile, FSDP, activation checkpointing.
WRAPPERS = frozenset(("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"))
COUNTS = frozenset(("n_averaged",))  # what wrappers keep of their own (torch's AveragedModel)


def find_state(content: object) -> State | None:
    """The state dict in what a file holds: bare, or under names like "model", "ema", "state_dict", "model_state_dict".

    Averaged weights come before others, if they are as many; else the place with the most tensors is taken. None where
    there are no tensors under names.
    """
    places = list(_places(content, ""))
    most = max((len(state) for _, state in places), default=0)
    whole = [(place, state) for place, state in places if 2 * len(state) > most]
    averaged = [state for place, state in whole if any(word in place.lower() for word in AVERAGES)]
    return max(averaged or [state for _, state in whole], key=len, default=None)


def _places(content: object, place: str, depth: int = DEPTH) -> Iterator[tuple[str, State]]:
    """Every dictionary in `content` that holds tensors under names, with the names that lead to it."""
    if not isinstance(content, dict) or not depth:
        return
    named = {key: value for key, value in content.items() if isinstance(key, str)}
    state = {key: value for key, value in named.items() if isinstance(value, Tensor)}
    if state:
        yield place, state
    for key, value in named.items():
        yield from _places(value, f"{place}.{key}", depth - 1)


def without_wrappers(state: State) -> State:
    """The state dict without what wrappers add (`WRAPPERS`, `COUNTS`)."""
    bare = {".".join(part for part in key.split(".") if part not in WRAPPERS): value for key, value in state.items()}
    return {key: value for key, value in bare.items() if key not in COUNTS}


def without_prefix(state: State, signs: Iterable[str]) -> State:
    """The part of a state dict that belongs to a detector, under the detector's own keys.

    In front of them stands what the network is called in something larger: `model.`, `ema.`, `student.` … Whatever
    else is in there (a criterion, a teacher) is left out. Of a network and its average the average is taken.

    Args:
        state: without wrappers.
        signs: pieces with which some key of a detector begins.

    Raises:
        CheckpointError: there are several detectors in it.
    """
    found = dict.fromkeys(key[: at[0]] for key in state if (at := [i for s in signs if (i := _start(key, s)) >= 0]))
    if not found or "" in found:
        return state
    averaged = [prefix for prefix in found if any(word in prefix.lower() for word in AVERAGES)]
    prefixes = averaged or list(found)
    if len(prefixes) > 1:
        raise CheckpointError(f"it holds several detectors, under {some(prefixes)}; save one of them by itself")
    return {key.removeprefix(prefixes[0]): value for key, value in state.items() if key.startswith(prefixes[0])}


def _start(key: str, sign: str) -> int:
    """Where the sign stands in the key, at its beginning or behind a dot; -1 where it does not."""
    if key.startswith(sign):
        return 0
    behind = key.find("." + sign)
    return behind + 1 if behind >= 0 else -1
