"""The few bytes of the FlatBuffers format that reach a TFLite file's metadata.

Source: flatbuffers.dev, "FlatBuffer binary format"; the TFLite schema, tables Model (version 0, operator_codes 1,
subgraphs 2, description 3, buffers 4, metadata_buffer 5, metadata 6, then offsets only), SubGraph (tensors 0,
operators 3), Tensor (name 3), Metadata (name 0, buffer 1) and Buffer (data 0, offset 1, size 2). Offsets point
forwards, so a changed Model table goes BEFORE the old bytes, which stay as they are, but for the places in the file
that buffers behind the FlatBuffer are found by.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["read_metadata", "write_metadata"]

_VERSION, _OPERATOR_CODES, _SUBGRAPHS, _BUFFERS, _METADATA = 0, 1, 2, 4, 6
_TENSORS, _OPERATORS, _TENSOR_NAME = 0, 3, 3
_BUFFER_OFFSET, _BUFFER_SIZE = 1, 2
_ALIGNMENT = 64
_BAD = "not a TFLite file, or a truncated one; export it again or copy it anew"


def _u32(data: bytes, at: int) -> int:
    value: int = struct.unpack_from("<I", data, at)[0]
    return value


def _field(data: bytes, table: int, index: int) -> int | None:
    """Where a table's field lies; None where the table leaves it out."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if vtable < 0 or 4 + 2 * index >= struct.unpack_from("<H", data, vtable)[0]:
        return None
    offset = struct.unpack_from("<H", data, vtable + 4 + 2 * index)[0]
    return table + offset if offset else None


def _reference(data: bytes, table: int, index: int) -> int | None:
    at = _field(data, table, index)
    return None if at is None else at + _u32(data, at)


def _u64(data: bytes, at: int | None) -> int:
    value: int = 0 if at is None else struct.unpack_from("<Q", data, at)[0]
    return value


def _outside(data: bytes, buffer: int) -> int:
    """Where in the file a buffer's content lies that is kept behind the FlatBuffer; 0 for one within it."""
    offset = _u64(data, _field(data, buffer, _BUFFER_OFFSET))
    return offset if offset > 1 else 0


def _bytes(data: bytes, vector: int) -> bytes:
    end = vector + 4 + _u32(data, vector)
    if end > len(data):
        raise ValueError(_BAD)
    return data[vector + 4 : end]


def _tables(data: bytes, vector: int | None) -> list[int]:
    """The tables of a vector; ValueError where one does not lie within the file."""
    if vector is None:
        return []
    count = _u32(data, vector)
    if vector + 4 + 4 * count > len(data):
        raise ValueError(_BAD)
    slots = [vector + 4 + 4 * i for i in range(count)]
    tables = [slot + _u32(data, slot) for slot in slots]
    for table in tables:
        vtable = table - struct.unpack_from("<i", data, table)[0]
        if vtable < 0 or table + struct.unpack_from("<HH", data, vtable)[1] > len(data):
            raise ValueError(_BAD)
    return tables


@dataclass(frozen=True)
class _Parsed:
    root: int
    buffers: list[int]
    metadata: list[tuple[bytes, int]]


def _parse(data: bytes) -> _Parsed:
    if data[4:8] != b"TFL3":
        raise ValueError(_BAD)
    try:
        root = _u32(data, 0)
        _tables(data, _reference(data, root, _OPERATOR_CODES))
        for graph in _tables(data, _reference(data, root, _SUBGRAPHS)):
            for tensor in _tables(data, _reference(data, graph, _TENSORS)):
                name = _reference(data, tensor, _TENSOR_NAME)
                _ = name is None or _bytes(data, name)
            _tables(data, _reference(data, graph, _OPERATORS))
        buffers = _tables(data, _reference(data, root, _BUFFERS))
        for table in buffers:
            content = _reference(data, table, 0)
            if content is not None and content + 4 + _u32(data, content) > len(data):
                raise ValueError(_BAD)
            if _outside(data, table) + _u64(data, _field(data, table, _BUFFER_SIZE)) > len(data):
                raise ValueError(_BAD)
        metadata = []
        for table in _tables(data, _reference(data, root, _METADATA)):
            name, buffer = _reference(data, table, 0), _field(data, table, 1)
            metadata.append((b"" if name is None else _bytes(data, name), 0 if buffer is None else _u32(data, buffer)))
    except struct.error as error:
        raise ValueError(_BAD) from error
    return _Parsed(root, buffers, metadata)


def read_metadata(data: bytes, key: str) -> bytes | None:
    """The content of one named metadata buffer; ValueError where `data` is no whole TFLite model."""
    parsed = _parse(data)
    index = dict(parsed.metadata).get(key.encode())
    if index is None or index >= len(parsed.buffers):
        return None
    content = _reference(data, parsed.buffers[index], 0)
    return b"" if content is None else _bytes(data, content)


class _Prefix:
    """Bytes under construction; references are filled in once their targets are placed."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.to_old: list[tuple[int, int]] = []

    def align(self, unit: int) -> int:
        self.data += bytes(-len(self.data) % unit)
        return len(self.data)

    def u32(self, *values: int) -> int:
        at = len(self.data)
        self.data += struct.pack(f"<{len(values)}I", *values)
        return at

    def refer(self, slot: int, target: int) -> None:
        struct.pack_into("<I", self.data, slot, target - slot)

    def table(self, offsets: list[int], inline_words: int) -> int:
        """A vtable with the fields' offsets, then a table of that many words after its own first one."""
        self.align(4)
        size = 4 + 4 * inline_words
        vtable = len(self.data)
        self.data += struct.pack(f"<{2 + len(offsets)}H", 4 + 2 * len(offsets), size, *offsets)
        table = self.align(4)
        self.data += struct.pack("<i", table - vtable) + bytes(4 * inline_words)
        return table

    def blob(self, content: bytes, unit: int) -> int:
        """A byte vector whose content is aligned."""
        self.data += bytes(-(len(self.data) + 4) % unit)
        at = self.u32(len(content))
        self.data += content + b"\0"
        return at


def write_metadata(data: bytes, key: str, value: bytes) -> bytes:
    """The same model with one named metadata buffer added or replaced."""
    old = _parse(data)
    replaced = dict(old.metadata).get(key.encode())
    index = len(old.buffers) if replaced is None else replaced
    names = [*[entry for entry in old.metadata if entry[0] != key.encode()], (key.encode(), index)]

    out = _Prefix()
    out.u32(0)
    out.data += b"TFL3"
    model = _copy_model(out, data, old.root)
    out.refer(0, model)

    slots = out.u32(len(old.buffers) + (replaced is None), *[0] * (len(old.buffers) + (replaced is None))) + 4
    out.refer(model + 4 * (1 + _BUFFERS), slots - 4)
    out.to_old += [(slots + 4 * i, table) for i, table in enumerate(old.buffers) if i != replaced]
    entries = out.u32(len(names), *[0] * len(names)) + 4
    out.refer(model + 4 * (1 + _METADATA), entries - 4)
    for i, (name, buffer) in enumerate(names):
        table = out.table([4, 8], 2)
        out.refer(entries + 4 * i, table)
        struct.pack_into("<I", out.data, table + 8, buffer)
        out.refer(table + 4, out.blob(name, 4))
    holder = out.table([4], 1)
    out.refer(slots + 4 * index, holder)
    out.refer(holder + 4, out.blob(value, 16))

    shift = out.align(_ALIGNMENT)
    for slot, target in out.to_old:
        out.refer(slot, target + shift)
    moved = bytearray(data)
    for table in old.buffers:
        if offset := _outside(data, table):
            struct.pack_into("<Q", moved, _field(data, table, _BUFFER_OFFSET) or 0, offset + shift)
    return bytes(out.data) + bytes(moved)


def _copy_model(out: _Prefix, data: bytes, root: int) -> int:
    """A new Model table whose fields still refer to the old content; buffers and metadata are left to fill in."""
    vtable = root - struct.unpack_from("<i", data, root)[0]
    count = max((struct.unpack_from("<H", data, vtable)[0] - 4) // 2, _METADATA + 1)
    present = [_field(data, root, i) is not None or i in (_BUFFERS, _METADATA) for i in range(count)]
    model = out.table([4 * (1 + i) if there else 0 for i, there in enumerate(present)], count)
    for i in range(count):
        slot, at = model + 4 * (1 + i), _field(data, root, i)
        if at is None or i in (_BUFFERS, _METADATA):
            continue
        if i == _VERSION:
            struct.pack_into("<I", out.data, slot, _u32(data, at))
        else:
            out.to_old.append((slot, at + _u32(data, at)))
    return model
