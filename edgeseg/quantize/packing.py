"""A TFLite model in the schema's object form as the bytes of a file."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

__all__ = ["packed"]

_ALIGNMENT = 16
"""Of a constant's bytes in a TFLite file."""


def packed(model: Any) -> bytes:
    """The file, with its constants inside the FlatBuffer and aligned."""
    whole = copy.copy(model)
    whole.buffers = [_Constant(buffer.data) for buffer in model.buffers]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(whole))


@dataclass(frozen=True)
class _Constant:
    """A buffer that is aligned when it is packed, which the generated schema forgets to do."""

    data: Any

    def Pack(self, builder: Any) -> int:
        """What the generated schema calls."""
        content = None
        if self.data is not None and len(self.data):
            builder.Prep(_ALIGNMENT, len(self.data))
            content = builder.CreateByteVector(bytes(self.data))
        schema.BufferStart(builder)
        if content is not None:
            schema.BufferAddData(builder, content)
        return int(schema.BufferEnd(builder))
