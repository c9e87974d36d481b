"""Put together the folder to push as a Hugging Face Space: `python assets/make_space.py OUT` (SPACE.md says the rest).

The versions in it are those of the environment that runs this, which should be the one in which the tests have passed.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from dfine.version import VERSION

# What the page imports. Gradio is not among them: the Space installs it by `sdk_version`.
NEEDED = (
    "torch",
    "torchvision",
    "safetensors",
    "huggingface_hub",
    "pillow",
    "pi-heif",  # photographs as iPhones write them
    "av",  # videos
    "numpy",
    "scipy",
    "tqdm",
    "plotly",
    "matplotlib",
)
# What lets a CPU answer sooner: see dfine/engines/fastest.py.
FASTER = ("onnx", "onnxruntime", "openvino")
PARTS = ("app.py", "LICENSE", "dfine", "assets/examples", "assets/checkpoints")
SKIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def make(out: Path, *, zero_gpu: bool = False, torch: str | None = None) -> Path:
    """Write the folder anew.

    Args:
        out: a folder that is not there yet, or is empty.
        zero_gpu: for ZeroGPU hardware: with the package `spaces`, and torch unpinned unless a version is given, because
            the hardware says which ones it takes.
        torch: another version of torch than the one in this environment; torchvision is left to follow it.

    Raises:
        ValueError: there is something in `out`, a part of the project is missing, or a package is not installed.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is there already; name a new folder, so that nothing old is pushed")
    missing = [part for part in PARTS if not (ROOT / part).exists()]
    if missing:
        raise ValueError(f"{', '.join(missing)} is not in {ROOT}: the Space would not start")
    for part in PARTS:
        source, target = ROOT / part, out / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=SKIPPED)
        else:
            shutil.copy2(source, target)
    (out / "README.md").write_text(readme(zero_gpu=zero_gpu), encoding="utf-8")
    (out / "requirements.txt").write_text(requirements(zero_gpu=zero_gpu, torch=torch), encoding="utf-8")
    return out


def readme(*, zero_gpu: bool = False) -> str:
    """The Space's own README: its settings, with the versions of this environment, and a few words."""
    text = (HERE / "space" / "README.md").read_text(encoding="utf-8")
    major, minor, _ = platform.python_version_tuple()
    for name, value in (("gradio", _installed("gradio")), ("python", f"{major}.{minor}"), ("version", VERSION)):
        text = text.replace("{" + name + "}", value)
    return text.replace("suggested_hardware: cpu-basic\n", "") if zero_gpu else text


def requirements(*, zero_gpu: bool = False, torch: str | None = None) -> str:
    """Every package that the page imports, and those that make it fast on a CPU, with this environment's versions."""
    free = {"torch": f"torch=={torch}" if torch else "torch", "torchvision": "torchvision"}
    lines = [free[p] if p in free and (zero_gpu or torch) else f"{p}=={_installed(p)}" for p in NEEDED]
    lines += [f"{p}=={_installed(p)}" for p in FASTER if not zero_gpu]
    return "\n".join([*(["spaces"] if zero_gpu else []), *lines]) + "\n"


def _installed(package: str) -> str:
    """The version of an installed package, without the part after the + that says how it was built."""
    try:
        return version(package).split("+")[0]
    except PackageNotFoundError:
        raise ValueError(f"{package} is not installed here: pip install -r requirements-dev.txt") from None


def main(arguments: list[str] | None = None) -> None:
    """Make the folder and say where it is."""
    parser = argparse.ArgumentParser(description="Put together the folder of a Hugging Face Space.")
    parser.add_argument("out", type=Path, help="a new folder")
    parser.add_argument("--zero-gpu", action="store_true", help="for ZeroGPU hardware")
    parser.add_argument("--torch", help="another version of torch than the one installed here")
    options = parser.parse_args(arguments)
    try:
        out = make(options.out, zero_gpu=options.zero_gpu, torch=options.torch)
    except (ValueError, OSError) as error:
        sys.exit(f"make_space.py: {error}")
    files = [p for p in out.rglob("*") if p.is_file()]
    print(f"{out}: {len(files)} files, {sum(p.stat().st_size for p in files) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
