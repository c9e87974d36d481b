"""The house: which rooms `dfine/` has, in which order they may import each other, and which packages each may use."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

GROUND = ("boxes", "config", "distribution", "files", "paths", "processes", "version", "wording")
# From the ground up. A room imports from the floors below its own; rooms of one floor do not see each other.
FLOORS = [
    GROUND,
    ("trace",),
    ("network", "figures", "data"),
    ("weights",),
    ("engines",),
    ("inference",),
    ("evaluation",),
    ("training",),
    ("video",),
    ("explore", "page"),
    ("cli",),
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
ROOMS = {room for rooms in FLOORS[1:] for room in rooms}

# Packages from outside that a room may use. A set that starts with "not" names those that it may not.
EXTRAS = {"gradio", "fiftyone", "plotly", "matplotlib", "typer"}
PACKAGES = {
    "version": set(),
    "files": set(),
    "paths": set(),
    "wording": set(),
    **{room: {"torch"} for room in ("config", "boxes", "distribution", "network")},
    "processes": {"torch", "filelock"},
    "trace": {"torch", "numpy"},
    "figures": {"torch", "numpy", "PIL", "plotly", "matplotlib"},
    "data": {"torch", "torchvision", "numpy", "PIL", "pi_heif", "tqdm", "yaml"},
    **{room: {"not", *EXTRAS} for room in ("weights", "engines", "inference", "evaluation", "training", "video")},
    "explore": {"not", "gradio", "typer"},
    "page": {"not", "fiftyone", "typer"},
    "cli": {"not", "gradio", "fiftyone", "plotly", "matplotlib"},
    "dfine": {"not", *EXTRAS},
    "app": {"not", "fiftyone", "typer"},
}

# The one arrow that runs back: a record draws itself in a notebook, inside the method.
DRAWS_ITSELF = ("_repr_html_", "figures")

PROGRAMS = ("run", "Popen", "check_output")  # what starts another program

FILES = [ROOT / "app.py", *sorted((ROOT / "dfine").rglob("*.py"))]


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path) for path in FILES}


def room_of(module):
    """The room of a module, or "dfine" for the front door, or "app"; `__main__` is the command line's."""
    first, _, rest = module.partition(".")
    room = rest.split(".")[0] or first
    return "cli" if room == "__main__" else room


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
    return [name if name in MODULES else node.module for name in names]


def broken(module, source):
    """What the source of `module` imports against the rules, as sentences."""
    room, found = room_of(module), []
    packages = PACKAGES[room]
    for name, function, line in imports(source):
        top = name.split(".")[0]
        if name.startswith("."):
            reason = "is relative"
        elif top in ("dfine", "app"):
            reason = _forbidden(room, room_of(name), function)
        elif top in sys.stdlib_module_names:
            reason = None
        else:
            reason = "is a package it may not use" if (top in packages) == ("not" in packages) else None
        if reason:
            found.append(f"{module}, line {line}: {name} {reason}")
    return found


def _forbidden(mine, theirs, function):
    if mine == theirs or (function, theirs) == DRAWS_ITSELF or mine in ("app", "dfine"):
        return None
    if theirs == "app":
        return "is the page's shim, which nobody imports"
    if theirs == "dfine":
        return None if mine == "cli" else "is the front door, which imports this"
    if mine in GROUND and theirs in GROUND:
        return None
    return None if FLOOR[theirs] < FLOOR[mine] else f"is of {theirs}, which does not stand below {mine}"


def circles(arrows):
    """The groups of modules that import each other, directly or through others; `arrows` maps module -> modules."""
    reach = {}

    def reached(start):
        seen, todo = set(), [start]
        while todo:
            for there in arrows.get(todo.pop(), ()):
                if there not in seen:
                    seen.add(there)
                    todo.append(there)
        return seen

    for module in arrows:
        reach[module] = reached(module)
    return {tuple(sorted(m for m in reach[one] if one in reach.get(m, ()))) for one in reach if one in reach[one]}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_come_from_the_floors_below(path):
    assert broken(module_of(path), path.read_text(encoding="utf-8")) == []


def test_no_circle():
    arrows = {}
    for path in FILES:
        found = imports(path.read_text(encoding="utf-8"))
        arrows[module_of(path)] = {n for n, f, _ in found if n in MODULES and (f, room_of(n)) != DRAWS_ITSELF}
    assert circles(arrows) == set()


def test_a_circle_is_seen():
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == set()
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == {("b", "c")}


def test_the_ground_floor_and_the_packages_are_those_of_the_list():
    files = {p.stem for p in (ROOT / "dfine").glob("*.py")} - {"__init__", "__main__"}
    packages = {p.parent.name for p in (ROOT / "dfine").glob("*/__init__.py")}
    assert (files, packages) == (set(GROUND), ROOMS)


SCRIPTS = sorted(p for kind in ("js", "css") for p in (ROOT / "dfine").rglob(f"*.{kind}"))


@pytest.mark.parametrize("path", [*FILES, *SCRIPTS], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_module_is_longer_than_300_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


# Functions with more than six parameters that need not travel together, and why.
MANY = {
    **{f"dfine.cli.{name}": "an option of a command each" for name in ("detect.detect", "evaluate.evaluate")},
    **{f"dfine.cli.{name}": "an option of a command each" for name in ("explore.explore", "speed.export")},
    "dfine.cli.speed.benchmark": "an option of a command each",
    "dfine.data.scenes.strokes.arc": "six of them are an ellipse, the seventh is how many points are drawn of it",
    "dfine.evaluation.coco.evaluate": "independent options of a function that people call",
    "dfine.inference.load.load": "independent options of a function that people call",
    **{
        f"dfine.engines.gpu_kernels.{name}": "a kernel takes no records"
        for name in ("_finish", "_laid", "_pooled", "_of_level", "_read")
    },
    "dfine.network.layers.ConvNorm.__init__": "those of torch's convolution, and what comes after it",
}


def unnamed(source):
    """Lines that read or write text without naming its encoding: Windows has one of its own for every country."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        keys = {key.arg for key in node.keywords}
        of_text = called in ("read_text", "write_text") or "newline" in keys or "text" in keys and called in PROGRAMS
        if of_text and not keys & {"encoding", "errors"}:
            found.append(node.lineno)
    return found


def test_every_text_names_its_encoding():
    sources = [*FILES, *sorted((ROOT / "assets").glob("*.py"))]
    found = {str(path.relative_to(ROOT)): unnamed(path.read_text(encoding="utf-8")) for path in sources}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source", ["p.read_text()", "p.write_text(x)", "open(p, 'w', newline='')", "subprocess.run(p, text=True)"]
)
def test_an_unnamed_encoding_is_seen(source):
    assert unnamed(source) == [1]


def long_signatures(source):
    """The functions with more than six parameters, as `name` or `Class.name`."""

    def walk(node, around):
        for child in ast.iter_child_nodes(node):
            name = getattr(child, "name", None) if isinstance(child, (ast.FunctionDef, ast.ClassDef)) else None
            here = (*around, name) if name else around
            if isinstance(child, ast.FunctionDef):
                given = child.args.posonlyargs + child.args.args + child.args.kwonlyargs
                if len([p for p in given if p.arg not in ("self", "cls")]) > 6:
                    yield ".".join(here)
            yield from walk(child, here)

    return set(walk(ast.parse(source), ()))


def test_parameters_that_travel_together_are_a_record():
    found = {f"{module_of(p)}.{name}" for p in FILES for name in long_signatures(p.read_text(encoding="utf-8"))}
    assert found == set(MANY)


def test_a_long_signature_is_seen():
    assert long_signatures("def f(a, b, c, d, e, *, f): ...") == set()
    assert long_signatures("class A:\n    def f(self, a, b, c, d, e, f, *, g): ...") == {"A.f"}


# Tests of more than one module, or of what is no module of `dfine/`.
WHOLE = {
    "test_cases": "benchmarks/cases.py",
    "test_docs": "the documents and their site",
    "test_fuzz": "benchmarks/fuzz.py",
    "test_hostile_values": "benchmarks/hostile_values.py",
    "test_gpu_day": "benchmarks/gpu_day.py",
    "test_imports": "the house itself",
    "test_init": "the front door, dfine/__init__.py",
    "test_notebooks": "the notebooks",
    "test_shipped": "the checkpoints that come along",
    "test_space": "what becomes a Space",
    "explore/test_app": "the App in a browser",
    "network/test_parity_reference": "the whole network against the published code's values",
    "network/test_parity_transformers": "the whole network against transformers",
    "page/test_browser": "the browser's modules",
    "page/test_detect": "the page in a browser",
    "page/test_inspect": "the page in a browser",
    "page/test_keys": "the page's script",
    "page/test_wheel": "the package as it is installed",
    "training/test_last_epochs": "the last stage of a run",
    "training/test_processes": "a step of several processes",
    "training/test_resume": "a run that is interrupted and goes on",
    "weights/test_online": "published checkpoints, where there is a network",
}


def test_every_module_has_a_file_of_tests_and_every_file_of_tests_a_module():
    modules = {p.relative_to(ROOT / "dfine") for p in FILES[1:] if not p.stem.startswith("__")}
    wanted = {(m.parent / f"test_{m.stem}").as_posix() for m in modules}
    there = {p.relative_to(ROOT / "tests").with_suffix("").as_posix() for p in (ROOT / "tests").rglob("test_*.py")}
    assert (wanted - there, there - wanted) == (set(), set(WHOLE))


def test_tests_mirror_the_rooms():
    there = {p.name for p in (ROOT / "tests").iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert there == ROOMS


BREACHES = [
    ("dfine.boxes", "from dfine.trace.records import Target"),
    ("dfine.boxes", "import numpy"),
    ("dfine.network.decoder", "import torchvision"),
    ("dfine.network.decoder", "from dfine.training.matching import match"),
    ("dfine.network.decoder", "from dfine.data import transforms"),
    ("dfine.network.decoder", "from .layers import MLP"),
    ("dfine.data.coco", "from dfine.evaluation.coco import evaluate"),
    ("dfine.figures.object.edges", "from dfine.network.detector import DFINE"),
    ("dfine.figures.object.edges", "from dfine.inference.predictor import Result"),
    ("dfine.weights.publish", "from dfine.inference.predictor import Predictor"),
    ("dfine.engines.fused", "from dfine.inference.load import load"),
    ("dfine.inference.predictor", "def f():\n    import gradio"),
    ("dfine.inference.predictor", "import dfine"),
    ("dfine.trace.records", "from dfine.figures import html"),
    ("dfine.evaluation.coco", "from dfine.cli.main import main"),
    ("dfine.page.answer", "from dfine.explore import views"),
    ("dfine.cli.main", "import app"),
]
ALLOWED = [
    ("dfine.trace.records", "def _repr_html_(self):\n    from dfine.figures.html import history_html"),
    ("dfine.trace.records", "from dfine import distribution"),
    ("dfine.training.loop", "from dfine.evaluation.coco import evaluate"),
    ("dfine.training.matching", "from scipy.optimize import linear_sum_assignment"),
    ("dfine.cli.main", "import dfine"),
    ("app", "import dfine\nfrom dfine.page import app"),
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
    rooms = sorted(m for m in MODULES if room_of(m) not in ("app", "figures", "explore", "page"))
    rooms.remove("dfine.__main__")
    code = (
        f"import sys, importlib\nfor name in {extras}: sys.modules[name] = None\n"
        f"for room in {rooms}: importlib.import_module(room)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
