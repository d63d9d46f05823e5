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
    counts = (((1, 2), (3, 4), (5, 6)), ((7, 8), (9, 10), (11, 12)))
    wide = Evaluation((0.5, 1.0), flip=True, at="label")
    path = tmp_path / "records.json"
    write_records(path, [record(image_counts=counts, evaluation=wide, notes=("[\n 1,\n 2\n]",))])
    assert read_records(path) == (record(image_counts=counts, evaluation=wide, notes=("[\n 1,\n 2\n]",)),)
    assert "[11, 12]" in path.read_text()


def test_records_of_before_have_the_plain_evaluation(tmp_path: Path, record: Callable[..., Record]) -> None:
    old = record().to_json()
    del old["evaluation"], old["image_counts"]
    path = tmp_path / "records.json"
    path.write_text(json.dumps({"schema": 1, "records": [old]}))
    assert read_records(path) == (record(),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": 1, "rec', "not whole JSON"),
        ("[]", "holds no records"),
        ('{"schema": 1, "records": 3}', "holds no records"),
        ('{"schema": 99, "records": []}', "schema 99"),
        ('{"schema": 1, "records": [5]}', "write it again"),
        ('{"schema": 1, "records": [{"schema": 1}]}', "damaged record"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "records.json"
    path.write_text(content)
    with pytest.raises(InputError, match=f"records.json.*{message}"):
        read_records(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: No such file"):
        read_records(tmp_path / "none.json")


def test_unknown_fields_are_refused(tmp_path: Path, record: Callable[..., Record]) -> None:
    path = tmp_path / "records.json"
    path.write_text(json.dumps({"schema": 1, "records": [{**record().to_json(), "surprise": 1}]}))
    with pytest.raises(InputError, match="surprise"):
        read_records(path)
