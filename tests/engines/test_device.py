"""Where a network runs: what is there, what is not, and what happens without room."""

import pytest
import torch

from dfine.engines.device import layout, moved, out_of_memory, resolve


@pytest.mark.parametrize("cuda, mps, want", [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_auto_takes_the_best_there_is(monkeypatch, cuda, mps, want):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert resolve("auto").type == want


def test_devices_that_are_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device in ("cuda", "cuda:0", torch.device("cuda")):
        with pytest.raises(ValueError, match="has no cuda.*there is .*cpu"):
            resolve(device)
    with pytest.raises(ValueError, match="no device 'gpu'; choose auto, cuda, mps or cpu"):
        resolve("gpu")


@pytest.mark.parametrize("device, last", [("cpu", True), ("cuda:1", True), ("mps", False)])
def test_channels_come_last_but_on_a_macs_gpu(device, last):
    assert layout(torch.device(device)) == (torch.channels_last if last else torch.contiguous_format)


def test_a_network_that_finds_no_room_is_loaded_onto_the_cpu():
    class Full(torch.nn.Linear):
        def to(self, device):
            if torch.device(device).type == "mps":
                raise RuntimeError("MPS backend out of memory (allocated 1 GB)")
            return super().to(device)

    with pytest.warns(UserWarning, match="mps ran out of memory"):
        assert moved(Full(1, 1), torch.device("mps")).weight.device.type == "cpu"


@pytest.mark.parametrize("device", ["openvino", "tensorrt"])
def test_what_runs_exported_files_only_says_so(device):
    with pytest.raises(ValueError, match=f"{device} runs exported files: dfine export MODEL first"):
        resolve(device)


def test_gpus_are_counted_from_zero(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve("cuda") == torch.device("cuda") and resolve("cuda:1").index == 1
    with pytest.raises(ValueError, match="there is no cuda:2; there are 2 GPUs, counted from 0"):
        resolve("cuda:2")


@pytest.mark.parametrize(
    "error, kind, want",
    [
        (RuntimeError("CUDA error: out of memory"), "cuda", True),
        (torch.OutOfMemoryError("anything"), "cuda", True),
        (RuntimeError("MPS backend out of memory"), "mps", True),
        (RuntimeError("shapes do not fit"), "cuda", False),
        (RuntimeError("out of memory"), "cpu", False),
    ],
)
def test_want_of_memory_is_told_from_other_errors(error, kind, want):
    assert out_of_memory(error, torch.device(kind)) is want


def test_other_errors_of_a_move_are_not_hidden():
    class Broken(torch.nn.Linear):
        def to(self, device):
            raise RuntimeError("device-side assert")

    with pytest.raises(RuntimeError, match="device-side assert"):
        moved(Broken(1, 1), torch.device("mps"))
