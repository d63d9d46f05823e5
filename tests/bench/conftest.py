from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from edgeseg.core.record import Record
from edgeseg.core.types import Size

_RECORD = Record(
    name="net.onnx",
    model="net",
    format="onnx",
    precision="fp32",
    head="scores",
    size=Size(256, 512),
    batch=1,
    runtime="onnxruntime",
    device="cpu",
    threads=2,
    network_ms=(10.0,) * 64,
    classmap_ms=(12.0,) * 64,
    sha256="f" * 64,
    params=1_140_000,
    madds=875_000_000,
    size_bytes=4 * 2**20,
    peak_rss_mib=143.2,
    dataset="scenes val",
    images=100,
    miou_percent=54.4,
    class_iou_percent={"road": 90.125, "person": None},
    environment={"threads": 2, "cpu_model": "some cpu"},
)


@pytest.fixture
def record() -> Callable[..., Record]:
    """One plausible float Record, changed as asked."""
    return lambda **changes: replace(_RECORD, **changes)


@pytest.fixture
def four(record: Callable[..., Record]) -> list[Record]:
    """Float and int8 in both formats, int8 first, those in TFLite with rounds."""
    shared = {"reference_ms": {"memory": (3.0,) * 10}}
    tflite = {"format": "tflite", "runtime": "litert", "sha256": "a" * 64, "name": "net.tflite", **shared}
    int8 = {"precision": "int8", "size_bytes": 2**20, "sha256": None}
    return [
        record(
            name="net.int8.onnx", parent_sha256="f" * 64, classmap_ms=(8.0,) * 64, miou_percent=54.1, **int8, **shared
        ),
        record(**shared),
        record(
            **{**tflite, **int8, "name": "net.int8.tflite", "parent_sha256": "a" * 64},
            network_ms=(5.0,) * 20 + (4.8,) * 10,
            network_rounds=tuple(number // 3 for number in range(30)),
            classmap_ms=(6.0,) * 20 + (5.7,) * 10,
            classmap_rounds=tuple(number // 3 for number in range(30)),
            miou_percent=54.6,
            notes=("2 operators stayed float",),
        ),
        record(**tflite, classmap_rounds=tuple(number // 8 for number in range(64))),
    ]
