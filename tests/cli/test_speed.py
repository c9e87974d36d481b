"""`dfine export` and `dfine benchmark`."""

import json

import pytest

from dfine.cli.speed import _stem
from tests.cli.runner import ROOT, run, sentence

EXAMPLE = ROOT / "assets" / "examples" / "2-crowd.jpg"


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
    run("detect", EXAMPLE, "--model", exported[0], "--threshold", 0.02, "--json", out)
    found = json.loads(out.read_text())["pictures"][0]["detections"]
    assert found and {one["name"] for one in found} <= set("abcdefghijklmnopqrstuvwx")


@pytest.mark.parametrize(
    "options, code, said",
    [
        (("--input", 64, 65), 2, "two multiples of 32"),
        (("--batch", -1), 2, "--batch"),
        (("--opset", 5), 1, "opset is 5; it must be 18 to 23"),
    ],
)
def test_what_cannot_be_exported_is_said_and_nothing_is_written(tmp_path, options, code, said):
    done = run("export", "demo", tmp_path / "a.onnx", *options, code=code)
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("model", "name"),
    [("runs/v1.5", "v1.5"), ("a/dfine_x.v2.pth", "dfine_x.v2"), ("me/dfine-n.1", "dfine-n.1"), ("demo", "demo")],
)
def test_an_exported_file_is_called_as_its_model(model, name):
    assert _stem(model) == name


def test_a_model_in_this_folder_has_the_name_of_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _stem(".") == tmp_path.name
