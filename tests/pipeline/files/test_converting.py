"""`edgeseg.quantize` as a function, to precisions that need no calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import edgeseg
from edgeseg.core.errors import InputError, QuantizeError
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact, Precision
from edgeseg.pipeline.files.converting import try_out
from tests.quantize.nets import artifact
from tests.small import small_onnx


def test_what_gives_no_numbers_is_refused(tmp_path: Path) -> None:
    source = artifact(tmp_path, "onnx")
    try_out(source, source)
    model, written = onnx.load(source.path), Artifact(tmp_path / "written.onnx", source.facts)
    for tensor in model.graph.initializer:
        if tensor.name in ("stem.weight", "depthwise.weight"):
            tensor.CopyFrom(numpy_helper.from_array(np.float32(1e30) * numpy_helper.to_array(tensor), tensor.name))
    onnx.save(model, written.path)
    with pytest.raises(QuantizeError, match=rf"{source.path.name}: it overflows in fp32"):
        try_out(written, source)


def test_converting_is_for_float_files(tmp_path: Path) -> None:
    source = artifact(tmp_path, "onnx")
    result = edgeseg.quantize(source, recipe=Recipe(precision="int8-dynamic"))
    assert result.path == tmp_path / "net_scores_int8-dynamic.onnx"
    assert result.facts.madds
    with pytest.raises(InputError, match="it is int8-dynamic already"):
        edgeseg.quantize(result, recipe=Recipe(precision="fp16"))


@pytest.mark.parametrize("precision", ["fp16", "int8-dynamic"])
@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_weights_are_to_be_float32_whatever_the_facts_say(tmp_path: Path, format: str, precision: str) -> None:
    source = artifact(tmp_path, format)
    made = edgeseg.quantize(source, recipe=Recipe(precision=precision))
    claimed = Artifact(made.path, source.facts)
    held = "float16" if precision == "fp16" else "int8"
    for wanted in ("int8", "fp16"):
        with pytest.raises(InputError, match=rf"{made.path.name}: it holds weights in {held}; give .* in float32"):
            edgeseg.quantize(claimed, recipe=Recipe(precision=wanted), path=tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("precision", ["int8", "fp16", "int8-dynamic"])
@pytest.mark.parametrize("level", ["EXTENDED", "ALL"])
def test_what_onnx_runtime_optimized_is_refused(tmp_path: Path, level: str, precision: Precision) -> None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_ENABLE_{level}")
    options.optimized_model_filepath, options.log_severity_level = str(tmp_path / "fused.onnx"), 3
    source = small_onnx(tmp_path / "net.onnx", behind="Relu")
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    said = r"fused\.onnx: (Fused)?Conv \S+ of com\.microsoft(\.nchwc)? is what .*; give the file from before that$"
    with pytest.raises(InputError, match=said):
        edgeseg.quantize(tmp_path / "fused.onnx", recipe=Recipe(precision=precision))
    assert len(list(tmp_path.iterdir())) == 2


def test_calibration_is_refused_where_there_is_none(tmp_path: Path) -> None:
    source = artifact(tmp_path, "onnx")
    with pytest.raises(InputError, match=r"fp16 needs no calibration; leave out .*kept\.npz"):
        edgeseg.quantize(source, recipe=Recipe(precision="fp16"), calibration=tmp_path / "kept.npz")
