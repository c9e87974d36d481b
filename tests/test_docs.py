"""The documents: links that lead somewhere, the library's order as it is, and a site that builds without a warning."""

import importlib
import os
import re
import runpy
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import dfine
from dfine.data import scenes
from dfine.engines.onnx.export import Options

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "SPACE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
    ROOT / "dfine" / "explore" / "README.md",
    *sorted((ROOT / "assets" / "checkpoints").glob("*/README.md")),
]
LINK = re.compile(r"!?\[[^\[\]]*\]\(([^()\s]+)\)")


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    """What a forge makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text(encoding="utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    for target in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        there = (page.parent / path).resolve() if path else page
        assert there.exists() and there.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(there), target


def test_a_figure_is_there_for_a_reason():
    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    unused = [path.name for path in (ROOT / "assets" / "figures").iterdir() if path.name not in texts]
    assert not unused


def test_the_readme_opens_with_what_it_is_a_picture_and_two_ways_in():
    opening = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## ")[0]
    positions = [opening.index(part) for part in ("# D-FINE Lens", "![", "```bash", "```python")]
    assert positions == sorted(positions) and len(opening.splitlines()) < 40


def test_the_python_of_the_readme_runs_as_it_stands(capsys):
    pytest.importorskip("gradio")
    opening = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## ")[0]
    exec(opening.split("```python\n")[1].split("```")[0], {})
    assert len(re.findall(r"\[ *-?[\d.]+, +-?[\d.]+\]", capsys.readouterr().out)) == 4, "the intervals of four edges"


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A folder to work in, with the files that the documents' Python names."""
    gradio = Path(pytest.importorskip("gradio").__file__).parent
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("picture.jpg", "large.jpg", "folder/one.jpg"):
        shutil.copy(gradio / "media_assets" / "images" / "cheetah1.jpg", name)
    scenes.write(tmp_path / "my_data", scenes.Scenes(20, size=96, seed=3))  # enough to hold a tenth out


def python_of(page, heading):
    """The Python of a part of a page."""
    part = (ROOT / "docs" / page).read_text(encoding="utf-8").split(f"# {heading}\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"^```python\n(.*?)^```", part, re.DOTALL | re.MULTILINE))


def test_the_python_of_looking_inside_and_at_many_pictures_runs_as_it_stands(pictures, capsys):
    for package in ("faster_coco_eval", "onnxruntime", "plotly", "pyarrow"):
        pytest.importorskip(package)
    many = python_of("python.md", "Many pictures, large pictures").split("import ray")[0]
    exec(python_of("python.md", "What comes back") + many, {})
    assert all(
        Path(name).stat().st_size > 1000
        for name in ("boxes.png", "layers.html", "card.png", "found.parquet", "model.onnx")
    )
    printed = capsys.readouterr().out
    assert "folder/one.jpg Detections(1" in printed and "layer 3" in printed


def test_the_python_of_training_runs_as_it_stands_but_for_its_length(pictures, capsys):
    pytest.importorskip("faster_coco_eval")
    text = python_of("train.md", "From Python")
    for written, here in (("320", "64"), ("batch=16", "batch=8"), ("epochs=60", "epochs=1"), ("range(60)", "range(1)")):
        assert written in text
        text = text.replace(written, here)
    exec(text.replace("return 48", "return 16").replace("(16, size", "(8, size"), {})
    assert capsys.readouterr().out.count("layer 3") >= 3
    for folder, names in (("runs/mine/best", scenes.NAMES), ("runs/squares/best", ["square"]), ("squares", ["square"])):
        assert set(dfine.load(folder, device="cpu").names) <= set(names), folder


def test_an_exported_file_answers_other_programs_as_the_documents_say(pictures):
    for package in ("onnxruntime", "openvino"):
        pytest.importorskip(package)
    model = dfine.load("photos", device="cpu")
    text = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    assert "dfine export photos photos.onnx --postprocess --no-trace" in text
    dfine.export(model.network, model.card, "photos.onnx", Options(postprocess=True, trace=False))
    said = {}
    exec(python_of("speed.md", "The file in other programs"), said)
    found = model("picture.jpg", 0.5).detections
    feed = {"images": said["pixels"], "orig_target_sizes": np.array([said["picture"].size])}
    call = re.search(r"`(openvino\.compile_model\([^`]+\))`", text)[1]
    other = list(eval(call, {"openvino": importlib.import_module("openvino")})(feed).values())
    for labels, boxes, scores in ((said["labels"], said["boxes"], said["scores"]), other):
        sure = scores > 0.5
        assert labels[sure].tolist() == found.labels.tolist() and len(found)
        assert np.abs(boxes[sure] - found.boxes.numpy()).max() < 0.01


def test_the_first_page_and_the_list_of_documents_name_every_document():
    for listing, prefix in ((ROOT / "README.md", "docs/"), (ROOT / "docs" / "README.md", "")):
        text = listing.read_text(encoding="utf-8")
        for page in (ROOT / "docs").glob("*.md"):
            assert page == listing or f"({prefix}{page.name}" in text, f"{listing} does not link to {page.name}"


@pytest.fixture
def floors():
    return runpy.run_path(str(Path(__file__).with_name("test_imports.py")))["FLOORS"]


def test_the_library_is_listed_in_the_order_of_its_imports(floors):
    """A row a floor: a room imports from the rows above its own."""
    text = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    table = text.split("| rooms | |\n|---|---|\n")[1].split("\n\n")[0]
    rows = [re.findall(r"`(\w+)/?`", line.split("|")[1]) for line in table.splitlines()]
    assert [set(row) for row in rows] == [set(floor) for floor in floors]


def test_the_files_that_a_change_touches_are_there():
    text = (ROOT / "docs" / "library.md").read_text(encoding="utf-8").split("## What a change touches")[1]
    named = [name for name in re.findall(r"`([\w/]+\.py)`", text) if "NAME" not in name]
    assert len(named) > 8
    assert [name for name in named if not (ROOT / "dfine" / name).is_file()] == []


def test_the_site_has_a_page_of_reference_for_every_room(floors):
    yaml = pytest.importorskip("yaml")
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    reference = [name for part in site["nav"] if "Reference" in part for page in part["Reference"] for name in page]
    assert reference[0] == "The ground floor"
    order = {room: number for number, floor in enumerate(floors) for room in floor}
    assert {order[room] for room in reference[1:]} == set(order.values()) - {0}
    assert [order[room] for room in reference[1:]] == sorted(order[room] for room in reference[1:])
    assert sorted(reference[1:]) == sorted(room for floor in floors[1:] for room in floor)


def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    if not all(map(find_spec, ("mkdocs", "material", "mkdocstrings_handlers"))):
        pytest.skip("the extra `docs` is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    )
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr[-2000:]
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 30 and (tmp_path / "assets" / "figures" / "page.png").is_file()
    loads = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*?\b(?:src|href)=\"?(https?:)?//[^\">]*")
    for page in pages:
        found = [hit[0] for hit in loads.finditer(page.read_text(encoding="utf-8")) if 'rel="canonical"' not in hit[0]]
        assert not found, f"{page.relative_to(tmp_path)}: {found[0]}"
    detections = (tmp_path / "reference" / "trace" / "index.html").read_text(encoding="utf-8")
    assert "dfine.trace.detections.Detections" in detections


def test_scripts_find_the_library_in_a_copy_that_is_not_installed():
    scripts = [path for folder in ("assets", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
    texts = {path.name: path.read_text(encoding="utf-8") for path in scripts}
    own = {
        name: text for name, text in texts.items() if "__main__" in text and re.search(r"(from|import) dfine\b", text)
    }
    assert len(own) > 15
    assert [name for name, text in own.items() if "sys.path" not in text] == []
