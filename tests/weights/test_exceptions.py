"""Errors that whoever catches ValueError catches."""

import pytest

from dfine.weights.exceptions import CheckpointError, OfflineError, refused


def test_what_is_offline_is_a_checkpoint_that_cannot_be_had():
    assert issubclass(OfflineError, CheckpointError) and issubclass(CheckpointError, ValueError)


def test_a_value_that_is_refused_says_where_it_stands_once():
    with refused("mine"):
        pass
    with pytest.raises(CheckpointError, match="^mine: no size$"), refused("mine"):
        raise ValueError("no size")
    with pytest.raises(CheckpointError, match="^no size$"), refused():
        raise ValueError("no size")
    with pytest.raises(OfflineError, match="^not here$"), refused("mine"):
        raise OfflineError("not here")
    with pytest.raises(KeyError), refused("mine"):
        raise KeyError("other mistakes stay what they are")
