"""The wheel, installed by itself: the page and `dfine detect` work from it, without the checkout."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("gradio")
pytest.importorskip("hatchling", reason="hatchling, which builds the wheel, is not installed")
pytest.importorskip("pip")

from assets.ports import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds; the tests may run beside a training


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=PATIENCE)
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An environment of its own with the wheel in it; what the wheel depends on is this environment's.

    A line in a .pth file puts a folder on the path, but no .pth file in that folder is read: a checkout that is
    installed here by reference does not come along.
    """
    place = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "venv"], check=True, timeout=PATIENCE)
    paths = sysconfig.get_paths(vars={"base": str(place / "venv"), "platbase": str(place / "venv")})
    (Path(paths["purelib"]) / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    python = Path(paths["scripts"]) / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return place, Path(paths["scripts"])


@pytest.fixture(scope="module")
def environment():
    """Nothing that would lead to the checkout."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DFINE_ASSETS")}
    return kept | {"HF_HUB_OFFLINE": "1", "DFINE_SWIFT": "0", "DFINE_DEVICE": "cpu"}


def test_the_wheel_brings_what_the_page_needs(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {"dfine/page/app.py", "dfine/page/styles/page.css", "dfine/page/keys.js"} <= set(names)
    modules = {f"dfine/page/browser/{path.name}" for path in (ROOT / "dfine" / "page" / "browser").glob("*.js*")}
    assert len(modules) > 15 and modules <= set(names)
    assert any(name.startswith("dfine/assets/checkpoints/demo/") for name in names)
    examples = {f"dfine/assets/examples/{path.name}" for path in (ROOT / "assets" / "examples").iterdir()}
    assert examples and examples <= set(names)
    assert {"dfine/assets/ablations.json", "dfine/assets/cells.json"} <= set(names)  # what notebooks show
    assert "dfine/py.typed" in names  # checkers of types read annotations only of packages that have it
    assert not any("__pycache__" in name or name.startswith(("tests/", "app.py")) for name in names)


def test_the_source_distribution_brings_what_its_tests_and_links_need(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=PATIENCE)
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    links = re.findall(r"\]\(((?!https?:)[^)#]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    wanted = {link.rstrip("/") for link in links if (ROOT / link).is_file()} | {"mkdocs.yml", "docs/train.md", "app.py"}
    assert len(wanted) > 15 and wanted <= names
    assert not any("__pycache__" in name for name in names)


def test_the_installed_package_is_the_one_that_is_used(installed, environment):
    place, scripts = installed
    code = "import dfine, dfine.weights.cache as cache; print(dfine.__file__); print(cache.assets())"
    done = subprocess.run(
        [scripts / "python", "-c", code], cwd=place, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    assert all(line.startswith(str(place / "venv")) for line in done.stdout.splitlines())


def test_the_installed_package_detects(installed, environment):
    place, scripts = installed
    picture = ROOT / "assets" / "examples" / "1-clean.jpg"
    done = subprocess.run(
        [scripts / "dfine", "detect", picture, "--json", "-"],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


def test_the_installed_package_serves_the_page(installed, environment):
    place, scripts = installed
    port = free_port()
    command = [scripts / "dfine", "app", "--port", str(port), "--no-fetch"]
    server = subprocess.Popen(command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        text = _answer(server, f"http://127.0.0.1:{port}/")
        assert re.search(r'"title": ?"D-FINE Lens"', text)
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _answer(server, url):
    """What the page says once it is up."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail(f"dfine app stopped: {server.stdout.read().decode()}")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
                return answer.read().decode()
        except OSError:
            time.sleep(0.5)
    pytest.fail("dfine app did not answer")
