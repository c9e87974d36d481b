"""The command that serves the page: its options, and what it says where it cannot start."""

import re
import runpy
import sys
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from dfine.page import app

ROOT = Path(__file__).parents[2]


def test_a_model_that_is_not_there_stops_the_start_with_a_sentence(capsys):
    with pytest.raises(SystemExit) as stop:
        app.main(["--model", "no-such-model", "--port", "1"])
    assert re.match(r"app\.py: .*no-such-model", str(stop.value))


def test_options_are_explained(capsys):
    with pytest.raises(SystemExit) as stop:
        app.main(["--help"])
    assert not stop.value.code
    said = capsys.readouterr().out
    assert all(option in said for option in ("--model", "--host", "--port", "--device", "--no-fetch", "DFINE_MODEL"))


def test_the_shim_of_a_space_is_the_same_command(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["app.py", "--help"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
    assert not stop.value.code and capsys.readouterr().out.startswith("usage: app.py")
