"""The weights of a float TFLite model in the schema's object form, see `finite.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ai_edge_litert.tools import flatbuffer_utils

from edgeseg.core.errors import QuantizeError, first_line
from edgeseg.quantize.finished.operators import WEIGHTED
from edgeseg.quantize.tflite_passes.edit import Editor, Op
from edgeseg.quantize.weights.finite import Constant, check_finite

__all__ = ["read_whole"]

_NAMES = {getattr(Op, name): name for name in sorted(WEIGHTED) if hasattr(Op, name)}


def read_whole(path: Path) -> Any:
    """The model of a float file, its tensors named apart.

    Raises QuantizeError where it cannot be read, or its weights are NaN or infinite.
    """
    try:
        model = flatbuffer_utils.read_model(str(path))
    except Exception as error:
        raise QuantizeError(f"{path}: LiteRT cannot read it: {first_line(error)}; export it again") from error
    _complete(model)
    check_finite(_weights_of(model), path)
    return model


def _complete(model: Any) -> None:
    """Give the tensors of the first subgraph what a file may leave out: a shape, and a name of its own."""
    names: set[bytes] = set()
    for index, tensor in enumerate(model.subgraphs[0].tensors):
        if tensor.shape is None:
            tensor.shape = []
        if not tensor.name or tensor.name in names:
            tensor.name = b"%s_%d" % (tensor.name or b"tensor", index)
        names.add(tensor.name)


def _weights_of(model: Any) -> Iterator[Constant]:
    edit = Editor(model)
    for op in edit.operators(*_NAMES):
        reader = f"{_NAMES[edit.kind(op)]} {edit.tensor(op.outputs[0]).name.decode()}"
        for index in op.inputs:
            if (values := edit.constant(index)) is not None:
                yield Constant(edit.tensor(index).name.decode(), reader, values)
