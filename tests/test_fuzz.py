"""A few odd inputs of everything that is parsed, the same every time; `benchmarks/fuzz.py` tries many."""

import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed")
pytest.importorskip("gradio")

from benchmarks import fuzz

NAMES = (
    *("COCO", "labelme", "YOLO, its YAML", "YOLO, its labels", "VOC", "JSON", "YAML", "names", "traces"),
    *("traces in JSON", "checkpoints", "safetensors", "configurations", "exported files", "calls"),
    *(f"pictures, {form}" for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")),
)


def test_every_target_is_tried(tmp_path):
    assert set(fuzz.Targets(tmp_path).all) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_odd_inputs_give_a_result_or_a_sentence(tmp_path, name):
    assert fuzz.fuzzed(name, 25, tmp_path) >= 20


@pytest.mark.parametrize("fault", [KeyError("a"), RecursionError(), AttributeError("'NoneType'"), ValueError("")])
def test_what_is_no_sentence_fails(fault):
    def run(_):
        raise fault

    with pytest.raises((type(fault), AssertionError)):
        fuzz.tried(run, None)
