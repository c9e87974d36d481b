"""A table of rows reads what maps read: the same sums for any points, also those outside of the picture."""

from dataclasses import replace

import pytest
import torch

from dfine.config import Config
from dfine.engines.gather_attention import BagAttention, GatherAttention
from dfine.network.attention import DeformableAttention

forms = pytest.mark.parametrize("form", [BagAttention, GatherAttention])


def drawn(size="s", spread=3.0) -> DeformableAttention:
    """Attention whose points lie up to some box sizes off."""
    torch.manual_seed(0)
    attention = DeformableAttention(replace(Config.of(size), queries=9)).eval()
    with torch.no_grad():
        for part in (attention.offsets, attention.weights):
            torch.nn.init.normal_(part.weight, std=0.2)
        attention.offsets.bias.mul_(spread)
    return attention


def asked(attention, shapes, batch=2, queries=9):
    """Queries, boxes and memory tokens for maps of these shapes."""
    width = attention.offsets.in_features
    tokens = torch.randn(batch, sum(h * w for h, w in shapes), width)
    boxes = torch.cat((torch.rand(batch, queries, 2), 0.6 * torch.rand(batch, queries, 2)), -1)
    return torch.randn(batch, queries, width), boxes, tokens


@forms
@pytest.mark.parametrize("shapes", [((8, 6), (4, 3), (2, 2)), ((6, 8), (3, 4), (1, 1)), ((4, 1), (2, 1), (1, 1))])
@torch.inference_mode()
def test_rows_of_a_table_say_what_maps_say(form, shapes):
    attention = drawn()
    query, boxes, tokens = asked(attention, shapes)
    want, (points, _) = attention(query, boxes, attention.values(tokens, shapes))
    assert (points < 0).any() and (points > 1).any()  # some lie outside, where there is nothing to read
    table = form(attention)
    have, where = table(query, boxes, table.values(tokens, shapes))
    torch.testing.assert_close(have, want, atol=1e-4, rtol=1e-4)
    assert where is None


@forms
@torch.inference_mode()
def test_pictures_of_a_batch_do_not_read_each_other(form):
    attention = drawn("n", spread=1.0)
    shapes = ((4, 6), (2, 3))
    query, boxes, tokens = asked(attention, shapes, batch=3)
    table = form(attention)
    whole = table(query, boxes, table.values(tokens, shapes))[0]
    for i in range(3):
        one = slice(i, i + 1)
        alone = table(query[one], boxes[one], table.values(tokens[one], shapes))[0]
        torch.testing.assert_close(whole[one], alone, atol=1e-5, rtol=1e-5)


@forms
def test_the_attention_that_it_is_made_from_stays_as_it_is(form):
    attention = drawn()
    before = {key: value.clone() for key, value in attention.state_dict().items()}
    form(attention)
    assert all(torch.equal(value, before[key]) for key, value in attention.state_dict().items())


@torch.inference_mode()
def test_short_rows_are_gathered_longer_and_give_the_same_to_the_bit():
    """N's have 16 numbers, one less than `LONG`."""
    attention = drawn("n")
    rows, index, share = torch.randn(20, 16), torch.randint(0, 20, (1, 3, 8, 4)), torch.rand(1, 3, 8, 4)
    read = GatherAttention(attention).read(rows, index, share)
    assert torch.equal(read, (share.unsqueeze(-2) @ rows[index]).squeeze(-2)) and read.shape == (1, 3, 8, 16)
