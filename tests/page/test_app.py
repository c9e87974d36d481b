"""`python app.py`: its options, and what it says where it cannot start. What it serves is tested in tests/page."""

import re

import pytest

pytest.importorskip("gradio")

import app  # noqa: E402


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
