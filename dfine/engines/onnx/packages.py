"""The packages that write and run ONNX files, imported so that they call nobody.

By themselves, recent versions of ONNX Runtime keep a device id and a database of events in the user's cache and send
them, and OpenVINO sends an event at its import and keeps a client id in the user's home. Both are told not to before
they are imported. Where a program has imported them before, what was sent then cannot be helped.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from types import ModuleType

INSTALL = {"onnx": "onnx onnxruntime", "onnxruntime": "onnx onnxruntime", "openvino": "openvino"}


def needed(package: str) -> ModuleType:
    """The package: onnx, onnxruntime or openvino. Raises ImportError, saying what to do, where it is not to be had."""
    _silence(package)
    if not installed(package):
        raise ImportError(f"ONNX files need the package {package}: pip install {INSTALL[package]}")
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(
            f"the package {package} is installed, but cannot be imported ({' '.join(str(error).split())[:200]}); "
            f"install it anew: pip install --force-reinstall {package}"
        ) from None


def installed(package: str) -> bool:
    """Whether a package is there; a folder of its name beside a script or in the working folder is none."""
    found = importlib.util.find_spec(package)
    return found is not None and found.origin is not None


def _silence(package: str) -> None:
    """Switch off what a package would send."""
    if package == "onnxruntime":
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # its own switch, read when it is imported
        if package in sys.modules and sys.modules[package]:  # too late for that: at least no more events
            sys.modules[package].disable_telemetry_events()
    elif package == "openvino":
        # It has a switch only for everything that a person ever runs, in a file in their home. It does without this
        # package of its own where that is not installed; None in its place is how Python says so.
        sys.modules.setdefault("openvino_telemetry", None)
