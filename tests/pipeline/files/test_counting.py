from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

from edgeseg.core.container import read_facts
from edgeseg.core.types import Artifact
from edgeseg.pipeline.files.counting import counted, recounted


def test_what_cannot_be_counted_is_noted(workspace: Path, tmp_path: Path) -> None:
    facts = read_facts(workspace / "fastscnn_64x128_fp32.onnx")
    assert facts is not None
    uncounted = replace(facts, params=None, madds=None)
    graph = helper.make_graph(
        [helper.make_node("Einsum", ["image", "mix"], ["scores"], equation="nchw,dc->ndhw")],
        "mixing",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 64, 128])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 5, 64, 128])],
        [numpy_helper.from_array(np.ones((5, 3), np.float32), "mix")],
    )
    path = tmp_path / "mixing.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    found = counted(uncounted, Artifact(path, uncounted))
    assert (found.params, found.madds) == (15, None)
    assert found.notes[-1] == "MAdds not counted: Einsum scores: MAdds of this operator cannot be read off the graph"
    assert counted(facts, Artifact(path, facts)) is facts


def test_what_another_tool_made_of_our_file_is_what_it_is_now(workspace: Path, tmp_path: Path) -> None:
    ours, path = workspace / "fastscnn_64x128_fp32.onnx", tmp_path / "theirs.onnx"
    facts = read_facts(ours)
    assert facts is not None
    assert recounted(facts, Artifact(ours, facts)) == facts
    quantize_dynamic(ours, path, op_types_to_quantize=["Conv"])
    theirs = read_facts(path)
    assert theirs == facts
    assert recounted(theirs, Artifact(path, theirs)).precision == "int8-dynamic"
    model = onnx.load(ours)
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    model.graph.node.append(helper.make_node("Conv", list(first.input), ["more"], name="more"))
    model.graph.node[-1].attribute.extend(first.attribute)
    model.graph.output.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, None))
    onnx.save(model, path)
    assert recounted(facts, Artifact(path, facts)).madds > facts.madds
