"""The front door: what `import dfine` offers, and that it costs nothing."""

import subprocess
import sys
import time
from pathlib import Path

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
