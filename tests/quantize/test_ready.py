"""What is made ready for int8 is held against the file that it was made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgeseg import quantize
from edgeseg.core.container import write_facts
from edgeseg.core.errors import QuantizeError
from edgeseg.core.protocols import Calibration, Recipe
from edgeseg.core.types import Artifact
from tests.quantize.nets import CLASSES, SIZE, OnnxNet, artifact, calibration


def off(given: Calibration, source: Artifact, error: float) -> Calibration:
    """What was prepared from the source seems to give something else, by a part of the spread."""

    def observe(observed: Artifact, batches: Any, names: Any) -> Any:
        own = 0.0 if observed.path == source.path else error
        for tensors in given.observe(observed, batches, names):
            yield ((name, value + own * np.ptp(value)) for name, value in tensors)

    return replace(given, observe=observe)


def quantized(source: Artifact, samples: Calibration, folder: Path) -> Artifact:
    path = folder / f"{source.path.stem}_int8{source.path.suffix}"
    return quantize.quantizer(source.facts.format)(source, Recipe(), samples, path)


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_another_function_is_refused(folder: Path, format: str, tmp_path: Path) -> None:
    source = artifact(folder, format)
    with pytest.raises(QuantizeError, match=rf"{source.path.name}: .* moved its output by 1\.0e-02 of the spread"):
        quantized(source, off(calibration(source), source, 0.01), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_network_that_holds_its_output_under_no_rounding(folder: Path, tmp_path: Path) -> None:
    """Which of two equal branches is larger depends on how they are rounded, and decides a part of the scores."""
    net = OnnxNet()
    branches = [net.conv(net.add("Relu", [net.conv("image", f"{b}1", 3, 8)], f"{b}2"), f"{b}3", 8, 1) for b in "ab"]
    a, b = ({t.name[1:]: t for t in net.weights if t.name[0] == branch} for branch in "ab")
    for name, factor in (("1.weight", 3), ("1.bias", 3), ("3.weight", 1 / 3), ("3.bias", 1)):
        values = onnx.numpy_helper.to_array(a[name]) * np.float32(factor)
        b[name].CopyFrom(onnx.numpy_helper.from_array(values, f"b{name}"))
    larger = net.add("Cast", [net.add("Greater", branches, "larger")], "draw", to=TensorProto.FLOAT)
    net.add("Add", [net.conv("image", "scores_of_image", 3, len(CLASSES)), larger], "scores")
    value, shape = helper.make_tensor_value_info, (SIZE.height, SIZE.width)
    graph = helper.make_graph(
        net.nodes, "net", [value("image", 1, [1, 3, *shape])], [value("scores", 1, [1, 5, *shape])], net.weights
    )
    facts = artifact(folder, "onnx").facts
    source = Artifact(tmp_path / "draw.onnx", replace(facts, output=replace(facts.output, size=SIZE)))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), source.path)
    write_facts(source.path, source.facts)
    assert quantized(source, calibration(source), tmp_path).path.exists()
    with pytest.raises(QuantizeError, match=r"moved its output by 1\.\de\+00 of the spread"):
        quantized(source, off(calibration(source), source, 1), tmp_path)


def test_channels_filled_up_wrongly_are_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are filled up after all the rest was held against the source."""
    source = artifact(folder, "onnx")

    def fill_up_wrongly(model: onnx.ModelProto) -> int:
        convolution = next(node for node in model.graph.node if node.op_type == "Conv")
        bias = next(tensor for tensor in model.graph.initializer if tensor.name == convolution.input[2])
        bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + 1, bias.name))
        return 1

    monkeypatch.setattr("edgeseg.quantize.onnx.align_channels", fill_up_wrongly)
    with pytest.raises(QuantizeError, match="moved its output by"):
        quantized(source, calibration(source), tmp_path)
    assert not list(tmp_path.iterdir())
