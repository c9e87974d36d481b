"""The small parts of the network."""

import pytest
import torch
from torch import nn

from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.network.encoder import positions
from dfine.network.layers import MLP, Affine, ConvNorm, Normalise, flatten, inverse_sigmoid, table


def test_tables_are_kept_and_serve_training_after_inference():
    network, pixels = DFINE(Config.of("n", classes=2, queries=10)), torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        network.eval()(pixels)
    trace = network.train()(pixels)
    (trace.last.boxes.sum() + trace.last.logits.sum()).backward()
    assert network.encoder.transformer.linear1.weight.grad.isfinite().all()
    like = torch.zeros(1)
    assert positions(2, 3, 8, like=like) is positions(2, 3, 8, like=like)
    assert positions(2, 3, 8, like=like.double()).dtype == torch.float64


def test_an_inverse_sigmoid_undoes_a_sigmoid_and_is_finite_at_the_ends():
    x = torch.linspace(-6, 6, 25)
    assert torch.allclose(inverse_sigmoid(x.sigmoid()), x, atol=1e-4)
    ends = inverse_sigmoid(torch.tensor([-1.0, 0.0, 1.0, 2.0]))
    assert torch.allclose(ends, torch.log(torch.tensor(1e-5)) * torch.tensor([1.0, 1.0, -1.0, -1.0]))


def test_an_mlp_by_hand():
    """Two layers: 1·x + 0 twice over, ReLU, then the sum of both; nothing is cut off behind the last layer."""
    mlp = MLP(1, 2, 1, 2)
    with torch.no_grad():
        for layer in mlp.layers:
            layer.weight.fill_(1)
            layer.bias.zero_()
        mlp.layers[1].bias.fill_(-5)
    assert mlp(torch.tensor([[3.0], [-3.0]])).flatten().tolist() == [1.0, -5.0]
    assert len(MLP(4, 8, 2, 1).layers) == 1


def test_an_mlp_that_starts_at_zero_says_zero_and_learns():
    mlp = MLP(4, 8, 2, 3).zero_last()
    said = mlp(torch.randn(5, 4))
    assert (said == 0).all()
    said.sum().backward()
    assert mlp.layers[-1].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("kernel, stride, side", [(1, 1, 6), (3, 1, 6), (5, 1, 6), (3, 2, 3)])
def test_a_convolution_keeps_the_sides_of_the_map_but_for_its_stride(kernel, stride, side):
    assert ConvNorm(2, 3, kernel, stride)(torch.rand(1, 2, 6, 6)).shape == (1, 3, side, side)


def test_a_convolution_has_an_activation_and_an_affine_block_only_where_asked_for():
    plain, full = ConvNorm(1, 1), ConvNorm(1, 1, activation="relu", affine=True)
    assert isinstance(plain.activation, nn.Identity) and isinstance(plain.affine, nn.Identity)
    with torch.no_grad():
        full.conv.weight.fill_(1)
        full.affine.scale.fill_(2)
        full.affine.bias.fill_(0.5)
    said = full.eval()(torch.tensor([-1.0, 3.0]).view(1, 1, 1, 2)).flatten()  # running mean 0, variance 1
    assert said.tolist() == pytest.approx([0.5, 6.5], abs=1e-3)


def test_an_affine_block_starts_as_nothing():
    x = torch.randn(1, 2, 3, 3)
    assert torch.equal(Affine()(x), x)


def test_pixels_on_another_scale_by_hand():
    scaled = Normalise((0.5, 0.0, 1.0), (0.5, 1.0, 2.0))(torch.ones(1, 3, 1, 1))
    assert scaled.flatten().tolist() == [1.0, 1.0, 0.0]
    assert not Normalise((0, 0, 0), (1, 1, 1)).state_dict(), "it follows from the configuration"


def test_a_map_becomes_tokens_row_by_row():
    tokens = flatten(torch.arange(6.0).view(1, 1, 2, 3).repeat(1, 2, 1, 1))
    assert tokens.shape == (1, 6, 2) and tokens[0, :, 0].tolist() == [0, 1, 2, 3, 4, 5]


def test_a_table_is_made_once_for_every_size_and_type():
    made = []

    @table
    def numbers(count, device, dtype):
        made.append((count, dtype))
        return torch.arange(count, device=device, dtype=dtype)

    like = torch.zeros(1)
    assert numbers(3, like=like) is numbers(3, like=like)
    assert numbers(3, like=like.double()).dtype == torch.float64 and len(numbers(4, like=like)) == 4
    assert made == [(3, torch.float32), (3, torch.float64), (4, torch.float32)]
