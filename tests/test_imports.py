"""Who may import whom: each row of the table may use its own row and the rows above, and few packages from outside."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TORCH = {"torch"}
PICTURES = {"torch", "torchvision", "numpy", "PIL", "tqdm", "yaml"}
SERVING = {"gradio", "fiftyone", "plotly", "matplotlib", "typer"}
FIGURES = "figures"  # beside the rows: sees rows 1 and 2 alone, and is seen by rows 6 and 7

# The first entry that is the file's module, or a package around it, decides: its row, and the packages it may import.
# A set that starts with "not" names those it may not import.
TABLE = [
    ("dfine.config", 1, TORCH),
    ("dfine.boxes", 1, TORCH),
    ("dfine.distribution", 1, TORCH),
    ("dfine.version", 1, set()),
    ("dfine.conversions", 2, {"numpy"}),
    ("dfine.records", 2, {"torch", "numpy"}),
    ("dfine.gaze", 2, TORCH),
    ("dfine.probing", 2, TORCH),
    ("dfine.network", 3, TORCH),
    ("dfine.learning.loop", 5, {"not", *SERVING}),
    ("dfine.learning.plan", 5, {"not", *SERVING}),
    ("dfine.learning.state", 5, {"not", *SERVING}),
    ("dfine.learning.step", 5, {"not", *SERVING}),
    ("dfine.learning", 4, {"torch", "scipy"}),
    ("dfine.data", 4, PICTURES),
    ("dfine.postprocess", 4, TORCH),
    ("dfine.figures", FIGURES, {"torch", "numpy", "PIL", "plotly", "matplotlib"}),
    ("dfine.cli", 7, {"not", "gradio", "fiftyone", "plotly", "matplotlib"}),
    ("dfine.cli_video", 7, {"not", "gradio", "fiftyone", "plotly", "matplotlib"}),
    ("dfine.cli_explore", 7, {"not", "gradio", "fiftyone", "plotly", "matplotlib"}),
    ("dfine.cli_options", 7, {"not", "gradio", "fiftyone", "plotly", "matplotlib"}),
    ("dfine.cli_train", 7, {"not", "gradio", "fiftyone", "plotly", "matplotlib"}),
    ("dfine.cli_speed", 7, {"not", "gradio", "fiftyone", "plotly", "matplotlib"}),
    ("dfine.watching", 6, {"not", "gradio", "fiftyone", "typer"}),
    ("dfine.cli_data", 7, {"not", "gradio", "fiftyone", "plotly", "matplotlib"}),
    ("dfine.cli_detect", 7, {"not", "gradio", "fiftyone", "plotly", "matplotlib"}),
    ("dfine.terminal", 7, {"not", "gradio", "fiftyone", "plotly", "matplotlib"}),
    ("dfine.__main__", 7, set()),
    ("dfine.video.filming", 6, {"not", "gradio", "fiftyone", "typer"}),
    ("dfine.page", 6, {"not", "fiftyone", "typer"}),
    ("dfine.takeaway", 6, {"not", "gradio", "fiftyone", "typer"}),
    ("dfine.explore", 6, {"not", "gradio", "typer"}),
    ("app", 6, {"not", "fiftyone", "typer"}),
    ("dfine", 5, {"not", *SERVING}),  # the front door, checkpoints, predictor, evaluation and all that is new
]

# A record draws itself in a notebook, inside the method alone.
NAMED = {(module, "_repr_html_"): "dfine.figures" for module in ("dfine.records", "dfine.predictor")}

FILES = [ROOT / "app.py", *sorted((ROOT / "dfine").rglob("*.py"))]


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def inside(module, package):
    return module == package or module.startswith(package + ".")


def entry(module):
    return next((row, packages) for name, row, packages in TABLE if inside(module, name))


def imports(source):
    """Every module that the source imports, with the function around it (None at the top) and the line."""

    def walk(node, function):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((alias.name, function, child.lineno) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                yield from ((name, function, child.lineno) for name in _from(child))
            name = child.name if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else function
            yield from walk(child, name)

    return list(walk(ast.parse(source), None))


def _from(node):
    """`from dfine import boxes` imports dfine.boxes; a name that is no module comes from the module itself."""
    if node.level:
        return ["." * node.level + (node.module or "")]
    names = [f"{node.module}.{alias.name}" for alias in node.names]
    return [n if inside(n, "dfine") and _is_module(n) else node.module for n in names]


def _is_module(name):
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def broken(module, source):
    """What the source of `module` imports against the rules, as sentences."""
    row, packages = entry(module)
    found = []
    for name, function, line in imports(source):
        top = name.split(".")[0]
        if name.startswith("."):
            reason = "is relative"
        elif top in ("dfine", "app"):
            reason = _forbidden(module, row, name, function)
        elif top in sys.stdlib_module_names:
            reason = None
        else:
            listed = top in packages
            reason = "is a package it may not use" if listed == ("not" in packages) else None
        if reason:
            found.append(f"{module}, line {line}: {name} {reason}")
    return found


def _forbidden(module, row, name, function):
    if inside(name, NAMED.get((module, function), "nothing")):
        return None
    theirs, _ = entry(name)
    if row == FIGURES:
        return None if theirs in (1, 2, FIGURES) else f"is of row {theirs}, figures see rows 1 and 2"
    if theirs == FIGURES:
        return None if row >= 6 else "draws, and only rows 6 and 7 may see that"
    if name == "dfine" and row < 6:
        return "is the front door, which imports this"
    if row == 7 and theirs == 6 and function is None:
        return "is of row 6 and must be imported inside the command that needs it"
    return None if theirs <= row else f"is of row {theirs}, below row {row}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_go_up_the_table(path):
    assert broken(module_of(path), path.read_text(encoding="utf-8")) == []


BREACHES = [
    ("dfine.boxes", "from dfine.records import Target"),
    ("dfine.boxes", "import numpy"),
    ("dfine.network.decoder", "import torchvision"),
    ("dfine.network.decoder", "from dfine.learning.matching import match"),
    ("dfine.network.decoder", "from dfine import postprocess"),
    ("dfine.network.decoder", "from .layers import MLP"),
    ("dfine.learning.criterion", "from dfine.learning import loop"),
    ("dfine.data.coco", "from dfine.evaluation import evaluate"),
    ("dfine.figures.edges", "from dfine.network.detector import DFINE"),
    ("dfine.figures.edges", "from dfine.predictor import Result"),
    ("dfine.predictor", "def f():\n    import gradio"),
    ("dfine.predictor", "from dfine.figures import edges"),
    ("dfine.predictor", "import dfine"),
    ("dfine.records", "from dfine.figures import html"),
    ("dfine.cli", "import app"),
    ("dfine.evaluation", "from dfine.cli import main"),
    ("app", "from dfine.cli import main"),
]
ALLOWED = [
    ("dfine.records", "def _repr_html_(self):\n    from dfine.figures.html import history_html"),
    ("dfine.records", "from dfine import distribution"),
    ("dfine.learning.loop", "from dfine.evaluation import evaluate"),
    ("dfine.learning.matching", "from scipy.optimize import linear_sum_assignment"),
    ("dfine.cli", "def app():\n    import app"),
    ("app", "import dfine\nimport gradio\nfrom dfine.figures import edges"),
]


@pytest.mark.parametrize("module, source", BREACHES)
def test_a_breach_is_seen(module, source):
    assert len(broken(module, source)) == 1


@pytest.mark.parametrize("module, source", ALLOWED)
def test_what_is_allowed_passes(module, source):
    assert broken(module, source) == []


def test_importing_dfine_leaves_the_extras_alone():
    extras = ("gradio", "fiftyone", "plotly", "matplotlib", "onnxruntime", "pandas", "faster_coco_eval", "typer", "av")
    code = f"import sys, dfine; print([name for name in {extras} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_extras_are_not_needed_to_import_any_room_of_the_core():
    """Each room in one process in which the extras cannot be imported at all."""
    extras = ["gradio", "fiftyone", "plotly", "matplotlib", "onnxruntime", "pandas", "faster_coco_eval", "tensorboard"]
    extras += ["av", "trackers"]
    rooms = [module_of(p) for p in FILES if module_of(p) not in ("app", "dfine.__main__")]
    drawing = ("dfine.figures", "dfine.explore", "dfine.page")
    rooms = [m for m in rooms if not any(inside(m, package) for package in drawing)]
    code = (
        f"import sys, importlib\nfor name in {extras}: sys.modules[name] = None\n"
        f"for room in {rooms}: importlib.import_module(room)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
