"""The front door: what `import dfine` offers, and that it costs nothing."""

import inspect
import subprocess
import sys
import time
import typing
from pathlib import Path
from typing import get_type_hints

import pytest

import dfine

ROOT = Path(__file__).parents[1]
NAMES = """load zoo Predictor Result Trace History Detections stream tiled evaluate export CheckpointError PictureError
    __version__""".split()


def test_it_offers_exactly_these_names():
    assert sorted(dfine.__all__) == sorted(NAMES)
    assert set(NAMES) <= set(dir(dfine))


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_under_its_own_name(name):
    value = getattr(dfine, name)
    assert value is getattr(dfine, name)
    assert name == "__version__" or value.__name__ == name


def test_other_names_are_refused_as_by_any_module():
    with pytest.raises(AttributeError, match="module 'dfine' has no attribute 'lode'"):
        dfine.lode  # noqa: B018
    with pytest.raises(ImportError, match="lode"):
        from dfine import lode  # noqa: F401


def test_importing_it_is_quick_and_imports_no_torch():
    code = "import sys, dfine; print({'torch', 'numpy', 'PIL'} & set(sys.modules))"
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "set()", done.stderr
    assert time.perf_counter() - started < 20, "0.1 s on a quiet machine"


CALLED = ("__init__", "__call__", "__getitem__", "__iter__", "__len__")  # of what Python itself calls


def functions(value):
    """A function, or all that people call of a class and its bases here: methods, and what properties run."""
    if inspect.isfunction(value):
        return {value.__name__: value}
    bases = [base for base in value.__mro__ if base.__module__.startswith("dfine")]
    found = {f"{base.__name__}.{name}": one for base in bases for name, one in vars(base).items()}
    found = {place: getattr(one, "fget", None) or getattr(one, "__func__", one) for place, one in found.items()}
    own = {place: one for place, one in found.items() if inspect.isfunction(one)}
    return {place: one for place, one in own.items() if "__" not in one.__name__ or one.__name__ in CALLED}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "__version__"])
def test_every_parameter_and_answer_has_its_type(name):
    """What `py.typed` promises to checkers of types."""
    for place, function in functions(getattr(dfine, name)).items():
        hints, parameters = get_type_hints(function), inspect.signature(function).parameters
        assert [one for one in parameters if one not in hints and one not in ("self", "cls")] == [], place
        assert "return" in hints or function.__name__ == "__init__", f"{place} does not say what it gives"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 does not keep overloads")
def test_a_picture_gives_a_result_and_a_list_of_them_a_list():
    given = [get_type_hints(one)["return"] for one in typing.get_overloads(dfine.Predictor.__call__)]
    assert given == [dfine.Result, list[dfine.Result]]
