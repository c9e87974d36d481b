"""ONNX files: written by torch, tidied by ONNX Runtime, and what they say of themselves."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dfine.engines.onnx.packages import needed
from dfine.paths import as_json

KEY = "dfine"  # of the metadata that says what the file is, as JSON
ALONE = threading.Lock()  # torch traces one module at a time, and refuses another that comes meanwhile


def write(
    module: nn.Module, inputs: tuple[Tensor, ...], outputs: list[str], path: Path, *, opset: int, any_batch: bool
) -> None:
    """The graph of what `module` does to `inputs`, `images` and perhaps `orig_target_sizes`, as torch traces it."""
    names = ["images", "orig_target_sizes"][: len(inputs)]
    axes = {name: {0: "batch"} for name in (*names, *outputs)} if any_batch else None
    with ALONE, warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")  # sizes of maps and counts of queries are constants of the file, on purpose
        torch.onnx.export(
            module,
            inputs,
            str(path),
            input_names=names,
            output_names=outputs,
            opset_version=opset,
            dynamic_axes=axes,
            dynamo=False,
        )


def simplify(source: Path, target: Path, *, half: bool) -> None:
    """Fold what is constant and drop what does nothing; only operators of the ONNX standard remain.

    Half precision passes as it is: ONNX Runtime would put single precision in its place wherever a CPU has no other.
    """
    if half:
        source.replace(target)
        return
    runtime = needed("onnxruntime")
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3
    runtime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def merge_pads(path: Path) -> None:
    """Let convolutions and max-pools add the zeros themselves that a Pad in front of them adds.

    A max-pool pads with −∞: that is the same only where nothing is below zero.
    """
    onnx = needed("onnx")
    model = onnx.load(path)
    graph = model.graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    for pad in [node for node in graph.node if node.op_type == "Pad"]:
        amount = constants.get(pad.input[1])
        fill = constants.get(pad.input[2], 1) if len(pad.input) > 2 and pad.input[2] else 0
        if amount is None or len(amount) != 8 or np.any(fill) or amount[[0, 1, 4, 5]].any():
            continue
        sides = amount[[2, 3, 6, 7]].tolist()  # top, left, bottom, right
        for node in graph.node:
            allowed = node.op_type == "Conv" or (
                node.op_type == "MaxPool" and _never_negative(made_by.get(pad.input[0]), constants)
            )
            if allowed and node.input[0] == pad.output[0]:
                own = next((a for a in node.attribute if a.name == "pads"), None)
                if own is None:
                    own = node.attribute.add()
                    own.CopyFrom(onnx.helper.make_attribute("pads", [0, 0, 0, 0]))
                own.ints[:] = [a + b for a, b in zip(own.ints, sides)]
                node.input[0] = pad.input[0]
        if not any(pad.output[0] in node.input for node in graph.node):
            graph.node.remove(pad)
    onnx.save(model, path)


def _never_negative(node, constants: dict) -> bool:
    """Whether what a node says is known to be at least 0."""
    if node is None or node.op_type != "Clip":
        return node is not None and node.op_type == "Relu"
    return len(node.input) > 1 and node.input[1] in constants and float(constants[node.input[1]]) >= 0


def run(path: Path, inputs: tuple[Tensor, ...]) -> dict[str, np.ndarray]:
    """The outputs of a file, by name, on the CPU."""
    runtime = needed("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {node.name: value.numpy() for node, value in zip(session.get_inputs(), inputs)}
    return dict(zip((node.name for node in session.get_outputs()), session.run(None, feed)))


def describe(path: Path, about: dict, outputs: dict[str, np.ndarray] | None = None) -> None:
    """Write what a file says of itself into it, and drop the versions of operator sets that it does not use.

    Args:
        path: of the file, which is replaced.
        about: what it says.
        outputs: by name, what it answers. It then also says how many numbers each has a picture, where tracing left
            names of sizes: only the batch may vary. Whatever plans its memory by the file, as servers do, asks for it.
    """
    onnx = needed("onnx")
    model = onnx.load(path)
    for node in model.graph.output if outputs else ():
        for size, known in list(zip(node.type.tensor_type.shape.dim, outputs[node.name].shape))[1:]:
            size.dim_value = known
    used = {node.domain for node in model.graph.node}
    kept = [entry for entry in model.opset_import if entry.domain in used | {""}]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    model.producer_name, model.producer_version = "dfine", about["dfine"]
    onnx.helper.set_model_props(model, {KEY: as_json(about)})
    onnx.save(model, path)


def operators(path: str | Path) -> set[str]:
    """The names of all operators in a file; those that are not of the standard come with their domain."""
    graph = needed("onnx").load(path, load_external_data=False).graph
    return {f"{node.domain}.{node.op_type}" if node.domain else node.op_type for node in graph.node}
