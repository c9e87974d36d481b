"""What trainers put around weights is taken off again."""

import pytest
import torch

from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.weights.exceptions import CheckpointError
from dfine.weights.identify import translate
from dfine.weights.official import to_official
from dfine.weights.tensors import read_tensors
from dfine.weights.transformers import to_transformers
from dfine.weights.wrappers import find_state, without_prefix, without_wrappers
from tests.helpers import shaken

ONE, TWO = {"a.b": torch.ones(1), "c": torch.ones(2)}, {"a.b": torch.zeros(1), "c": torch.zeros(2)}


@pytest.mark.parametrize(
    "content", [None, 3, [], {}, {"model": 3}, {"model": {}}, {0: torch.ones(1)}, [{"a": torch.ones(1)}]]
)
def test_nothing_is_found_where_nothing_is(content):
    assert find_state(content) is None


@pytest.mark.parametrize(
    "content",
    [
        ONE,
        {"model": ONE},
        {"state_dict": ONE, "epoch": 3, "optimizer_states": [{"state": {0: TWO}}]},
        {"model_state_dict": ONE, "optimizer_state_dict": {"state": {0: {"step": torch.ones(1)}}}},
        {"model": TWO, "ema": {"module": ONE, "updates": 5}},
        {"model": TWO, "ema": ONE},
        {"model": TWO, "ema_state_dict": ONE},
        {"checkpoint": {"model": TWO, "params_ema": ONE}},
        {"model": ONE, "ema": None},
        {"model": ONE, "ema": {"decay": torch.ones(1)}},  # an average that holds no weights
        {"network": ONE, "best": torch.ones(1)},
        {"model": ONE | {"epoch": 3}},
    ],
)
def test_weights_are_found_in_what_is_around_them(content):
    assert find_state(content) == ONE


@pytest.mark.parametrize("key", ["module.a.b", "_orig_mod.a.b", "module._orig_mod.a.b", "a._orig_mod.b", "a.module.b"])
def test_wrappers_are_no_part_of_a_key(key):
    assert list(without_wrappers({key: torch.ones(1)})) == ["a.b"]


def keys(*names):
    return {name: torch.ones(1) for name in names}


@pytest.mark.parametrize(
    "names, left",
    [
        (("sign.a", "b"), ("sign.a", "b")),
        (("model.sign.a", "model.b"), ("sign.a", "b")),
        (("model.sign.a", "model.b", "criterion.c"), ("sign.a", "b")),
        (("model.sign.a", "ema.sign.a", "ema.b"), ("sign.a", "b")),
        (("a", "design.a"), ("a", "design.a")),
    ],
)
def test_what_the_detector_is_called_is_taken_off(names, left):
    assert without_prefix(keys(*names), ["sign."]) == keys(*left)


def test_two_detectors_in_one_file_are_refused():
    with pytest.raises(CheckpointError, match="several detectors, under student., teacher.; save one of them"):
        without_prefix(keys("student.sign.a", "teacher.sign.a"), ["sign."])


def named(prefix):
    return lambda state: {prefix + key: value for key, value in state.items()}


AROUND = {
    "bare": lambda state: state,
    "DDP": lambda state: {"model": named("module.")(state)},
    "compiled": lambda state: {"model": named("_orig_mod.")(state)},
    "compiled, bare": named("_orig_mod."),
    "a module that holds it": named("model."),
    "Lightning": lambda state: {
        "epoch": 3,
        "global_step": 30,
        "state_dict": named("model.")(state) | {"criterion.weight": torch.ones(80)},
        "optimizer_states": [],
    },
    "Lightning with a plain network": lambda state: {"epoch": 3, "state_dict": dict(state)},
    "model_state_dict": lambda state: {"epoch": 3, "model_state_dict": dict(state), "optimizer_state_dict": {}},
    "a bare average": lambda state: {"ema": dict(state)},
    "an average of DDP": lambda state: {"ema": {"module": named("module.")(state)}},
    "an average among the keys": lambda state: named("ema.module.")(state) | named("model.")(blank(state)),
    "the average of torch": lambda state: named("module.")(state) | {"n_averaged": torch.tensor(5)},
    "weights and average": lambda state: {"model": blank(state), "ema": {"module": state, "updates": 9, "warmups": 9}},
}


def blank(state):
    return {key: torch.zeros_like(value) for key, value in state.items()}


@pytest.fixture(scope="module")
def network():
    return shaken(DFINE(Config.of("n", classes=3)))


@pytest.mark.parametrize("layout", ["official", "transformers", "ours"])
@pytest.mark.parametrize("around", list(AROUND))
def test_files_as_other_tools_write_them(tmp_path, network, layout, around):
    ways = {"official": lambda n: to_official(n, (64, 64)), "transformers": to_transformers, "ours": DFINE.state_dict}
    torch.save(AROUND[around](ways[layout](network)), tmp_path / "a.ckpt")
    weights, _, found = translate(read_tensors(tmp_path / "a.ckpt"))
    assert found.name == {"ours": "this project"}.get(layout, layout)
    own = network.state_dict()
    assert weights.keys() == own.keys() and all(torch.equal(weights[key], own[key]) for key in own)
