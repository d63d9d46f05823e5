"""`edgeseg compare` as it is typed, on records of several runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.bench.comparison.records import read_records, write_records
from edgeseg.core.errors import InputError
from edgeseg.core.evaluation import Evaluation
from edgeseg.core.record import Record
from edgeseg.core.types import Size
from edgeseg.pipeline.measure.comparing import Comparison, write_comparison
from edgeseg.pipeline.measure.merging import merge, write_merged

FLOAT = Record(
    name="net.onnx",
    model="net",
    format="onnx",
    precision="fp32",
    head="scores",
    size=Size(64, 128),
    batch=1,
    runtime="onnxruntime",
    device="cpu",
    threads=2,
    network_ms=(4.0, 5.0, 6.0),
    classmap_ms=(6.0, 7.0, 8.0),
    sha256="f" * 64,
    size_bytes=2**20,
    dataset="scenes",
    images=12,
    miou_percent=50.0,
    class_iou_percent={"road": 80.0, "car": 20.0},
    image_counts=(((8, 2), (10, 5), (8, 7)),) * 12,
    images_crc32="600d600d",
    environment={"cpu_model": "desktop"},
)
INT8 = replace(
    FLOAT, name="net_int8.onnx", precision="int8", sha256="a" * 64, parent_sha256="f" * 64, miou_percent=49.5
)


def result(folder: Path, *records: Record) -> Path:
    write_records(folder / "records.json", records)
    return folder


def elsewhere(record: Record, ms: float) -> Record:
    return replace(record, classmap_ms=(ms,) * 3, environment={"cpu_model": "board"})


def test_runs_of_two_machines_become_one_table_and_page(cli, tmp_path: Path) -> None:
    result(tmp_path / "desk", FLOAT, INT8)
    result(tmp_path / "board", elsewhere(FLOAT, 21.0), elsewhere(INT8, 10.0))
    tables = ("--table", "md", "--table", "csv", "--table", "json")
    done = cli("compare", "desk", "board", "desk/records.json", *tables, "--per-class", "--out", "out")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    assert done.stdout.splitlines()[-4:] == [
        *(f"table: {Path('out') / f'compare.{kind}'}" for kind in ("md", "csv", "json")),
        f"page: {Path('out') / 'compare.html'}",
    ]
    rows = json.loads((out / "compare.json").read_text())["rows"]
    assert [(row["machine"], row["run"], row["precision"]) for row in rows] == [
        ("desktop", "desk", "fp32"),
        ("board", "board", "fp32"),
        ("desktop", "desk", "int8"),
        ("board", "board", "int8"),
    ]
    assert [row["speedup"] for row in rows] == [1.0, 1.0, 1.0, 2.1]
    assert rows[2]["miou_loss_low_points"] == 0.0
    page = (out / "compare.html").read_text()
    assert page.count('<a class="point') == 8
    assert "4 measurements of 2 runs" in page
    assert cli("compare", out / "compare.json").returncode == 0
    assert read_records(out / "compare.json") == merge([tmp_path / "desk", tmp_path / "board"]).records
    assert [row.run for row in merge([out / "compare.json"]).rows()] == ["desk", "board", "desk", "board"]


@pytest.mark.parametrize(
    ("here", "there", "names"),
    [
        ({"cores": 2, "os": "Linux"}, {"cores": 2, "os": "Linux"}, ["xeon", "xeon"]),
        ({"cores": 2, "os": "Linux"}, {"cores": 64, "os": "Linux"}, ["xeon, 2 cores", "xeon, 64 cores"]),
        ({"cores": 1, "os": "A"}, {"cores": 1, "os": "B"}, ["xeon, A", "xeon, B"]),
        ({"cores": 2}, {}, ["xeon, 2 cores", "xeon, unknown cores"]),
        ({"cpu_model": None}, {"cpu_model": ""}, ["unknown machine of a", "unknown machine of b"]),
    ],
)
def test_a_speed_up_is_of_one_machine(
    tmp_path: Path, here: dict[str, object], there: dict[str, object], names: list[str]
) -> None:
    base, int8 = (
        replace(record, environment={"cpu_model": "xeon", **own}) for record, own in ((FLOAT, here), (INT8, there))
    )
    rows = merge([result(tmp_path / "a", base), result(tmp_path / "b", int8)]).rows()
    assert [row.machine for row in rows] == names
    assert (rows[1].speedup is not None) == (names[0] == names[1])
    of_one_run = merge([result(tmp_path / "c", base, replace(base, precision="int8"))]).rows()
    assert of_one_run[1].speedup is not None


def test_a_comparison_keeps_the_runs_that_it_is_of(tmp_path: Path) -> None:
    nameless = {"environment": {}}
    results = [
        result(tmp_path / "desk", replace(FLOAT, **nameless)),
        result(tmp_path / "board", replace(INT8, **nameless)),
    ]
    merged = merge(results)
    write_merged(tmp_path / "out", merged, ["json"], "model", per_class=False)
    again = merge([tmp_path / "out" / "compare.json"])
    assert again == merged
    assert [row.machine for row in again.rows()] == ["unknown machine of desk", "unknown machine of board"]
    later = merge([tmp_path / "out" / "compare.json", result(tmp_path / "later", replace(FLOAT, sha256="b" * 64))])
    assert later.runs == ("compare.json: desk", "compare.json: board", "later")


@pytest.mark.parametrize("runs", [["desk"], "desk", [1, 2], ["desk", "\ud800"]])
def test_runs_that_do_not_fit_are_refused(tmp_path: Path, runs: object) -> None:
    path = result(tmp_path, FLOAT, INT8) / "records.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "runs": runs}))
    with pytest.raises(InputError, match=r"records\.json: expected in `runs` a name for each record"):
        merge([path])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"size": Size(32, 64)}, "size is 64x128 (a) or 32x64 (b)"),
        ({"head": "logits"}, "head is scores (a) or logits (b)"),
        ({"threads": 1}, "threads is 2 (a) or 1 (b)"),
        ({"device": "gpu"}, "device is cpu (a) or gpu (b)"),
        ({"batch": 4}, "batch is 1 (a) or 4 (b)"),
        ({"dataset": "camvid"}, "data is scenes (a) or camvid (b)"),
        ({"images": 5, "image_counts": FLOAT.image_counts[:5]}, "images is 12 (a) or 5 (b)"),
        ({"evaluation": Evaluation(flip=True)}, "evaluation is plain (a) or flip (b)"),
        ({"image_counts": (((8, 2), (11, 5), (8, 7)),) * 12}, "labels is "),
        ({"images_crc32": "0bad0bad"}, "the images' CRC is 600d600d (a) or 0bad0bad (b)"),
    ],
)
def test_what_cannot_be_compared_is_refused_unless_told(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    results = [result(tmp_path / "a", FLOAT), result(tmp_path / "b", replace(FLOAT, **changes))]
    with pytest.raises(InputError) as refusal:
        merge(results)
    assert str(refusal.value).startswith(f"cannot be compared: {told}")
    assert "--mixed" in str(refusal.value)
    assert len(merge(results, mixed=True).records) == 2


def test_a_picture_is_shown_once_and_goes_with_its_records(tmp_path: Path) -> None:
    folder = result(tmp_path / "a", FLOAT)
    (folder / "comparison.png").write_bytes(b"a picture")
    merged = merge([folder, folder / "records.json", tmp_path / "a" / ".." / "a"])
    assert [picture.path for picture in merged.pictures] == [folder / "comparison.png"]
    write_comparison(folder, Comparison(records=(INT8,)), ["md"], "model", per_class=True)
    assert merge([folder]).pictures == ()
    assert "IoU, %" in (folder / "table.md").read_text()
    bare = replace(FLOAT, dataset=None, images=0, miou_percent=None, image_counts=(), class_iou_percent={})
    write_comparison(folder, Comparison(records=(bare,)), ["md"], "model", per_class=True)
    assert "| IoU, %" not in (folder / "table.md").read_text()


def test_a_folder_never_holds_two_runs(cli, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_comparison(folder, Comparison(records=(FLOAT,)), ["md", "csv", "json"], "model", per_class=False)
    (folder / "unfinished_bench.json").write_text("kept")
    write_comparison(folder, Comparison(records=(INT8,)), ["md"], "model", per_class=False)
    assert sorted(path.name for path in folder.iterdir()) == ["records.json", "table.md", "unfinished_bench.json"]
    assert read_records(folder / "records.json") == (INT8,)
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    assert cli("bench", "junk.onnx", "--out", "out").returncode == 2
    assert read_records(folder / "records.json") == (INT8,)
    assert (folder / "table.md").exists()


def test_a_comparison_replaces_all_of_the_one_before_but_what_it_read(tmp_path: Path) -> None:
    folder, merged = tmp_path / "out", merge([result(tmp_path / "a", FLOAT)])
    write_merged(folder, merged, ["md", "csv", "json"], "model", per_class=False)
    write_merged(folder, merged, ["csv"], "model", per_class=False, read=[folder / "compare.json"])
    assert sorted(path.name for path in folder.iterdir()) == ["compare.csv", "compare.html", "compare.json"]
    write_merged(folder, merged, ["csv"], "model", per_class=False, read=[tmp_path / "a"])
    assert sorted(path.name for path in folder.iterdir()) == ["compare.csv", "compare.html"]


def test_records_without_accuracy_may_stand_beside(tmp_path: Path) -> None:
    bare = replace(FLOAT, dataset=None, images=0, miou_percent=None, image_counts=(), class_iou_percent={})
    assert len(merge([result(tmp_path / "a", FLOAT), result(tmp_path / "b", bare)]).records) == 2


def test_results_that_are_none(cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    absent = cli("compare", "empty")
    assert absent.returncode == 2
    assert absent.stderr.startswith("edgeseg: empty/records.json: No such file")
    assert "give the folder that `edgeseg bench` wrote to, or its records.json" in absent.stderr
    path = result(tmp_path / "damaged", replace(FLOAT, network_ms=(0.0, 1.0))) / "records.json"
    damaged = cli("compare", path)
    assert damaged.returncode == 2
    assert damaged.stderr.startswith(f"edgeseg: {path}: record 1: damaged record: network_ms: ")
    assert damaged.stderr.count("\n") == 1
    result(tmp_path / "none")
    assert "none: no records" in cli("compare", "none").stderr
    mixed = cli("compare", result(tmp_path / "a", FLOAT), result(tmp_path / "b", replace(FLOAT, threads=1)))
    assert mixed.returncode == 2
    assert mixed.stderr.strip().count("\n") == 0
    assert not (tmp_path / "edgeseg-compare").exists()
