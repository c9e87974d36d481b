"""`dfine export` and `dfine benchmark`."""

import json

import pytest

from tests.cli.runner import run, sentence


def test_a_benchmark_of_nothing_is_refused():
    assert "name at least one size of n, s" in sentence(run("benchmark", "--sizes", ",", code=1))
    assert "name at least one engine of" in sentence(run("benchmark", "--engines", " ", code=1))


def test_a_benchmark_that_takes_seconds(tmp_path):
    file = tmp_path / "rows.json"
    options = ("--runs", 1, "--no-memory", "--precision", "bfloat16", "--device", "cpu", "--json", file)
    said = run("benchmark", "--sizes", "N", "--engines", "fused", "--input", 64, 96, *options).stdout
    assert "64 x 96, batch 1" in said
    told = json.loads(file.read_text())
    assert (told["input"], told["precision"], told["half"]) == ([64, 96], "bfloat16", "bf16")
    assert [(row["size"], row["engine"]) for row in told["rows"]] == [("n", "fused")]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    pytest.importorskip("onnxruntime")
    file = tmp_path_factory.mktemp("export") / "demo.onnx"
    names = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x"
    return file, run("export", "demo", file, "--input", 64, 96, "--batch", 0, "--names", names)


def test_an_export_says_how_far_it_is_from_torch_and_is_what_was_asked_for(exported):
    from dfine.engines.onnx.engine import OnnxEngine

    file, done = exported
    assert "trace.layers.edges" in done.stdout and "MB; differences are in units of" in done.stdout
    engine = OnnxEngine(file, "cpu")
    assert (engine.card.input_size, engine.about["batch"], engine.precision) == ((64, 96), None, "float32")
    assert engine.card.names == tuple("abcdefghijklmnopqrstuvwx") and engine.card.source == "demo"
    assert engine.card.words.startswith("---"), "the model card goes with the file"
    assert max(engine.about["parity"].values()) < 1e-3


def test_an_exported_file_detects(exported, tmp_path):
    out = tmp_path / "found.json"
    picture = "assets/examples/2-crowd.jpg"
    run("detect", picture, "--model", exported[0], "--threshold", 0.0, "--json", out)
    assert {found["label"] for found in json.loads(out.read_text())["detections"]} <= set("abcdefghijklmnopqrstuvwx")


@pytest.mark.parametrize(
    "options, said",
    [
        (("--half", "--precision", "int8"), "--half: is the older form of --precision float16"),
        (("--data", "scenes"), "--data: is what int8 is calibrated on"),
        (("--input", 64, 65), "two multiples of 32, not .64, 65."),
        (("--opset", 5), "opset is 5; it must be 18 to 23"),
    ],
)
def test_wishes_that_do_not_go_together_write_nothing(tmp_path, options, said):
    import re

    file = tmp_path / "a.onnx"
    assert re.search(said, sentence(run("export", "demo", file, *options, code=1)))
    assert not list(tmp_path.iterdir())
