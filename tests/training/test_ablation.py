"""Parts that are taken out: nothing where nothing is, one and no other where one is."""

from dataclasses import fields, replace

import torch

from dfine import distribution
from dfine.config import Config, LossWeights
from dfine.network.decoder import LQE, Decoder, Gate
from dfine.trace.records import Target
from dfine.training.ablation import VARIANTS, Ablation, NoQuality, Sum, even
from dfine.training.criterion import Criterion, stages_of
from dfine.training.losses import l1
from dfine.training.matching import hungarian
from tests.helpers import synthetic_trace

CONFIG = Config.of("n", classes=3, queries=5)


def targets():
    boxes = torch.tensor([[0.45, 0.5, 0.25, 0.2], [0.6, 0.55, 0.2, 0.3]])
    return [Target(torch.tensor([0, 2]), boxes)]


def kinds(decoder):
    """Which of a decoder's parts are the paper's."""
    return {
        "weighting": torch.equal(decoder.w, distribution.weighting(CONFIG.bins, CONFIG.a, CONFIG.c)),
        "gate": all(isinstance(layer.gateway, Gate) for layer in decoder.layers),
        "lqe": all(isinstance(heads.lqe, LQE) for heads in decoder.heads),
    }


def test_nothing_taken_out_is_the_network_and_the_criterion_of_everywhere_else():
    built = []
    for build in (Decoder, Ablation().decoder):
        torch.manual_seed(3)
        built.append(build(CONFIG))
    states = [decoder.state_dict() | {"w": decoder.w} for decoder in built]
    assert states[0].keys() == states[1].keys() and all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    terms = [criterion(synthetic_trace(), targets()) for criterion in (Criterion(), Ablation().criterion())]
    assert terms[0].keys() == terms[1].keys() and all(torch.equal(terms[0][k], terms[1][k]) for k in terms[0])


def test_every_variant_takes_out_one_part_and_keeps_the_weights_of_the_others():
    assert {f.name for f in fields(Ablation)} == {
        f.name for one in VARIANTS.values() for f in fields(one) if not getattr(one, f.name)
    }
    torch.manual_seed(3)
    whole = Decoder(CONFIG).state_dict()
    for ablation in VARIANTS.values():
        torch.manual_seed(3)
        decoder = ablation.decoder(CONFIG)
        assert kinds(decoder) == {name: getattr(ablation, name) for name in ("weighting", "gate", "lqe")}
        kept = decoder.state_dict()
        assert all(torch.equal(kept[name], whole[name]) for name in kept)


def test_even_bins_reach_as_far_as_the_paper_s_in_equal_steps():
    bins, w = even(32, 0.5), distribution.weighting(32, 0.5, 0.25)
    assert len(bins) == len(w) and bins[0] == w[0] and bins[-1] == w[-1] and bins[16] == 0
    assert torch.allclose(bins.diff(), torch.full((32,), 2 / 32))


def test_what_stands_in_for_the_parts():
    known, read = torch.randn(2, 4, 8), torch.randn(2, 4, 8)
    assert torch.equal(Sum(8, torch.nn.LayerNorm)(known, read), torch.nn.functional.layer_norm(known + read, (8,)))
    assert torch.equal(NoQuality()(torch.randn(2, 4, 4, 33)), torch.zeros(2, 4, 1))


def test_without_ddf_its_terms_are_zero_and_the_others_as_they_were():
    whole, without = (one.criterion()(synthetic_trace(), targets()) for one in (Ablation(), Ablation(ddf=False)))
    for name, value in whole.items():
        assert torch.equal(without[name], value) if not name.startswith("ddf/") else float(without[name]) == 0 < value


def test_without_the_union_every_stage_learns_from_its_own_match():
    trace, weights, (target,) = synthetic_trace(queries=12), LossWeights(), targets()
    together, apart = Criterion()(trace, [target]), Criterion(union=False)(trace, [target])
    for name, stage in stages_of(trace).items():
        own = hungarian(stage.logits, stage.boxes, [target], weights)
        by_hand = weights.l1 * l1(stage.boxes[own.picture, own.query], target.boxes[own.target]) / len(own)
        assert torch.allclose(apart[f"l1/{name}"], by_hand)
        assert torch.equal(apart[f"vfl/{name}"], together[f"vfl/{name}"])
    assert any(not torch.allclose(apart[name], together[name]) for name in apart)  # the stages do not agree here


def test_where_all_stages_agree_the_union_changes_nothing():
    trace = synthetic_trace()
    boxes, logits = trace.initial.boxes, trace.initial.logits
    alike = tuple(replace(layer, boxes=boxes, logits=logits) for layer in trace.refinements)
    trace = replace(trace, proposals=trace.initial, refinements=alike)
    terms, expected = (Criterion(union=union)(trace, targets()) for union in (False, True))
    assert all(torch.equal(terms[name], expected[name]) for name in expected)
