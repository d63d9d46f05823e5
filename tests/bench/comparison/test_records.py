from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.bench.comparison.records import read_records, write_records
from edgeseg.core.errors import InputError, WorkError
from edgeseg.core.evaluation import Evaluation
from edgeseg.core.record import Record


def test_round_trip(tmp_path: Path, four: list[Record]) -> None:
    path = tmp_path / "new" / "records.json"
    write_records(path, four)
    assert read_records(path) == tuple(four)
    assert [entry.name for entry in path.parent.iterdir()] == ["records.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, record: Callable[..., Record]) -> None:
    path = tmp_path / "records.json"
    write_records(path, [record()])
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_records(path, [record(miou_percent=float("nan"))])
    assert read_records(path) == (record(),)
    with pytest.raises(WorkError, match="cannot write"):
        write_records(path / "below" / "records.json", [record()])


def test_counts_and_evaluation_come_back_and_stand_on_a_line(tmp_path: Path, record: Callable[..., Record]) -> None:
    counts = (((1, 2), (3, 4), (5, 6)), ((7, 8), (9, 10), (11, 12))) * 50
    wide = Evaluation((0.5, 1.0), flip=True, at="label")
    path = tmp_path / "records.json"
    write_records(path, [record(image_counts=counts, evaluation=wide, notes=("[\n 1,\n 2\n]",))])
    assert read_records(path) == (record(image_counts=counts, evaluation=wide, notes=("[\n 1,\n 2\n]",)),)
    assert "[11, 12]" in path.read_text()


def test_records_of_before_are_read(tmp_path: Path, record: Callable[..., Record]) -> None:
    old = record().to_json()
    for later in ("evaluation", "image_counts", "network_rounds", "classmap_rounds", "reference_ms", "energy_mj"):
        del old[later]
    path = tmp_path / "records.json"
    path.write_text(json.dumps({"schema": 1, "records": [old]}))
    assert read_records(path) == (record(),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": 1, "rec', "not whole JSON"),
        ("[]", "holds no records"),
        ("[" * 100_000, "not whole JSON"),
        ('{"schema": 1, "records": 3}', "holds no records"),
        ('{"schema": 99, "records": []}', "schema 99"),
        ('{"schema": 1, "records": [5]}', "record 1: .*not 5; measure again with `edgeseg bench`"),
        ('{"schema": 1, "records": [null]}', "record 1: .*not null; measure again"),
        ('{"schema": 1, "records": [{"schema": 1}]}', "damaged record"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "records.json"
    path.write_text(content)
    with pytest.raises(InputError, match=f"records.json.*{message}"):
        read_records(path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"miou_percent": 250}, "miou_percent: 250 of 100"),
        ({"image_counts": [[[1], [2], [2]]] * 2, "images": 3}, "image_counts: of 2 images, but there are 3"),
        ({"image_counts": [[[3], [2], [4]]], "images": 1}, "image_counts: more pixels are right than there are"),
        ({"network_ms": [0.0] * 3}, "network_ms: expected a finite number above 0, not 0.0"),
        ({"network_ms": [-1.0]}, "network_ms: .* not -1.0"),
        ({"classmap_ms": ["fast"]}, 'classmap_ms: .* not "fast"'),
        ({"classmap_ms": [True]}, "classmap_ms: .* not true"),
        ({"classmap_ms": [float("inf")]}, "classmap_ms: .* not Infinity"),
        ({"network_ms": [10**400]}, "network_ms: .* not 10000"),
        ({"network_ms": 3.0}, "network_ms: expected a list"),
        ({"size": "64x128"}, "size: expected an object"),
        ({"size": {"height": 0, "width": 8}}, "size: height: expected a whole number from 1, not 0"),
        ({"head": "neck"}, "head: expected logits or scores or classmap"),
        ({"threads": "2"}, "threads: expected a whole number from 1"),
        ({"size_bytes": "large"}, "size_bytes: "),
        ({"size_bytes": 10**400}, "size_bytes: expected a whole number from 0, not 1000"),
        ({"environment": None}, "environment: expected an object, not null"),
        ({"environment": {"load": [1.0, float("nan")]}}, "environment: load: expected a finite number, not NaN"),
        ({"environment": {"gpu": {"\ud800": None}}}, r"environment: gpu: expected text of whole .*, not \"\\ud800\""),
        ({"name": "net\ud800"}, r"name: expected text of whole characters, not \"net\\ud800\""),
        ({"class_iou_percent": None}, "class_iou_percent: expected an object"),
        ({"notes": [1]}, "notes: expected text"),
        ({"network_rounds": [0, 1]}, "network_rounds: 2 of them, but 64 samples"),
        ({"classmap_rounds": [0] * 64, "reference_ms": {"memory": []}}, "reference_ms: memory: 0 times, but 1 rounds"),
        ({"image_counts": [[[1], [2]]]}, r"image_counts: expected \(images, 3, classes\)"),
        ({"image_counts": [[[1], [2], [3, 4]]]}, "image_counts: expected"),
        ({"evaluation": {"scales": [99.0], "flip": False, "at": "input"}}, "scales 99"),
        ({"evaluation": {"scales": [1.0], "flip": "no", "at": "input"}}, "evaluation: flip: expected true or false"),
    ],
)
def test_damaged_fields_are_named(
    tmp_path: Path, record: Callable[..., Record], changes: dict[str, object], told: str
) -> None:
    path = tmp_path / "records.json"
    values = [record().to_json(), {**record().to_json(), **changes}]
    path.write_text(json.dumps({"schema": 1, "records": values}))
    with pytest.raises(InputError, match=rf"records\.json: record 2: .*{told}.*; measure again with `edgeseg bench`$"):
        read_records(path)


def test_an_environment_comes_back_as_it_was_unless_it_is_too_deep(
    tmp_path: Path, record: Callable[..., Record]
) -> None:
    path = tmp_path / "records.json"
    one = record(environment={"cores": 2, "load": [0.5, 1], "governor": None, "on": True, "libraries": {"numpy": "2"}})
    write_records(path, [one])
    assert read_records(path) == (one,)
    deep = '{"deeper": ' * 500 + "1" + "}" * 500
    path.write_text(path.read_text().replace('"cores": 2', f'"cores": {deep}'))
    with pytest.raises(InputError, match=r"record 1: damaged record: .*recursion"):
        read_records(path)


def test_a_field_that_every_record_has_is_missed(tmp_path: Path, record: Callable[..., Record]) -> None:
    values = record().to_json()
    del values["environment"]
    path = tmp_path / "records.json"
    path.write_text(json.dumps({"schema": 1, "records": [values]}))
    with pytest.raises(InputError, match=r"record 1: .*environment is missing"):
        read_records(path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"\x08\x08\xff\xfe")
    with pytest.raises(InputError, match=r"net\.onnx: no file of records; give the folder .* or its records\.json"):
        read_records(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: No such file"):
        read_records(tmp_path / "none.json")


def test_unknown_fields_are_refused(tmp_path: Path, record: Callable[..., Record]) -> None:
    path = tmp_path / "records.json"
    path.write_text(json.dumps({"schema": 1, "records": [{**record().to_json(), "surprise": 1}]}))
    with pytest.raises(InputError, match="surprise"):
        read_records(path)
