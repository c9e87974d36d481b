"""The benchmark's table: operations as published, every engine in turn, sums done right."""

import json

import pytest
import torch
from typer.testing import CliRunner

from dfine.cli.main import app
from dfine.config import Config
from dfine.engines.benchmark import _related, _row, benchmark, shown
from dfine.engines.compared import Setting
from dfine.network.detector import DFINE


def test_a_row_by_hand():
    fused = _row("n", "fused", (3.8, 7.1), [30.0, 10.0, 20.0, 40.0], Setting(batch=2), 50.0)
    assert fused.ratio is None and _related([fused]) == [fused]
    _, row = _related([_row("n", "transformers", (3.8, 7.1), [50.0], Setting(batch=2), 50.0), fused])
    assert (row.median, row.late, row.best, row.rate, row.ratio) == (25.0, 40.0, 10.0, 80.0, 0.5)
    line = shown([row])[0]
    assert line["size"] == "N" and line["× transformers"] == "0.50" and line["pictures/s"] == "80.0"
    assert shown([_row("n", "x", (1, 1), [1.0], Setting(), None)])[0]["× transformers"] is None


def test_every_engine_is_measured():
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    setting = Setting(("n",), ("torch", "fused", "onnx"), (64, 64), runs=2, layers=True, memory=False)
    rows = benchmark(setting)
    names = [row.engine for row in rows]
    assert names == ["torch", "fused", "fused, 1 of 3 layers", "fused, 2 of 3 layers", "onnx"]
    assert all(0 < row.best <= row.median <= row.late and row.ratio is None for row in rows)


def test_transformers_is_what_all_are_compared_with():
    pytest.importorskip("transformers")
    rows = benchmark(Setting(("n",), ("transformers", "fused"), (64, 64), runs=2, memory=False))
    assert rows[0].engine == "transformers" and rows[0].ratio == 1
    assert rows[1].ratio == pytest.approx(rows[1].median / rows[0].median)


def breaks(pixels):
    raise RuntimeError("operation not permitted when stream is capturing")


def test_an_engine_that_fails_costs_the_others_nothing(monkeypatch):
    """On a GPU that nobody has for long, a whole table would be lost to it."""
    made = lambda network, setting, folder: {"graphs": lambda: breaks, "torch": lambda: network}  # noqa: E731
    monkeypatch.setattr("dfine.engines.benchmark.builders", made)
    setting, told = Setting(("n",), ("torch",), (64, 64), runs=1, memory=False), []
    assert [row.engine for row in benchmark(setting, told.append)] == ["torch"]
    assert "left out graphs: operation not permitted when stream is capturing" in told
    monkeypatch.setattr("dfine.engines.benchmark.builders", lambda *_: {"graphs": lambda: breaks})
    with pytest.raises(RuntimeError, match="not permitted"):
        benchmark(setting)


def test_the_commands(tmp_path):
    """Export a model, look at what it says, and measure it, from the command line."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from dfine.inference.load import load
    from tests.helpers import predictor

    torch.manual_seed(0)
    network = DFINE(Config.of("n", classes=2, queries=10))
    predictor(network, ("sun", "moon"), (64, 64)).save(tmp_path / "m")
    run = CliRunner()
    done = run.invoke(app, ["export", str(tmp_path / "m"), str(tmp_path / "m.onnx"), "--input", "64", "96"])
    assert done.exit_code == 0, done.output
    assert "trace.layers.edges" in done.output and load(tmp_path / "m.onnx").size == (64, 96)

    command = "benchmark --sizes n --engines fused --input 64 64 --runs 1 --no-memory --device cpu --json"
    done = run.invoke(app, [*command.split(), str(tmp_path / "t.json")])
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "t.json").read_text())["rows"]
    assert [row["engine"] for row in rows] == ["fused"] and "fused" in done.stdout
