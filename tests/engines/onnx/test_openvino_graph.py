"""What is rewritten for OpenVINO computes what the file does."""

from collections import Counter

import numpy as np
import pytest

pytest.importorskip("openvino", reason="openvino is not installed")

from dfine.engines.onnx.openvino_graph import rewritten
from dfine.engines.onnx.packages import needed
from tests.engines.onnx.same import ANY, SIZE

FLOAT32 = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}


def kinds(graph) -> Counter:
    return Counter(node.get_type_name() for node in graph.get_ops())


def answers(core, graph, *inputs) -> list[np.ndarray]:
    return [*core.compile_model(graph, "CPU", FLOAT32).create_infer_request().infer([*inputs]).values()]


def test_a_file_for_one_picture_is_rewritten_and_says_the_same(model, file):
    core = needed("openvino").Core()
    plain, ours = core.read_model(str(file[0])), rewritten(core.read_model(str(file[0])))
    before, after = kinds(plain), kinds(ours)
    sums = len(model.network.decoder.layers)
    assert after["EmbeddingBagPackedSum"] == sums and after["Gather"] == before["Gather"] - sums
    assert after["Pad"] == before["Pad"] - 1  # rows of 16 numbers are summed as they are
    assert after["Transpose"] == before["Transpose"] + 1  # of two maps, in the place of one of both
    pixels = np.random.default_rng(0).random((1, 3, *SIZE), dtype=np.float32)
    for want, have in zip(answers(core, plain, pixels), answers(core, ours, pixels), strict=True):
        np.testing.assert_allclose(have, want, atol=1e-5, rtol=1e-5)


def test_a_file_for_any_number_of_pictures_stays_as_it_is(exported):
    """The sum needs to know how many there are."""
    core, path = needed("openvino").Core(), str(exported(ANY)[0])
    before = kinds(core.read_model(path))
    assert kinds(rewritten(core.read_model(path))) == before and before["Gather"]


def test_tokens_are_the_same_numbers_in_the_same_order():
    op, openvino = needed("openvino").opset13, needed("openvino")
    maps = [op.parameter([1, 6, *side], np.float32) for side in ((4, 5), (2, 3))]
    flat = [op.reshape(m, op.constant(np.array([1, 6, -1], np.int64)), False) for m in maps]
    joined = op.concat(flat, 2)
    joined.set_friendly_name("/network/encoder/Concat")
    turned = op.transpose(joined, op.constant(np.array([0, 2, 1], np.int64)))
    graph = openvino.Model([op.relu(turned)], maps, "tokens")
    random, core = np.random.default_rng(0), openvino.Core()
    inputs = [random.normal(size=[*m.shape]).astype(np.float32) for m in maps]
    want = answers(core, graph.clone(), *inputs)[0]
    ours = rewritten(graph)
    assert kinds(ours)["Transpose"] == 2
    np.testing.assert_array_equal(answers(core, ours, *inputs)[0], want)


def test_what_queries_read_is_a_weighted_sum():
    """Rows that are longer than those of N, and have nothing beside them."""
    op, openvino = needed("openvino").opset13, needed("openvino")
    table, index = op.parameter([40, 32], np.float32), op.parameter([3, 5, 2, 7], np.int32)
    share = op.parameter([3, 5, 2, 1, 7], np.float32)
    product = op.matmul(share, op.gather(table, index, op.constant(np.int32(0))), False, False)
    product.set_friendly_name("/network/decoder/layers.0/cross_attn/MatMul")
    ours = rewritten(openvino.Model([product], [table, index, share], "sums"))
    assert not kinds(ours)["Gather"] and not kinds(ours)["MatMul"]
    random = np.random.default_rng(0)
    rows = random.normal(size=(40, 32)).astype(np.float32)
    places = random.integers(0, 40, (3, 5, 2, 7)).astype(np.int32)
    weights = random.random((3, 5, 2, 1, 7)).astype(np.float32)
    have = answers(openvino.Core(), ours, rows, places, weights)[0]
    np.testing.assert_allclose(have, weights @ rows[places], atol=1e-5)


def test_another_graph_stays_as_it_is():
    op, openvino = needed("openvino").opset13, needed("openvino")
    a, b = op.parameter([2, 3], np.float32), op.parameter([3, 2], np.float32)
    turned = op.transpose(op.concat([op.matmul(a, b, False, False)] * 2, 1), op.constant(np.array([1, 0], np.int64)))
    graph = openvino.Model([turned], [a, b], "other")
    before = kinds(graph)
    assert kinds(rewritten(graph)) == before
