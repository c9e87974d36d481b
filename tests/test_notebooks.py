"""The notebooks: kept outputs that are whole and of this source, and every cell runs, its assertions with it."""

import io
import json
import os
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dfine.training import trial
from dfine.training.ablation import VARIANTS

nbformat = pytest.importorskip("nbformat")

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
PLOTLY = "application/vnd.plotly.v1+json"
MACHINE = re.compile(r"/(?:work|tmp|root|home|Users|private|opt|mnt)/|[A-Z]:\\\\Users")
LINES = 30  # that fit on a screen with their output's beginning
LIMIT, TOGETHER, PICTURE = 1_500_000, 6_000_000, 150_000  # bytes
SHORTER = {  # what is large in a notebook, so that its numbers say something, and what its cells run with here
    "02": {"range(2_200_000, 2_200_060)": "range(2_200_000, 2_200_012)"},
    "03": {"range(2_500_000, 2_500_040)": "range(2_500_000, 2_500_016)"},
    "04": {
        "steps=60, pictures=320, held_out=60": "steps=4, batch=4, pictures=16, held_out=16",
        "list(range(60))": "list(range(16))",
    },
    "05": {
        "scenes.Scenes(80, ": "scenes.Scenes(40, ",
        "listed[:60]": "listed[:40]",
        "len(unmatched) < 60": "len(unmatched) < 40",
    },
    "06": {"epochs=6, ": "epochs=4, ", "input=192, ": "input=160, "},
    "08": {'"demo", 400': '"demo", 170', "range(2_400_000, 2_400_080)": "range(2_400_000, 2_400_012)"},
}


@pytest.fixture(params=PATHS, ids=lambda path: path.name)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(cell):
    """What a cell shows, in order, without what `assets/make_notebooks.py` adds and leaves out."""
    found = []
    for output in cell.outputs:
        if output.output_type == "stream":
            if output.name == "stdout" and output.name not in found:
                found.append(output.name)
        else:
            picture = {"image/png", "image/jpeg"}
            shown = set(output.data) - (picture if PLOTLY in output.data else set())
            found.append({"image" if kind in picture else kind for kind in shown})
    return found


def test_there_are_eight_each_with_its_question():
    assert [path.name[:2] for path in PATHS] == [f"0{n}" for n in range(1, len(PATHS) + 1)] and len(PATHS) == 8
    for path in PATHS:
        title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0]
        assert re.fullmatch(rf"# {int(path.name[:2])}\. .+\?", title), f"{path.name} has no one question: {title}"


def test_a_sentence_stands_before_every_cell_and_a_cell_fits_on_a_screen(notebook):
    nbformat.validate(notebook)
    for before, cell in zip(notebook.cells, notebook.cells[1:]):
        if cell.cell_type == "code":
            assert before.cell_type == "markdown", f"no sentence before: {cell.source[:80]}"
            assert len(cell.source.splitlines()) <= LINES


def test_outputs_are_kept_whole_and_in_order(notebook):
    cells = code(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs and all(output.output_type != "error" and output.get("name") != "stderr" for output in outputs)
    assert any("assert " in cell.source for cell in cells)


def test_every_figure_reads_where_nothing_runs(notebook):
    for cell in code(notebook):
        for output in cell.outputs:
            if PLOTLY in output.get("data", {}):
                assert "image/png" in output.data or "image/jpeg" in output.data, cell.source


def test_they_are_small_and_carry_no_machine(path):
    text = path.read_text(encoding="utf-8")
    found = MACHINE.search(re.sub(r"[A-Za-z0-9+/=\\n]{200,}", "", text))  # pictures in base64 hold any letters
    assert not found, f"a path of a machine: {text[max(0, found.start() - 40) : found.end() + 40]}"
    assert path.stat().st_size < LIMIT and sum(p.stat().st_size for p in PATHS) < TOGETHER


def test_the_readme_has_a_picture_of_each(path):
    picture = ROOT / "assets" / "figures" / f"notebook-{path.name[:2]}.png"
    assert picture.stat().st_size < PICTURE


@pytest.fixture(scope="module")
def script():
    pytest.importorskip("playwright")
    return runpy.run_path(str(ROOT / "assets" / "make_notebooks.py"))


def test_the_first_cell_is_the_scripts(path, notebook, script):
    assert code(notebook)[0].source == script["first_cell"](path)


def test_badges_and_links_to_source_lines_are_the_scripts(path, notebook, script):
    """`python assets/make_notebooks.py --keep` renews them without running anything."""
    renewed = script["refreshed"](nbformat.from_dict(notebook), path)
    for cell, again in zip(nbformat.read(path, as_version=4).cells, renewed.cells):
        assert cell.source == again.source, "run assets/make_notebooks.py --keep"
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert prose[0].count("[![") == 4 and prose[0].splitlines()[2].startswith("[![open in Colab]")
    links = [link for text in prose for link in re.findall(r"\[`(dfine[\w.]+)`\]\(\.\./([\w/.]+)#L(\d+)\)", text)]
    assert len(links) >= 2
    for name, file, line in links:
        text = (ROOT / file).read_text(encoding="utf-8").splitlines()
        lines = text[int(line) - 1 :][:3]  # a decorator may come first
        assert any(re.match(rf"\s*(def|class) {name.rpartition('.')[2]}\b", text) for text in lines), name


@pytest.mark.parametrize(
    ("repository", "colab"),
    [
        (
            "https://github.com/someone/lens.git",
            "https://colab.research.google.com/github/someone/lens/blob/main/notebooks/",
        ),
        ("https://forge.example/lens", "https://colab.research.google.com)"),
        ("", "https://colab.research.google.com)"),
    ],
)
def test_badges_lead_to_the_notebook_where_its_address_is_known(script, monkeypatch, repository, colab):
    monkeypatch.setitem(script["badges"].__globals__, "REPOSITORY", repository)
    line = script["badges"](PATHS[0])
    assert f"]({colab}" in line and ("](../assets/" in line) != bool(repository.startswith("https://github.com"))
    there = "https://github.com/someone/lens/blob/main" if "github" in repository else ".."
    assert script["source_line"]("dfine.distribution.weighting").startswith(f"{there}/dfine/distribution.py#L")


def test_a_thin_line_keeps_its_colour_in_a_kept_picture(script):
    """The name of a layer in its colour, beside bars in hundreds of shades of others."""
    shades = np.linspace((230, 159, 0), (255, 255, 255), 400)[None].repeat(300, 0)
    more = np.linspace((204, 121, 167), (255, 255, 255), 400)[None].repeat(300, 0)
    noise = np.random.default_rng(0).integers(-4, 5, (300, 800, 1))  # or it would be small as it is
    picture = (np.concatenate((shades, more), 1) + noise).clip(0, 255).astype(np.uint8)
    picture[100:104, 20:25] = purple = (122, 107, 238)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    small = script["small"](file.getvalue())
    assert len(small) < len(file.getvalue())
    kept = np.asarray(Image.open(io.BytesIO(small)).convert("RGB")).astype(int)
    assert np.abs(kept[100:104, 20:25] - purple).max() < 8 and np.abs(kept - picture).max() < 24


def test_what_a_slow_machine_makes_fiftyone_print_is_not_kept(script):
    slow = "Process 31866 (service/main.py --51-service db --multi) did not respond\n"
    printed = [
        nbformat.v4.new_output("stream", name="stdout", text=text) for text in (slow, "81 pictures\n" + slow, "2\n")
    ]
    assert [output.text for output in script["tidied"](printed)] == ["81 pictures\n2\n"]
    assert script["tidied"]([]) == []


def test_an_unknown_name_gets_no_link(script):
    with pytest.raises(AttributeError):
        script["source_line"]("dfine.distribution.weighing")


@pytest.mark.parametrize(
    ("repository", "place"),
    [
        ("https://forge.example/lens", "dfine-lens[notebooks] @ git+https://forge.example/lens"),
        ("https://forge.example/lens/v1.tar.gz", "dfine-lens[notebooks] @ https://forge.example/lens/v1.tar.gz"),
        ("uploaded", "{here}/uploaded[notebooks]"),
        ("lens.zip", "dfine-lens[notebooks] @ file://{here}/lens.zip"),
    ],
)
def test_the_first_cell_finds_the_project(script, tmp_path, monkeypatch, repository, place):
    """Where nothing is installed: from an address, an archive or a folder."""
    here = tmp_path / "notebooks" / "somewhere"
    (here / "uploaded").mkdir(parents=True)
    (here / "uploaded" / "pyproject.toml").touch()
    (here / "lens.zip").touch()
    monkeypatch.chdir(here)
    cell = script["FIRST"].format(repository=repository, parts="notebooks").split("\nif importlib")[0]
    names = {}
    exec(cell, names)
    assert names["source"]() == place.format(here=here.resolve())


@pytest.mark.parametrize(
    ("repository", "said"),
    [
        ("", "The project is not installed, and REPOSITORY does not say where it is. Put its place into REPOSITORY,"),
        ("/no/such/folder", "not installed, and '/no/such/folder' is neither a folder with a pyproject.toml, nor an"),
        ("empty", "'empty' is neither a folder with a pyproject.toml, nor an archive, nor an address like https://"),
        ("no.zip", "pip could not install dfine-lens[notebooks] @ file://{here}/no.zip, see above. Mend REPOSITORY"),
    ],
)
def test_the_first_cell_ends_the_run_with_a_sentence_where_the_project_is_not(script, tmp_path, repository, said):
    """In a kernel that cannot import it: no traceback, and no later cell runs into a missing module."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    here = tmp_path / "notebooks" / "somewhere"
    (here / "empty").mkdir(parents=True)
    (here / "no.zip").write_text("not an archive")
    hidden = "import sys; sys.modules['dfine'] = None"  # as if it were not installed
    first = script["FIRST"].format(repository=repository, parts="notebooks")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in (hidden, first, "import dfine")])
    with pytest.raises(nbclient.exceptions.CellExecutionError):
        nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": str(here)}}).execute()
    shown = book.cells[1].outputs[-1]
    assert shown.output_type == "error" and shown.ename == "NotHere" and book.cells[2].execution_count is None
    assert said.format(here=here.resolve()) in shown.evalue and shown.traceback == [shown.evalue]


def test_a_clone_is_found_from_its_notebooks(script, monkeypatch):
    monkeypatch.chdir(FOLDER)
    names = {}
    exec(code(nbformat.read(PATHS[0], as_version=4))[0].source.split("\nif importlib")[0], names)
    assert names["source"]() == f"{ROOT}[notebooks]"


def test_there_is_a_photograph_and_exercises_with_hidden_answers(notebook):
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert any("from skimage import data" in cell.source for cell in code(notebook)) and "photograph" in prose
    questions = len(re.findall(r"^\d\. ", prose.split("## Exercises")[1], flags=re.MULTILINE))
    assert questions == prose.count("<details><summary>Answer</summary>\n\n") == prose.count("\n</details>") >= 2


def test_equations_stand_beside_the_lines_that_are_them():
    books = {path.name[:2]: nbformat.read(path, as_version=4) for path in PATHS}
    lines = 0
    for number in ("02", "03", "04"):
        assert any("$$" in cell.source for cell in books[number].cells if cell.cell_type == "markdown")
        lines += sum(cell.source.count("jupyter.excerpt(") for cell in code(books[number]))
    assert lines >= 10


def test_the_kept_ablations_are_those_that_the_switch_would_run():
    kept = json.loads((ROOT / "assets" / "ablations.json").read_text(encoding="utf-8"))
    assert trial.Trial(**kept["trial"]) == trial.Trial()
    runs = [(row["variant"], row["seed"]) for row in kept["rows"]]
    assert sorted(runs) == sorted((name, seed) for name in VARIANTS for seed in (0, 1))
    stages = {"initial", "layer 1", "layer 2", "layer 3"}
    for row in kept["rows"]:
        assert row["AP"].keys() == stages and len(row["coverage"]) == 3 and len(row["by width"]) == 5


def shorten(notebook, large, small):
    """Put `small` in the place of `large`, which stands in one cell. Every cell, and every assertion, runs as it is."""
    (cell,) = [cell for cell in code(notebook) if large in cell.source]
    cell.source = cell.source.replace(large, small)


def answers(notebook):
    """The code of the hidden answers, which a reader runs below the last cell."""
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return re.findall(r"```python\n(.*?)```", prose.split("## Exercises")[1], flags=re.DOTALL)


def test_every_cell_and_answer_runs_and_shows_what_is_kept(path, notebook, monkeypatch, tmp_path):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    for name in ("FIFTYONE_DATABASE_URI", "FIFTYONE_PRIVATE_DATABASE_PORT"):
        monkeypatch.delenv(name, raising=False)  # it starts a database of its own
    for name, value in {
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "TQDM_DISABLE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "HF_HUB_OFFLINE": "1",
        "FIFTYONE_DATABASE_DIR": str(tmp_path),
        "FIFTYONE_DATABASE_VALIDATION": "false",
        "FIFTYONE_DO_NOT_TRACK": "1",
    }.items():
        monkeypatch.setenv(name, value)
    kept = [kinds(cell) for cell in code(notebook)]
    for large, small in SHORTER.get(path.name[:2], {}).items():
        shorten(notebook, large, small)
    notebook.cells += [nbformat.v4.new_code_cell(text) for text in answers(notebook)]
    try:
        nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(FOLDER)}}).execute()
    except nbclient.exceptions.CellExecutionError as error:
        stopped = next(cell for cell in code(notebook) if any(o.output_type == "error" for o in cell.outputs))
        if stopped.source.endswith("require_database()"):
            pytest.skip(error.evalue)
        raise
    assert [kinds(cell) for cell in code(notebook)][: len(kept)] == kept, "run assets/make_notebooks.py again"
