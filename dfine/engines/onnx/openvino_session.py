"""A file under OpenVINO, on the CPU: in float32, or with the part that reads the picture in bfloat16.

OpenVINO rounds a whole model or none of it; what it offers to spare single operations does not reach all of them. So
the model is cut in two where the encoder ends, at the tokens. The first half is compiled for bfloat16, the second for
float32, and the tokens pass from one to the other without a copy. Of a file in int8, what is not in int8 of the first
half is in bfloat16 wherever the CPU has it: beside convolutions in int8, sums in float32 are the slower part.
"""

from __future__ import annotations

import functools
import threading
from pathlib import Path

import numpy as np
import torch

from dfine.engines.onnx import file
from dfine.engines.onnx.openvino_graph import rewritten
from dfine.engines.onnx.packages import needed
from dfine.weights.exceptions import CheckpointError

STARTING = threading.Lock()
READS = "/network/encoder/"  # the first half ends with the last operation of this name
TOKENS = "tokens"  # the second half's input
HINT = {"float32": "f32", "bfloat16": "bf16"}


class OpenVino:
    """A file under OpenVINO. The same attributes as `OnnxRuntime`.

    Raises:
        ValueError: the CPU has no bfloat16, or there is no such precision here.
        CheckpointError: the file cannot be run, or is not laid out as `dfine export` does.
    """

    provider = "openvino"

    def __init__(self, path: Path, precision: str = "float32"):
        if precision not in HINT:
            raise ValueError(f"OpenVINO computes in float32 or bfloat16 here, not in {precision}")
        openvino = needed("openvino")
        with STARTING:
            core = _core()
        if precision == "bfloat16" and not has_bfloat16():
            raise ValueError("this CPU has no bfloat16; float32 is as fast here")
        try:
            model = rewritten(core.read_model(str(path)))
            self.inputs = [node.get_any_name() for node in model.inputs]
            self.outputs = [node.get_any_name() for node in model.outputs]
            key = ["framework", file.KEY]
            self.text = model.get_rt_info(key).astype(str) if model.has_rt_info(key) else None
            mixed = self.text is not None and in_int8(model) and has_bfloat16()
            self.rounds = precision == "bfloat16" or mixed
            parts = zip(cut(model, path), ("bfloat16", "float32")) if self.rounds else [(model, "float32")]
            self._requests = [_compiled(core, part, p) for part, p in parts]
        except RuntimeError as error:
            raise CheckpointError(f"{path.name} cannot be run: {' '.join(str(error).split())[:300]}") from None
        self.version = openvino.__version__
        self._turn = threading.Lock()

    def run(self, outputs: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs asked for. Threads are answered one after the other."""
        first, *rest = self._requests
        with self._turn:
            if not rest:
                found = first.infer(feed)
                return [found[name] for name in outputs]
            first.infer({"images": feed["images"]})
            (second,) = rest
            second.set_tensor(TOKENS, first.get_output_tensor())
            found = second.infer({name: value for name, value in feed.items() if name != "images"})
            return [found[name] for name in outputs]


def in_int8(model) -> bool:
    """Whether a model has layers in int8."""
    return any(node.get_type_name() == "FakeQuantize" for node in model.get_ops())


def cut(model, path: Path) -> tuple:
    """The model of a file as two: pixels to the encoder's tokens, and tokens to the answers.

    Raises:
        CheckpointError: more or less than one tensor passes where the encoder ends.
    """
    openvino = needed("openvino")
    first = model.clone()
    place, _ = _border(first, path)
    images = [node for node in first.get_parameters() if "images" in node.output(0).get_names()]
    head = openvino.Model([place], images, "picture")

    second = model.clone()
    place, readers = _border(second, path)
    tokens = openvino.opset13.parameter(place.get_partial_shape(), place.get_element_type(), TOKENS)
    tokens.output(0).set_names({TOKENS})
    for reader in readers:
        reader.replace_source_output(tokens.output(0))
    others = [node for node in second.get_parameters() if "images" not in node.output(0).get_names()]
    return head, openvino.Model(second.get_results(), [tokens, *others], "queries")


def _border(model, path: Path) -> tuple:
    """The tensor in which the first half ends, and what of the second half reads it."""
    ahead, waiting = {}, [node for node in model.get_ordered_ops() if node.get_friendly_name().startswith(READS)]
    while waiting:
        node = waiting.pop()
        if node.get_friendly_name() not in ahead:
            ahead[node.get_friendly_name()] = node
            waiting += [value.get_node() for value in node.input_values()]
    found = []
    for node in ahead.values():
        for output in node.outputs() if node.get_type_name() != "Constant" else ():
            readers = [r for r in output.get_target_inputs() if r.get_node().get_friendly_name() not in ahead]
            if readers and output.get_element_type().is_real():
                found.append((output, readers))
    if len(found) != 1:
        raise CheckpointError(f"{path.name} cannot run in bfloat16: {len(found)} tensors leave its encoder, not one")
    return found[0]


def has_bfloat16() -> bool:
    """Whether OpenVINO finds bfloat16 in this CPU."""
    with STARTING:
        return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _compiled(core, model, precision: str):
    """A model, ready to be asked."""
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": HINT[precision],  # by itself it takes half precision wherever a CPU has it
    }
    return core.compile_model(model, "CPU", settings).create_infer_request()


@functools.cache
def _core():
    """OpenVINO's own state, one for the process, which is how it is meant, and never given up.

    Its CPU plugin lends the thread that starts it a stack for signals and takes it back when it goes, from whichever
    thread that happens; two plugins that go in the order in which they came leave the first one's, freed, and the next
    signal that Python handles ends the process (seen in OpenVINO 2026.4).
    """
    return needed("openvino").Core()
