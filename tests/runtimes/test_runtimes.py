"""Discovery, and what opening refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edgeseg import runtimes
from edgeseg.core import registry
from edgeseg.core.errors import InputError, MissingDependency
from edgeseg.core.types import Artifact


def test_every_format_has_a_runtime() -> None:
    found = {format: runtimes.for_format(format) for format in ("onnx", "tflite", "torch", "keras")}
    assert found == {"onnx": "onnxruntime", "tflite": "litert", "torch": "torch", "keras": "keras"}
    with pytest.raises(InputError, match=r"no runtime for caffe; there are: .*litert"):
        runtimes.for_format("caffe")


def test_importing_the_room_loads_no_runtime() -> None:
    heavy = "{'torch', 'tensorflow', 'onnxruntime', 'onnx', 'numba', 'ai_edge_litert'}"
    code = f"import sys, edgeseg.runtimes as r; r.declarations(); sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_devices_of_every_runtime() -> None:
    assert set(runtimes.devices()) == set(runtimes.declarations())
    assert all("cpu" in offered for offered in runtimes.devices().values())


def test_a_missing_runtime_is_named(write_onnx, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_onnx()
    artifact = Artifact(path, runtimes.describe(path))
    monkeypatch.delitem(sys.modules, "edgeseg.runtimes.onnxruntime")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependency, match=r"onnxruntime: pip install 'edgeseg\[onnx\]'"):
        runtimes.open_session(artifact)
    assert runtimes.devices()["onnxruntime"] == ()


def test_tflite_runtime_serves_where_there_is_no_litert(monkeypatch: pytest.MonkeyPatch) -> None:
    import ai_edge_litert.interpreter as real

    monkeypatch.delitem(sys.modules, "edgeseg.runtimes.litert", raising=False)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime", type(sys)("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", real)
    assert registry.load("edgeseg.runtimes", "litert").Interpreter is real.Interpreter


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"runtime": "onxruntime"}, "no runtime 'onxruntime'; there are: keras, litert, onnxruntime, torch"),
        ({"runtime": "litert"}, "runtime litert runs tflite, not onnx; use onnxruntime"),
        ({"device": "npu"}, "no device 'npu' on runtime onnxruntime, which offers here: cpu"),
        ({"threads": 0}, "0 threads: at least 1 is needed"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(write_onnx, options, message) -> None:
    path = write_onnx()
    with pytest.raises(InputError) as caught:
        runtimes.open_session(Artifact(path, runtimes.describe(path)), **options)
    assert message in str(caught.value)
