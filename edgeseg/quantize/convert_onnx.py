"""Float ONNX file to half floats, or to int8 weights with activations that ONNX Runtime quantizes as it runs."""

from __future__ import annotations

from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from edgeseg.core.container import write_facts
from edgeseg.core.errors import QuantizeError, first_line
from edgeseg.core.files import atomic_path, temporary_folder
from edgeseg.core.protocols import Recipe
from edgeseg.core.quiet import quiet
from edgeseg.core.types import Artifact
from edgeseg.quantize.passes.edit import Editor
from edgeseg.quantize.prepare import prepare
from edgeseg.quantize.targets import target_for

__all__ = ["convert"]

_SINGLE = ("Celu",)
"""Which ONNX takes in float32 alone."""


def convert(artifact: Artifact, recipe: Recipe, path: Path) -> Artifact:
    """See `edgeseg.quantize.convert`."""
    dynamic = recipe.precision == "int8-dynamic"
    target = target_for(recipe.target, "onnx") if dynamic else None
    notes: tuple[str, ...] = ()
    with temporary_folder() as folder, atomic_path(path) as temporary:
        model, _ = prepare(artifact.path, folder / artifact.path.name, ())
        try:
            with quiet():
                if target:
                    # ConvInteger has one scale for all its weights; with 7 bits, two products stay inside 16.
                    quantize_dynamic(model, temporary, weight_type=QuantType.QInt8, reduce_range=target.pairs_fit)
                else:
                    notes = _out_of_range(model)
                    onnx.save(_in_half(model), temporary)
        except OSError:
            raise
        except Exception as error:
            problem = f"ONNX Runtime cannot convert it to {recipe.precision}: {first_line(error)}"
            raise QuantizeError(f"{artifact.path}: {problem}") from error
        bits = "int8" if target and not target.pairs_fit else "7-bit"
        dynamic_text = f"{bits} weights per tensor, uint8 activations quantized at run time"
        facts = replace(
            artifact.facts,
            precision=recipe.precision,
            parent_sha256=artifact.sha256,
            recipe=f"{recipe.name}: {dynamic_text if dynamic else 'float16 weights and activations'}",
            target=target.name if target else None,
            notes=(*artifact.facts.notes, *notes),
            tools={**artifact.facts.tools, "onnxruntime": metadata.version("onnxruntime")},
        )
        write_facts(temporary, facts)
    return Artifact(path, facts)


def _out_of_range(model: onnx.ModelProto) -> tuple[str, ...]:
    """A note on the constants that half floats cannot hold, which become the nearest that they can."""
    most = np.finfo(np.float16).max
    constants = (numpy_helper.to_array(each) for each in model.graph.initializer)
    count = sum(each.dtype == np.float32 and bool((np.abs(each) > most).any()) for each in constants)
    return (f"{count} constants hold values beyond float16's {most:.0f} and are cut off there",) if count else ()


def _in_half(model: onnx.ModelProto) -> onnx.ModelProto:
    _leave_out_empty(model)
    single = [*DEFAULT_OP_BLOCK_LIST, *_SINGLE]
    half: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True, op_block_list=single)
    ONNXModel(half).topological_sort()
    del half.graph.value_info[:]  # Some types there are of before.
    return half


def _leave_out_empty(model: onnx.ModelProto) -> None:
    """Of Resize, the inputs that are constants of no values, as opset 11 wrote them: a Cast hides that they are."""
    edit = Editor(model)
    for node in [node for node in model.graph.node if node.op_type == "Resize"]:
        values = {name: edit.constant(name) for name in node.input}
        node.input[:] = ["" if (value := values[name]) is not None and not value.size else name for name in node.input]
