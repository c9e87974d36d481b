"""Files are tidied without changing what they compute, and say what they are."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from dfine.engines.onnx import file
from dfine.engines.onnx.packages import needed


class Padded(nn.Module):
    """A convolution and a max-pool, each behind a padding of its own, as in the stem of the backbone."""

    def __init__(self, positive: bool):
        super().__init__()
        self.conv1, self.conv2, self.positive = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1), positive

    def forward(self, x):
        x = self.conv1(x)
        x = x.relu() if self.positive else x
        read = self.conv2(nn.functional.pad(x, (0, 1, 0, 1)))
        return read + nn.functional.max_pool2d(nn.functional.pad(x, (1, 2, 1, 2)), 3, stride=1)


def written(module, path, size=8):
    pixels = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    raw = path.with_name("raw.onnx")
    file.write(module.eval(), (pixels,), ["y"], raw, opset=18, any_batch=True)
    file.simplify(raw, path, half=False)
    return pixels


def test_two_threads_write_one_after_the_other(tmp_path):
    """As a page does that prepares two models; torch itself refuses the second one."""

    class Slow(nn.Module):
        def forward(self, x):
            time.sleep(0.3)
            return x + 1

    pixels = (torch.zeros(1, 3, 4, 4),)
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(file.write, Slow(), pixels, ["y"], tmp_path / f"{i}.onnx", opset=18, any_batch=True)
            for i in range(2)
        ]
        for job in jobs:
            job.result()
    assert (tmp_path / "0.onnx").stat().st_size and (tmp_path / "1.onnx").stat().st_size


@pytest.mark.parametrize("positive", [True, False])
def test_pads_go_into_convolutions_and_where_nothing_is_negative_into_pools(tmp_path, positive):
    """A max-pool pads with minus infinity: the same as zeros only behind a ReLU."""
    torch.manual_seed(0)
    module, path = Padded(positive), tmp_path / "a.onnx"
    pixels = written(module, path)
    before = file.run(path, (pixels,))["y"]
    assert "Pad" in file.operators(path)
    file.merge_pads(path)
    assert ("Pad" in file.operators(path)) == (not positive)
    after = file.run(path, (pixels,))["y"]
    np.testing.assert_allclose(after, before, atol=1e-6)
    with torch.no_grad():
        np.testing.assert_allclose(after, module(pixels).numpy(), atol=1e-5)


def test_a_batch_that_may_be_any_and_operators_of_the_standard(tmp_path):
    pixels = written(Padded(True), tmp_path / "a.onnx")
    for count in (1, 2):
        assert file.run(tmp_path / "a.onnx", (pixels[:count],))["y"].shape[0] == count
    assert not any("." in name for name in file.operators(tmp_path / "a.onnx"))


def test_what_a_file_says_of_itself_comes_back(tmp_path):
    written(Padded(True), tmp_path / "a.onnx")
    about = {"dfine": "1.2", "names": ["Äpfel", "", "日本"], "size": [64, 96]}
    about["source"] = os.fsdecode(b"caf\xe9")  # as a folder's name that is not UTF-8 comes
    file.describe(tmp_path / "a.onnx", about)
    model = needed("onnx").load(tmp_path / "a.onnx")
    assert {p.key: json.loads(p.value) for p in model.metadata_props} == {file.KEY: about}
    assert (model.producer_name, model.producer_version) == ("dfine", "1.2")
    assert [entry.domain for entry in model.opset_import] == [""]
    file.describe(tmp_path / "a.onnx", about | {"dfine": "1.3"})  # and is replaced, not added to
    assert len(needed("onnx").load(tmp_path / "a.onnx").metadata_props) == 1


def test_half_precision_passes_as_it_is(tmp_path):
    """ONNX Runtime would put single precision in its place where a CPU has no other."""
    written(Padded(True), tmp_path / "a.onnx")
    content = (tmp_path / "a.onnx").read_bytes()
    file.simplify(tmp_path / "a.onnx", tmp_path / "b.onnx", half=True)
    assert (tmp_path / "b.onnx").read_bytes() == content and not (tmp_path / "a.onnx").exists()
