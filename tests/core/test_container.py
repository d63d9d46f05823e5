"""Facts inside files: written without the formats' packages, read by them, and by every runtime, as before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper

from edgeseg.core import onnx_wire, tflite_wire
from edgeseg.core.container import KEY, read_facts, write_facts
from edgeseg.core.errors import InputError
from edgeseg.core.facts import facts_from_json
from edgeseg.core.types import Facts, InputFacts, Normalization, OutputFacts, Parity, Size

FACTS = Facts(
    model="toy",
    format="onnx",
    precision="fp32",
    input=InputFacts(Size(4, 6), normalization=Normalization((0.1, 0.2, 0.3), (1.0, 2.0, 3.0), "BGR")),
    output=OutputFacts("scores", Size(2, 3), align_corners=True),
    classes=("road", "sky"),
    framework="torch",
    parity=Parity(1e-6, 100.0, 2),
    tools={"onnx": "1.0"},
    notes=("a note",),
)


@pytest.fixture
def onnx_file(tmp_path: Path) -> Path:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 4, 6]) for n in "xy")
    model = helper.make_model(helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y]))
    model.metadata_props.add(key="other", value="kept")
    path = tmp_path / "toy.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture
def tflite_file(tmp_path: Path) -> Path:
    """A model of one RELU, written with the schema's own classes."""
    import flatbuffers

    def tensor(name: str) -> schema.TensorT:
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name, [1, 4, 6, 3], schema.TensorType.FLOAT32, 0
        return made

    code, operator, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RELU
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], [1]
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [tensor("x"), tensor("y")], [operator], [0], [1]
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers, model.description = [schema.BufferT()], "a toy"
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path / "toy.tflite"
    path.write_bytes(bytes(builder.Output()))
    return path


@pytest.fixture(params=["onnx_file", "tflite_file"])
def file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


def test_round_trip_and_replacement(file: Path) -> None:
    assert read_facts(file) is None
    write_facts(file, FACTS)
    assert read_facts(file) == FACTS
    changed = replace(FACTS, model="another", notes=("x" * 5000,))
    write_facts(file, changed)
    assert read_facts(file) == changed


def test_onnx_package_reads_it_and_the_rest_stays(onnx_file: Path) -> None:
    before = onnx.load(onnx_file)
    for _ in range(2):
        write_facts(onnx_file, FACTS)
    after = onnx.load(onnx_file)
    onnx.checker.check_model(after)
    assert sorted(entry.key for entry in after.metadata_props) == sorted([KEY, "other"])
    assert after.graph == before.graph


def test_tflite_schema_reads_it_and_the_interpreter_runs_it(tflite_file: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    for _ in range(2):
        write_facts(tflite_file, FACTS)
    model = schema.ModelT.InitFromPackedBuf(tflite_file.read_bytes(), 0)
    assert [entry.name for entry in model.metadata] == [KEY.encode()]
    assert model.description == b"a toy"
    interpreter = Interpreter(str(tflite_file))
    interpreter.allocate_tensors()
    x = np.random.default_rng(0).standard_normal((1, 4, 6, 3)).astype(np.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), x.clip(0))


def test_a_constant_behind_the_flatbuffer_is_still_found(tflite_file: Path) -> None:
    """As ai-edge-quantizer and models over 2 GB keep their weights: by their place in the file."""
    import struct

    import flatbuffers
    from ai_edge_litert.interpreter import Interpreter

    from edgeseg.core import tflite_wire

    model = schema.ModelT.InitFromPackedBuf(tflite_file.read_bytes(), 0)
    weight = np.arange(4 * 6 * 3, dtype=np.float32).reshape(1, 4, 6, 3)
    constant, kept = schema.TensorT(), schema.BufferT()
    constant.name, constant.shape, constant.type, constant.buffer = "w", [1, 4, 6, 3], schema.TensorType.FLOAT32, 1
    kept.offset, kept.size = 2, weight.nbytes
    model.buffers.append(kept)
    graph = model.subgraphs[0]
    graph.tensors.append(constant)
    graph.operators[0].inputs = [0, 2]
    model.operatorCodes[0].builtinCode = model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    graph.operators[0].builtinOptionsType = schema.BuiltinOptions.AddOptions
    graph.operators[0].builtinOptions = schema.AddOptionsT()
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    content = bytearray(builder.Output())
    content += bytes(-len(content) % 16)
    table = tflite_wire._parse(bytes(content) + bytes(2 + weight.nbytes)).buffers[1]
    struct.pack_into("<Q", content, tflite_wire._field(bytes(content), table, 1) or 0, len(content))
    tflite_file.write_bytes(bytes(content) + weight.tobytes())

    def run() -> np.ndarray:
        interpreter = Interpreter(str(tflite_file))
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.ones((1, 4, 6, 3), np.float32))
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    np.testing.assert_array_equal(run(), weight + 1)
    for _ in range(2):
        write_facts(tflite_file, FACTS)
        np.testing.assert_array_equal(run(), weight + 1)
    assert read_facts(tflite_file) == FACTS
    tflite_file.write_bytes(tflite_file.read_bytes()[:-10])
    with pytest.raises(InputError, match="truncated"):
        read_facts(tflite_file)


def test_every_truncation_is_refused_by_name(file: Path) -> None:
    write_facts(file, FACTS)
    whole = file.read_bytes()
    broken = file.with_stem("broken")
    for share in (0.0, 0.1, 0.5, 0.9):
        broken.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError, match=broken.name):
            read_facts(broken)


def test_foreign_content_is_refused(file: Path) -> None:
    file.write_bytes(b"<html>not a model</html>" * 10)
    with pytest.raises(InputError, match=file.name):
        read_facts(file)


def test_missing_file_and_wrong_suffix(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.onnx"):
        read_facts(tmp_path / "gone.onnx")
    with pytest.raises(InputError, match=r"expected \.onnx or \.tflite"):
        read_facts(tmp_path / "model.pb")


def test_an_older_file_that_left_values_out_is_read() -> None:
    values = FACTS.to_json()
    parity = {"max_error": 1e-6, "agreement_percent": 100.0, "images": 2, "unsteady_percent": 0.5}
    assert facts_from_json({**values, "parity": parity}).parity == FACTS.parity


def test_facts_of_another_schema_are_refused() -> None:
    with pytest.raises(InputError, match="schema 99"):
        facts_from_json({**FACTS.to_json(), "schema": 99})
    with pytest.raises(InputError, match="damaged"):
        facts_from_json({"schema": FACTS.schema})


@pytest.mark.parametrize(
    "change",
    [
        lambda values: [values],
        lambda values: None,
        lambda values: {**values, "input": 3},
        lambda values: {**values, "precision": "int7"},
        lambda values: {**values, "classes": "abc"},
        lambda values: {**values, "calibration": "many images"},
        lambda values: {**values, "output": {**values["output"], "size": {"height": "a", "width": 3}}},
        lambda values: {**values, "input": {**values["input"], "normalization": {"mean": [0, 0], "std": [1, 1]}}},
        lambda values: {**values, "other": 1},
    ],
)
def test_damaged_facts_are_told_in_one_line(change: Callable[[Any], Any], file: Path) -> None:
    write_facts(file, FACTS)
    old, new = (json.dumps(each, separators=(",", ":")) for each in (FACTS.to_json(), change(FACTS.to_json())))
    wire = {".onnx": onnx_wire, ".tflite": tflite_wire}[file.suffix]
    assert wire.read_metadata(file.read_bytes(), KEY) == old.encode()
    file.write_bytes(wire.write_metadata(file.read_bytes(), KEY, new.encode()))
    with pytest.raises(InputError, match=rf"{file.name}: damaged facts: .+; make the file again"):
        read_facts(file)
