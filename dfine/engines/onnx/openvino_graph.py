"""An exported graph with the same sums in operations that suit OpenVINO better, rewritten after it is read.

ONNX has no operation that sums rows of a table by weights; OpenVINO has, and need not write down the rows that every
query reads before it sums them. And its convolutions leave the channels of a cell side by side, which is how tokens
lie, so that no map need be turned over. A graph without these patterns stays as it is, and so does one for any number
of pictures, because OpenVINO has this sum only where it knows all sizes beforehand.
"""

from __future__ import annotations

import numpy as np

from dfine.engines.onnx.packages import needed

SAMPLING = "/cross_attn/MatMul"  # how the products of sampled rows and their weights are called
ENCODER = "/network/encoder/"


def rewritten(model):
    """A model of OpenVINO, changed in place, and given back.

    Tokens are the same numbers in the same order. What queries read is summed in another order, which changes it within
    rounding.
    """
    changed = [_sum_rows(node) or _lay_tokens(node) for node in model.get_ordered_ops()]
    if any(changed):
        model.validate_nodes_and_infer_types()
    return model


def _sum_rows(node) -> bool:
    """Whether a product of weights [B, Q, heads, 1, n] and gathered rows [B, Q, heads, n, D] gave way to a sum."""
    if node.get_type_name() != "MatMul" or not node.get_friendly_name().endswith(SAMPLING):
        return False
    share, gather = node.input_value(0), node.input_value(1).get_node()
    if gather.get_type_name() != "Gather":
        return False
    op, rows, index = needed("openvino").opset13, gather.input_value(0), gather.input_value(1)
    if rows.get_node().get_type_name() == "Pad":  # the number that makes Gather fast, which a sum need not have
        rows = rows.get_node().input_value(0)
    shape = index.get_partial_shape()
    if shape.is_dynamic or len(shape) != 4:  # it must know all sizes
        return False
    *front, count = (axis.get_length() for axis in shape)
    width = rows.get_partial_shape()[1].get_length()
    bags = op.constant(np.array([-1, count], np.int64))
    sums = needed("openvino").opset3.embedding_bag_packed_sum(
        rows, op.reshape(index, bags, False), op.reshape(share, bags, False)
    )
    found = op.reshape(sums, op.constant(np.array([*front, 1, width], np.int64)), False)
    return _replace(node, found)


def _lay_tokens(node) -> bool:
    """Whether maps that were flattened, joined and turned over are now turned over one by one, which takes no time."""
    joined = node.input_value(0).get_node() if node.get_type_name() == "Transpose" else None
    if joined is None or joined.get_type_name() != "Concat" or not joined.get_friendly_name().startswith(ENCODER):
        return False
    flat = [value.get_node() for value in joined.input_values()]
    order = node.input_value(1).get_node()
    turned = order.get_type_name() == "Constant" and order.get_data().tolist() == [0, 2, 1]
    if not turned or not all(map(_flattens, flat)):
        return False
    op, parts = needed("openvino").opset13, []
    for part in flat:
        depth = part.get_input_partial_shape(0)[1].get_length()
        last = op.transpose(part.input_value(0), op.constant(np.array([0, 2, 3, 1], np.int64)))
        parts.append(op.reshape(last, op.constant(np.array([0, -1, depth], np.int64)), True))
        last.set_friendly_name(f"{part.get_friendly_name()}/last")  # where the encoder ends is told by names
        parts[-1].set_friendly_name(f"{part.get_friendly_name()}/tokens")
    tokens = op.concat(parts, 1)
    tokens.set_friendly_name(joined.get_friendly_name())
    return _replace(node, tokens)


def _flattens(node) -> bool:
    """Whether a node makes [B, D, H·W] of [B, D, H, W]."""
    if node.get_type_name() != "Reshape":
        return False
    before, after = [*node.get_input_partial_shape(0)], [*node.get_output_partial_shape(0)]
    if len(before) != 4 or len(after) != 3 or any(axis.is_dynamic for axis in before[1:] + after[1:]):
        return False
    depth, height, width = (axis.get_length() for axis in before[1:])
    return [axis.get_length() for axis in after[1:]] == [depth, height * width]


def _replace(old, new) -> bool:
    """Let what reads a node read another one; True."""
    for reader in list(old.output(0).get_target_inputs()):
        reader.replace_source_output(new.output(0))
    return True
