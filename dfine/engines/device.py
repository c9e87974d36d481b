"""Where a network runs, and what happens when it finds no room there."""

from __future__ import annotations

import warnings

import torch
from torch import nn


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


def layout(device: torch.device) -> torch.memory_format:
    """How the maps of a network that learns lie in memory: channels last, but not on a Mac's GPU.

    There the gradients of convolutions and norms failed with channels last in most versions of torch.
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def moved(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on `device`, or, with a warning, on the CPU where the device has no room for it."""
    try:
        return network.to(device)
    except RuntimeError as error:
        if not out_of_memory(error, device):
            raise
    return to_cpu(network, device)


def out_of_memory(error: RuntimeError, device: torch.device) -> bool:
    """Whether the device, a GPU, failed for want of memory."""
    if device.type == "cpu":
        return False
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error).lower()


def to_cpu(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the CPU, with a warning that `device` had no room."""
    warnings.warn(
        f"{device} ran out of memory; going on with the CPU, which is slower. A smaller model or input size may fit.",
        stacklevel=5,
    )
    return network.to("cpu")
