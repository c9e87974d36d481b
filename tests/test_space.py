import re
import runpy
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


@pytest.fixture(scope="module")
def script():
    pytest.importorskip("gradio")
    pytest.importorskip("plotly")
    return runpy.run_path(str(ROOT / "assets" / "make_space.py"))


def settings(text: str) -> dict:
    """The front matter of a README."""
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load(re.match(r"---\n(.*?)\n---\n", text, re.S)[1])


def test_the_front_matter_is_what_a_space_takes(script):
    front = settings(script["readme"]())
    assert front["sdk"] == "gradio" and front["sdk_version"] == version("gradio")
    assert front["python_version"] == "{}.{}".format(*sys.version_info[:2])
    assert (ROOT / front["app_file"]).is_file() and front["license"] == "apache-2.0"
    assert {front["colorFrom"], front["colorTo"]} <= COLOURS
    assert len(front["short_description"]) <= 60
    assert front["preload_from_hub"] == ["ustc-community/dfine-nano-coco config.json,model.safetensors"]
    assert "{" not in script["readme"]()  # nothing left to fill in


def test_every_package_of_the_page_is_pinned(script):
    lines = script["requirements"]().splitlines()
    pins = dict(line.split("==") for line in lines)
    assert pins == {name: version(name).split("+")[0] for name in pins}
    assert {"torch", "torchvision", "safetensors", "huggingface_hub", "plotly", "pillow"} <= set(pins)
    assert {"onnx", "onnxruntime", "openvino"} <= set(pins)  # a CPU answers sooner with them
    assert not {"gradio", "fiftyone", "tensorboard"} & set(pins)


@pytest.mark.parametrize("zero_gpu", [False, True])
def test_a_space_can_do_whatever_the_installed_page_can(script, zero_gpu):
    """Its tab for videos and photographs of phones need packages that nothing else brings along."""
    tomllib = pytest.importorskip("tomllib")
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["app"]
    page = {re.match(r"[\w-]+", line)[0] for line in extra} - {"gradio"}
    assert {"av", "pi-heif"} <= page
    assert page <= {line.split("==")[0] for line in script["requirements"](zero_gpu=zero_gpu).splitlines()}


def test_zero_gpu_chooses_its_own_torch(script):
    lines = script["requirements"](zero_gpu=True).splitlines()
    assert lines[:3] == ["spaces", "torch", "torchvision"]
    assert not any(line.startswith(("onnx", "openvino")) for line in lines)
    assert "torch==2.6.0" in script["requirements"](zero_gpu=True, torch="2.6.0").splitlines()
    assert "suggested_hardware" not in settings(script["readme"](zero_gpu=True))


def test_the_folder_holds_the_page_and_no_more(script, tmp_path, monkeypatch):
    # A copy of the project, so that it does not matter whether the shipped checkpoint is there yet.
    project = tmp_path / "project"
    for part in ("dfine", "assets/examples", "assets/space"):
        shutil.copytree(ROOT / part, project / part)
    for part in ("app.py", "LICENSE"):
        shutil.copy2(ROOT / part, project / part)
    make = script["make"]
    monkeypatch.setitem(make.__globals__, "ROOT", project)
    with pytest.raises(ValueError, match="assets/checkpoints is not in"):
        make(tmp_path / "space")
    (project / "assets" / "checkpoints" / "demo").mkdir(parents=True)
    (project / "assets" / "checkpoints" / "demo" / "config.json").write_text("{}")
    out = make(tmp_path / "space")
    names = {p.relative_to(out).parts[0] for p in out.rglob("*") if p.is_file()}
    assert names == {"app.py", "LICENSE", "README.md", "requirements.txt", "dfine", "assets"}
    assert (out / "dfine" / "page" / "styles" / "page.css").is_file()  # not only Python
    assert (out / "assets" / "checkpoints" / "demo" / "config.json").is_file()
    assert not list(out.rglob("__pycache__")) and not (out / "assets" / "space").exists()
    with pytest.raises(ValueError, match="name a new folder"):
        make(out)
