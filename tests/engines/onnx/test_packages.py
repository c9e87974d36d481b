"""Nothing that runs exported files calls anybody, or keeps anything that could tell who ran it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dfine.engines.onnx import packages
from dfine.engines.onnx.sessions import available

ROOT = Path(__file__).parents[3]
RUN = (
    "import sys\nimport numpy as np\nfrom pathlib import Path\n"
    "from dfine.engines.onnx.sessions import open_session\n"
    "for provider in sys.argv[2:]:\n"
    "    session = open_session(Path(sys.argv[1]), provider)\n"
    "    session.run(['y'], {'x': np.ones((1, 3), np.float32)})\n"
    "import time; time.sleep(1)\n"  # events are sent from a thread
)


@pytest.fixture
def relu(tmp_path):
    """A file of one operator."""
    onnx = pytest.importorskip("onnx")
    value = {name: onnx.helper.make_tensor_value_info(name, 1, [1, 3]) for name in "xy"}
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value["x"]], [value["y"]])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, tmp_path / "relu.onnx")
    return tmp_path / "relu.onnx"


@pytest.mark.skipif(sys.platform != "linux", reason="looks for files where Linux keeps them")
def test_no_host_is_looked_up_and_no_file_is_left(relu, tmp_path):
    """By whatever runs files on a CPU: a process in a home of its own, watched by strace where there is one."""
    providers = [provider for provider in available() if provider in ("cpu", "openvino")]
    home, calls = tmp_path / "home", tmp_path / "calls"
    home.mkdir()
    # Without the variables of this test run, which are set before packages are imported.
    env = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ} | {"HOME": str(home)}
    command = [sys.executable, "-c", RUN, str(relu), *providers]
    strace = shutil.which("strace")
    for fast in (["--seccomp-bpf"], []):  # which stops a process only where it calls what is watched for
        watch = [strace, "-f", *fast, "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o"]
        if strace and not subprocess.run([*watch, os.devnull, "true"], capture_output=True).returncode:
            command = [*watch, str(calls), *command]
            break
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert [path for path in home.rglob("*") if path.is_file()] == []
    if calls.exists():
        assert "AF_INET" not in calls.read_text()


def test_onnxruntime_that_is_there_already_is_told_to_stop(monkeypatch):
    runtime, told = pytest.importorskip("onnxruntime"), []
    monkeypatch.setattr(runtime, "disable_telemetry_events", lambda: told.append(True))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    assert packages.needed("onnxruntime") is runtime and told
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


@pytest.mark.parametrize("package, remedy", [("onnx", "onnx onnxruntime"), ("openvino", "openvino")])
def test_what_is_missing_is_said_with_its_remedy(monkeypatch, package, remedy):
    monkeypatch.setitem(sys.modules, package, None)  # cannot be imported
    with pytest.raises(ImportError, match=f"need the package {package}: pip install {remedy}$"):
        packages.needed(package)


def test_a_folder_of_its_name_is_no_package(monkeypatch, tmp_path):
    """Exported files are often kept in a folder called onnx or openvino, where Python sees an empty package."""
    (tmp_path / "a_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(packages.INSTALL, "a_folder", "a_folder")
    assert not packages.installed("a_folder") and packages.installed("onnx")
    with pytest.raises(ImportError, match="need the package a_folder: pip install a_folder$"):
        packages.needed("a_folder")


def test_what_is_installed_and_broken_says_why(monkeypatch, tmp_path):
    (tmp_path / "a_broken_one.py").write_text("raise ImportError('DLL load failed')")
    monkeypatch.syspath_prepend(tmp_path)
    said = r"a_broken_one is installed, but cannot be imported \(DLL load failed\); .*--force-reinstall a_broken_one"
    with pytest.raises(ImportError, match=said):
        packages.needed("a_broken_one")
