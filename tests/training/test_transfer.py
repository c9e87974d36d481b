import torch

from dfine.config import Config
from dfine.data.labels import COCO, KNOWN, OBJECTS365, same
from dfine.network.detector import DFINE
from dfine.training.transfer import CLASSED, carry_over


def detector(classes, seed=0):
    torch.manual_seed(seed)
    network = DFINE(Config.of("n", classes=classes, queries=12)).eval()
    with torch.no_grad():
        for p in network.parameters():
            p.add_(torch.randn_like(p) * 0.02)
    return network


def logits(network):
    torch.manual_seed(1)
    with torch.no_grad():
        return network.eval()(torch.rand(1, 3, 64, 64))


def test_no_class_in_common_keeps_everything_else():
    source = detector(2)
    network, said = carry_over(source, ("cup", "key"), ("bus",))
    assert said.fresh == ("bus",)
    old, new = source.state_dict(), network.state_dict()
    kept = [key for key in old if not CLASSED.fullmatch(key)]
    assert all(torch.equal(old[key], new[key]) for key in kept)
    assert len(old) - len(kept) == 2 + 2 * source.config.layers + 1  # scores of the encoder, of each layer; labels
    assert torch.allclose(new["decoder.heads.0.score.bias"], torch.full((1,), -4.5951))  # as in a new network


def test_the_same_classes_in_another_order_give_the_same_scores():
    source = detector(3)
    network, said = carry_over(source, ("cup", "key", "bus"), ("bus", "cup", "key"))
    assert said.fresh == ()
    a, b = logits(source), logits(network)
    torch.testing.assert_close(b.last.logits, a.last.logits[..., [2, 0, 1]])
    torch.testing.assert_close(b.last.boxes, a.last.boxes)
    torch.testing.assert_close(network.queries.label.weight[:3], source.queries.label.weight[[2, 0, 1]])


def test_what_was_carried_over_is_said():
    _, said = carry_over(detector(3), ("", "Wild Bird", "Cup"), ("cup", "bird", "cog"))
    assert said.carried == {"cup": "Cup", "bird": "Wild Bird"}
    assert str(said) == "2 of 3 classes start from the checkpoint's own (cup from Cup, bird from Wild Bird); new: cog"


def test_names_are_the_same_by_letters_then_by_alias_and_never_by_position():
    assert same((), ("cup",)) == {}
    assert same(("cup",), ()) == {}
    assert same(("",), ("",)) == {}  # a column that answers for nothing is no class
    assert same(("Stop-Sign", "sofa"), ("stop sign", "couch")) == {"Stop-Sign": "stop sign", "sofa": "couch"}
    assert same(("cup",), ("CUP", "cup")) == {"cup": "cup"}
    assert same(("Soccer", "Other Balls"), ("sports ball",)) == {"Soccer": "sports ball"}  # none is given out twice


def test_all_of_coco_is_found_in_objects365():
    found = same(COCO, KNOWN["objects365"])
    assert len(found) == 80
    assert len(set(found.values())) == 80
    assert sum(a.lower() == b.lower() for a, b in found.items()) == 70
    assert found["sports ball"] == "Other Balls"
    assert set(found.values()) <= set(OBJECTS365)
