"""Where a network runs."""

from __future__ import annotations

import torch


def resolve(device: str | torch.device) -> torch.device:
    """The device meant, which is there. Raises ValueError otherwise."""
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if str(device) == "auto":
        return torch.device(next(kind for kind, there in has.items() if there))
    if device in ("openvino", "tensorrt"):
        raise ValueError(f"{device} runs exported files: dfine export MODEL first, then load the .onnx")
    try:
        device = torch.device(device)
    except RuntimeError:
        raise ValueError(f"there is no device {device!r}; choose auto, cuda, mps or cpu") from None
    if not has.get(device.type, False):
        there = ", ".join(kind for kind, there in has.items() if there)
        raise ValueError(f"this machine, or this build of torch, has no {device}; there is {there} (or say auto)")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"there is no {device}; there are {torch.cuda.device_count()} GPUs, counted from 0")
    return device
