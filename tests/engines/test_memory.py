"""The memory that an engine adds at its peak."""

import os
from pathlib import Path

import pytest

from dfine.engines import memory
from dfine.engines.benchmark import benchmark
from dfine.engines.compared import Setting
from dfine.engines.memory import added


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells a process's peak memory")
def test_the_memory_of_an_exported_file_is_told_as_well():
    """Weights of 15 MB lie in it at least once, whoever runs it."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    rows = benchmark(Setting(("n",), ("fused", "onnx"), (64, 64), runs=1))
    assert all(15 < row.memory < 500 for row in rows)


def test_on_a_gpu_the_books_of_torch_tell_it(tmp_path):
    assert added("n", "fused", Setting(("n",), ("fused",), device="cuda"), tmp_path) is None


def _killed(*_):
    os._exit(9)


def test_an_engine_that_the_system_ends_costs_no_benchmark(tmp_path, monkeypatch):
    """As where it takes more memory than there is."""
    monkeypatch.setattr(memory, "_peak", _killed)
    assert added("n", "fused", Setting(("n",), ("fused",), (64, 64)), tmp_path) is None
