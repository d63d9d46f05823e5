"""The runtimes' own profilers, on real files."""

from __future__ import annotations

import numpy as np
import pytest

from edgeseg import runtimes
from edgeseg.core.errors import InputError, MeasureError
from edgeseg.core.types import Artifact, Model, Size
from edgeseg.runtimes import litert_trace


def opened(path):
    return runtimes.open_session(Artifact(path, runtimes.describe(path)), threads=1)


def test_onnx_runtime_names_every_kernel(write_onnx, image) -> None:
    with opened(write_onnx()) as session:
        trace = session.trace(image, 3)
    assert [kernel.op for kernel in trace.kernels if "Reorder" not in kernel.op] == ["Conv"]
    assert all(kernel.arithmetic == "float" and kernel.ms >= 0 and kernel.name for kernel in trace.kernels)
    assert 0 < sum(kernel.ms for kernel in trace.kernels) <= 2 * trace.run_ms


def test_litert_tells_of_operators_inside_of_xnnpack(write_tflite, image) -> None:
    with opened(write_tflite()) as session:
        trace = session.trace(image.transpose(0, 2, 3, 1), 3)
    assert "Convolution (NHWC, F32)" in trace.kernels[-1].op
    assert {kernel.part for kernel in trace.kernels} == {0}
    assert trace.run_ms > 0


def test_another_batch_is_refused(write_tflite, image) -> None:
    with pytest.raises(InputError, match=r"takes 6144 bytes, not the 12288 of shape \(2, 16, 32, 3\)"):
        litert_trace.trace(write_tflite(), np.zeros((2, 16, 32, 3), np.float32), 1, 1, 1)


def test_a_package_without_the_library_is_named(write_tflite, image, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(litert_trace.ai_edge_litert, "__file__", str(tmp_path / "__init__.py"))
    with opened(write_tflite()) as session, pytest.raises(MeasureError, match="no libLiteRt here"):
        session.trace(image.transpose(0, 2, 3, 1), 1)


def test_a_source_network_has_no_profiler() -> None:
    import torch

    model = Model("mine", "torch", torch.nn.Identity(), ("a", "b", "c"), size=Size(8, 8))
    with runtimes.open_session(model, threads=1) as session, pytest.raises(InputError, match="no profiler"):
        session.trace(np.zeros((1, 3, 8, 8), np.float32), 1)
