"""The few bytes of the protobuf wire format that reach an ONNX file's metadata and the files that hold its weights.

Source: protobuf.dev, "Encoding"; onnx.proto, messages ModelProto (graph = 7, metadata_props = 14), GraphProto
(node = 1, initializer = 5), NodeProto (attribute = 5), AttributeProto (t = 5, g = 6) and TensorProto (dims = 1,
data_type = 2, external_data = 13). A protobuf message stays valid when top-level fields are taken out or appended, so
the graph's values are never decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap
from typing import TypeAlias

__all__ = ["external_files", "read_metadata", "weight_types", "write_metadata"]

Content: TypeAlias = bytes | mmap
"""Of a whole file."""

_GRAPH, _METADATA = 7, 14
_NODE, _INITIALIZER, _ATTRIBUTE, _TENSOR, _SUBGRAPH = 1, 5, 5, 5, 6
_DIMS, _DATA_TYPE, _EXTERNAL_DATA = 1, 2, 13
_BAD = "not an ONNX file, or a truncated one; export it again or copy it anew"


def _varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    value = 0
    try:
        for shift in range(0, 70, 7):
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
    except IndexError as error:
        raise ValueError(_BAD) from error
    raise ValueError(_BAD)


def _encoded_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _fields(data: memoryview) -> Iterator[tuple[int, int, int, int]]:
    """(field number, start of tag, start of content, end) of every field of one message."""
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        content = at
        match tag & 7:
            case 0:
                _, at = _varint(data, at)
            case 1:
                at += 8
            case 2:
                length, content = _varint(data, at)
                at = content + length
            case 5:
                at += 4
            case _:
                raise ValueError(_BAD)
        if at > len(data) or tag >> 3 == 0:
            raise ValueError(_BAD)
        yield tag >> 3, start, content, at


def _entry(message: memoryview) -> tuple[bytes, bytes]:
    values = {number: bytes(message[content:end]) for number, _, content, end in _fields(message)}
    return values.get(1, b""), values.get(2, b"")


def _model_fields(data: Content) -> list[tuple[int, int, int, int]]:
    fields = list(_fields(memoryview(data)))
    if not any(number == _GRAPH for number, *_ in fields):
        raise ValueError(_BAD)
    return fields


def read_metadata(data: bytes, key: str) -> bytes | None:
    """The value of one metadata_props entry; ValueError where `data` is no whole ONNX model."""
    found = None
    for number, _, content, end in _model_fields(data):
        if number == _METADATA:
            name, value = _entry(memoryview(data)[content:end])
            found = value if name == key.encode() else found
    return found


def external_files(data: Content) -> list[str]:
    """Names of the files, in the model's folder, that hold tensors of it; ValueError where `data` is no ONNX model."""
    names = set()
    for tensor in (tensor for graph in _graphs(data) for tensor in _tensors(graph)):
        entries = dict(_entry(entry) for entry in _contents(tensor, _EXTERNAL_DATA))
        if location := entries.get(b"location"):
            names.add(location.decode())
    return sorted(names)


def weight_types(data: Content) -> set[tuple[int, int]]:
    """(type as a number of TensorProto.DataType, dimensions) of initializers; ValueError where it is no ONNX model."""
    found: set[tuple[int, int]] = set()
    for tensor in (tensor for graph in _graphs(data) for tensor in _contents(graph, _INITIALIZER)):
        rank = 0
        for dims in _contents(tensor, _DIMS):  # One at a time, or several packed into one field.
            rank += sum(byte < 0x80 for byte in dims)
        found.update((_varint(value, 0)[0], rank) for value in _contents(tensor, _DATA_TYPE))
    return found


def _graphs(data: Content) -> Iterator[memoryview]:
    for number, _, content, end in _model_fields(data):
        if number == _GRAPH:
            yield memoryview(data)[content:end]


def _tensors(graph: memoryview) -> Iterator[memoryview]:
    """Initializers and those of constant nodes, of its subgraphs too."""
    yield from _contents(graph, _INITIALIZER)
    for node in _contents(graph, _NODE):
        for attribute in _contents(node, _ATTRIBUTE):
            yield from _contents(attribute, _TENSOR)
            for subgraph in _contents(attribute, _SUBGRAPH):
                yield from _tensors(subgraph)


def _contents(message: memoryview, wanted: int) -> Iterator[memoryview]:
    return (message[content:end] for number, _, content, end in _fields(message) if number == wanted)


def write_metadata(data: bytes, key: str, value: bytes) -> bytes:
    """The same model with one metadata_props entry added or replaced."""
    kept = bytearray()
    for number, start, content, end in _model_fields(data):
        if number != _METADATA or _entry(memoryview(data)[content:end])[0] != key.encode():
            kept += data[start:end]
    entry = b"".join(
        bytes([field << 3 | 2]) + _encoded_varint(len(text)) + text for field, text in ((1, key.encode()), (2, value))
    )
    return bytes(kept) + bytes([_METADATA << 3 | 2]) + _encoded_varint(len(entry)) + entry
