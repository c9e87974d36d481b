"""The GPU's copy says what the folded one says, by torch's own operators here; its kernels are tested beside them."""

import pytest
import torch

from dfine.engines.folded import folded
from dfine.engines.fused import fused
from dfine.engines.gpu import GpuTokenNorm, for_gpu, working_kernels
from dfine.engines.precision import rounded
from dfine.network.queries import TokenNorm, anchors, margins
from dfine.trace.records import Memory
from tests.engines.test_fused import TOLERANCE, apart, drawn

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")


@pytest.mark.parametrize("size", ["n", "s", "l"])
@torch.inference_mode()
def test_the_copy_says_what_the_network_says(size):
    network, pixels = drawn(size, queries=30, classes=4), torch.rand(2, 3, 64, 96)
    copy = for_gpu(folded(fused(network)), None)
    assert apart(copy(pixels), network(pixels)) <= TOLERANCE
    assert not any(p.requires_grad for p in copy.parameters())


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
@torch.inference_mode()
def test_in_half_precision_maps_stay_in_it_and_what_must_not_be_rounded_is_not(half):
    """A CPU's autocast stands for that of a GPU, where enlarging a map would make it float32."""
    network = drawn("s", queries=30, classes=4)
    copy, kinds = for_gpu(rounded(folded(fused(network)), half, "cuda"), None), set()
    for part in copy.encoder.modules():
        if type(part).__name__ in ("GpuTwoMap", "GpuFusion"):
            part.register_forward_hook(lambda _, args, out: kinds.add(out.dtype))
    with torch.autocast("cpu", half):
        trace = copy(torch.rand(1, 3, 64, 96))
    assert kinds == {half}
    assert {t.dtype for r in trace.refinements for t in (r.edges, r.boxes)} == {torch.float32}
    assert (trace.last.boxes - network(torch.rand(1, 3, 64, 96)).last.boxes).isfinite().all()


@pytest.mark.parametrize("shapes", [((80, 80), (40, 40)), ((200, 160),), ((2, 3),), ((4, 4),) * 5 + ((1, 1),)])
@torch.inference_mode()
def test_tokens_that_may_not_propose_give_what_zeros_give_to_the_bit(shapes):
    torch.manual_seed(0)
    norm, count = TokenNorm(8).eval(), sum(h * w for h, w in shapes)
    torch.nn.init.normal_(norm.proj.bias)
    memory = Memory(torch.randn(2, count, 8), shapes)
    _, valid = anchors(shapes, like=memory.tokens)
    assert torch.equal(GpuTokenNorm(norm).proposing(memory, valid), norm.proposing(memory, valid))
    within = [
        (h - top - bottom) * (w - left - right) for (h, w), (left, right, top, bottom) in zip(shapes, margins(shapes))
    ]
    assert sum(within) == valid.sum()


def test_where_kernels_do_not_work_torch_does_their_work():
    """As on a device that is no GPU."""
    triton = pytest.importorskip("triton")
    if triton.knobs.runtime.interpret if hasattr(triton, "knobs") else False:
        pytest.skip("Triton interprets here")
    working_kernels.cache_clear()
    with pytest.warns(UserWarning, match="Triton does not work on cpu"):
        assert working_kernels(torch.device("cpu"), torch.float32) is None
    working_kernels.cache_clear()


@needs_gpu
@pytest.mark.parametrize("size", ["n", "s"])
@torch.inference_mode()
def test_the_copy_on_a_gpu(size):
    network, pixels = drawn(size, queries=30, classes=4).cuda(), torch.rand(2, 3, 64, 96, device="cuda")
    kernels = working_kernels(pixels.device, torch.float32)
    assert kernels is not None
    with torch.backends.cudnn.flags(allow_tf32=False):
        assert apart(for_gpu(folded(fused(network)), kernels)(pixels), network(pixels)) <= 10 * TOLERANCE
