from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from edgeseg.bench.comparison.columns import footnotes
from edgeseg.bench.comparison.compare import Row, compare, float_record
from edgeseg.bench.comparison.failure import Failure
from edgeseg.bench.comparison.records import read_records
from edgeseg.bench.comparison.tables import class_markdown, to_csv, to_markdown, write_table
from edgeseg.bench.comparison.terminal import class_table, terminal_table
from edgeseg.core.errors import InputError
from edgeseg.core.evaluation import Evaluation
from edgeseg.core.record import Record
from edgeseg.core.types import Size

FAILURE = Failure("broken.onnx", "truncated; export it again")

WIDER = {8: 2.3646 / 1.96 * (8 / 7) ** 0.5, 10: 2.2622 / 1.96 * (10 / 9) ** 0.5}
"""Than what drawing so many rounds anew gives."""


def names(rows: tuple[Row, ...]) -> list[str]:
    return [row.name for row in rows]


def printed(what: object, width: int = 100) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(what)
    return "\n".join(line.rstrip() for line in console.export_text().splitlines())


def test_rows_are_held_against_their_float_row(four: list[Record]) -> None:
    rows = {row.name: row for row in compare(four)}
    int8 = rows["net.int8.onnx"]
    assert int8.speedup == 1.5
    assert int8.miou_loss_points == pytest.approx(0.3)
    assert rows["net.int8.tflite"].speedup == 2.0
    assert rows["net.int8.tflite"].miou_loss_points == pytest.approx(-0.2)
    assert [name for name, row in rows.items() if row.is_baseline] == ["net.onnx", "net.tflite"]
    assert (rows["net.onnx"].speedup, rows["net.onnx"].miou_loss_points) == (1.0, 0.0)
    assert (int8.params_millions, int8.madds_billions, int8.file_mib) == (1.14, 0.875, 1.0)


def test_parent_wins_over_likeness_and_likeness_over_order(record: Callable[..., Record]) -> None:
    renamed = record(model="other", sha256="c" * 64)
    one_thread, logits = record(threads=1), record(head="logits")
    int8 = record(precision="int8", sha256="b" * 64, parent_sha256="c" * 64)
    assert float_record(int8, [record(), renamed, int8]) is renamed
    orphan = record(precision="int8", sha256="b" * 64)
    same = record()
    assert float_record(orphan, [one_thread, logits, same, orphan]) is same
    assert float_record(orphan, [record(format="tflite"), orphan]) is None
    assert float_record(one_thread, [same, one_thread]) is one_thread
    turns = [record(sha256="c" * 64, reference_ms={"memory": (first, 3.0)}) for first in (1.0, 2.0)]
    beside = replace(int8, reference_ms=turns[1].reference_ms)
    assert float_record(beside, [*turns, beside]) is turns[1]


def test_a_file_made_of_another_float_file_is_held_against_none(record: Callable[..., Record]) -> None:
    base, stale = record(), record(name="net.int8.onnx", precision="int8", sha256="b" * 64, parent_sha256="d" * 64)
    assert float_record(stale, [base, stale]) is None
    row = compare([base, stale])[1]
    assert (row.speedup, row.miou_loss_points) == (None, None)
    assert any(
        note.startswith("net.int8.onnx: held against no float row: it was not made of net.onnx;")
        for note in footnotes(compare([base, stale]))
    )
    assert not compare([base, replace(stale, parent_sha256=base.sha256)])[1].notes
    assert not compare([record(format="tflite"), stale])[0].notes


@pytest.mark.parametrize(
    ("changes", "has_speedup", "has_loss"),
    [
        ({}, True, True),
        ({"threads": 1}, False, True),
        ({"batch": 2}, False, True),
        ({"environment": {"cpu_model": "other cpu"}}, False, True),
        ({"size": Size(64, 64)}, False, False),
        ({"dataset": "cityscapes val"}, True, False),
        ({"images": 5}, True, False),
        ({"evaluation": Evaluation(flip=True)}, True, False),
        ({"miou_percent": None}, True, False),
        ({"classmap_ms": ()}, False, True),
    ],
)
def test_unequal_conditions_are_not_compared(
    record: Callable[..., Record], changes: dict[str, object], has_speedup: bool, has_loss: bool
) -> None:
    row = compare([record(), record(name="q", precision="int8", **changes)])[1]
    assert (row.speedup is not None, row.miou_loss_points is not None) == (has_speedup, has_loss)


def test_a_speedup_has_an_interval_over_the_rounds_of_both(four: list[Record]) -> None:
    rows = compare(four)
    assert [(row.speedup_low, row.speedup_high) for row in rows[:3]] == [(None, None)] * 3
    assert (rows[3].speedup_low, rows[3].speedup_high) == pytest.approx((2.0, 2 + WIDER[8] * (12 / 5.7 - 2)), rel=1e-3)
    ends = rows[3].classmap_p50_low_ms, rows[3].classmap_p50_high_ms
    assert ends == pytest.approx((6 - WIDER[10] * 0.3, 6.0), rel=1e-3)
    assert (rows[2].classmap_p50_low_ms, rows[2].classmap_p50_high_ms) == (12.0, 12.0)
    assert "| 6.00 | 6.1 | 2.00 ±0.14 |" in to_markdown(rows)
    assert "- ± of a speed-up: 95 % interval, by drawing rounds anew" in to_markdown(rows).splitlines()


def test_slower_is_said_of_what_chance_does_not_explain(record: Callable[..., Record]) -> None:
    rounds = tuple(number // 8 for number in range(64))
    base = record(classmap_rounds=rounds, reference_ms={"memory": (3.0,) * 8})
    shaky = tuple(12 * (1.01 if number % 3 else 0.9) for number in rounds)
    for ms, is_said in ((shaky, False), (tuple(1.01 * each for each in base.classmap_ms), True)):
        rows = compare([base, replace(base, name="q.onnx", precision="int8", classmap_ms=ms)])
        assert rows[1].speedup < 1
        assert ("- slower than its float row: q.onnx" in to_markdown(rows).splitlines()) == is_said


def test_rows_that_did_not_take_turns_are_told_apart(four: list[Record]) -> None:
    def about(records: list[Record]) -> list[str]:
        notes = footnotes(compare(records, runs=["run"] * len(records)))
        return [note.partition(": ")[0] for note in notes if "same rounds" in note]

    assert about(four) == []
    later = [replace(record, reference_ms={"memory": (3.5,) * 10}) for record in four[2:]]
    assert about([*four[:2], *later]) == [
        "not all rows were measured in the same rounds "
        "(net.onnx of run, net.int8.onnx of run; net.tflite of run, net.int8.tflite of run)"
    ]
    assert [row.series for row in compare([*four[:2], *later])] == [1, 1, 2, 2]
    elsewhere = [replace(record, environment={"cpu_model": "other cpu"}) for record in later]
    assert about([*four[:2], *elsewhere]) == []
    many = [replace(four[0], name=f"{n}.onnx", reference_ms={"memory": (3.0 + n,) * 10}) for n in range(9)]
    assert about(many) == ["not all rows were measured in the same rounds (`series` in CSV and JSON says which were)"]
    assert [row.series for row in compare([replace(four[0], network_ms=())])] == [None]


def counted(*images: tuple[list[int], list[int], list[int]]) -> dict[str, object]:
    """Per image: hits, label pixels and predicted pixels of two classes."""
    return {"image_counts": tuple(tuple(map(tuple, image)) for image in images), "images": len(images)}


def test_a_loss_has_an_interval_over_images(record: Callable[..., Record]) -> None:
    labels = [[100, 50 + i] for i in range(12)]
    base = record(**counted(*(([90, 40], label, [100, 50]) for label in labels)))
    other = record(
        name="q", precision="int8", **counted(*(([90, 40 - i % 4], label, [100, 50]) for i, label in enumerate(labels)))
    )
    float_row, row = compare([base, other])
    assert (float_row.miou_loss_low_points, float_row.miou_loss_high_points) == (None, None)
    assert row.miou_loss_low_points < row.miou_loss_high_points
    assert re.search(r"\| \+0\.00 ±\d\.\d\d \|", to_markdown([row]))
    skew = replace(row, miou_loss_points=3.62, miou_loss_low_points=0.0, miou_loss_high_points=3.79)
    assert "| +3.62 ±3.62 |" in to_markdown([skew])
    assert "95 % interval" in to_markdown([row])
    elsewhere = record(name="e", precision="int8", **counted(*(([90, 40], label, [100, 50]) for label in labels[::-1])))
    assert compare([base, elsewhere])[1].miou_loss_points is None
    few = [record(name=r.name, precision=r.precision, **counted(*r.image_counts[:9])) for r in (base, other)]
    assert compare(few)[1].miou_loss_low_points is None
    assert "no ± under 10 images" in to_markdown(compare(few))


def test_labels_of_one_class_are_said_to_be(record: Callable[..., Record]) -> None:
    """Of masks of 0 and 255 nothing but the background is left."""
    one, two = ([([90, 0], [100, labelled], [100, 0])] * 2 for labelled in (0, 1))
    (note,) = compare([record(**counted(*one))])[0].notes
    assert note.startswith("all labels of scenes val are road or ignored; a class stored as 255")
    assert note in to_markdown(compare([record(**counted(*one))]))
    assert not compare([record(**counted(*one, *two))])[0].notes
    assert not compare([record()])[0].notes


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("model", ["net.onnx", "net.int8.onnx", "net.tflite", "net.int8.tflite"]),
        ("latency", ["net.int8.tflite", "net.int8.onnx", "net.onnx", "net.tflite"]),
        ("miou", ["net.int8.tflite", "net.onnx", "net.tflite", "net.int8.onnx"]),
        ("size", ["net.int8.onnx", "net.int8.tflite", "net.onnx", "net.tflite"]),
    ],
)
def test_sorting(four: list[Record], sort: str, expected: list[str]) -> None:
    assert names(compare(four, sort)) == expected  # type: ignore[arg-type]


def test_unmeasured_rows_sort_last_and_unknown_orders_are_refused(record: Callable[..., Record]) -> None:
    empty = record(name="empty", miou_percent=None, classmap_ms=(), size_bytes=None)
    for sort in ("latency", "miou", "size"):
        assert names(compare([empty, record()], sort)) == ["net.onnx", "empty"]  # type: ignore[arg-type]
    with pytest.raises(InputError, match="model, latency, miou, size"):
        compare([record()], "speed")  # type: ignore[arg-type]


def test_terminal(four: list[Record]) -> None:
    assert (
        printed(terminal_table(compare(four), [FAILURE]))
        == """\
size 256x512; batch 1; head scores; 2 threads; device cpu; onnx on onnxruntime, tflite on litert
                     net       net      image                        mIoU
                     p50   ±   p90 IQR to map   ±     speed-  mIoU   loss params MAdds file peak
model format dtype    ms   %    ms   %     ms   %      up, x     % points      M     G  MiB  MiB
net   onnx   fp32  10.00     10.00 0.0  12.00           base 54.40          1.14  0.88 4.00  143
net   onnx   int8  10.00     10.00 0.0   8.00           1.50 54.10  +0.30   1.14  0.88 1.00  143
net   tflite fp32  10.00     10.00 0.0  12.00 0.0       base 54.40          1.14  0.88 4.00  143
net   tflite int8   5.00 4.9       4.0   6.00 6.1 2.00 ±0.14 54.60  -0.20   1.14  0.88 1.00  143
failed: broken.onnx: truncated; export it again
base: the float row that the model's other rows of that format are held against; speed-up is in
image to class map time; an mIoU loss above 0 is worse
± of a speed-up: 95 % interval, by drawing rounds anew
mIoU over scenes val (100 images): one confusion matrix, mean over the classes in labels or
predictions
a percentile is left blank where there are fewer samples than it takes to state it: p90 64, p95 130,
p99 662
peak resident memory of the process that runs the artifact, interpreter and runtime library included
net.int8.tflite: 2 operators stayed float"""
    )


def test_terminal_splits_what_does_not_fit(record: Callable[..., Record]) -> None:
    records = [
        record(model="package.module:a_long_name", head=head, threads=n)
        for n in (1, 2)
        for head in ("logits", "scores")
    ]
    text = printed(terminal_table(compare(records), width=100))
    assert text.count("package.module:a_long_name") == 8
    assert "…" not in text
    for line in text.splitlines():
        assert len(line) <= 100


def test_terminal_goes_without_an_interval_before_it_splits(four: list[Record]) -> None:
    shown = [printed(terminal_table(compare(four), width=width), width).splitlines() for width in (100, 93, 80)]
    heads = [next(line for line in lines if "p50" in line) for lines in shown]
    assert [head.count("±") for head in heads] == [2, 1, 2]
    assert ["MAdds" in head for head in heads] == [True, True, False]


def test_terminal_names_rows_that_look_alike(record: Callable[..., Record]) -> None:
    rows = compare([record(name="minmax.onnx", precision="int8"), record(name="percentile.onnx", precision="int8")])
    assert "minmax.onnx" in printed(terminal_table(rows))


def test_terminal_with_failures_only() -> None:
    assert printed(terminal_table([], [FAILURE])) == "failed: broken.onnx: truncated; export it again"


def test_markup_in_names_is_text(record: Callable[..., Record]) -> None:
    assert "[bold]net" in printed(terminal_table(compare([record(model="[bold]net")])))
    assert "a\\|b" in to_markdown(compare([record(model="a|b")]))
    odd = compare([record(name="<img>\n.onnx", notes=("slow",), class_iou_percent={"lane [left]": 1.0, "[/x]": 2.0})])
    assert "- &lt;img> .onnx: slow" in to_markdown(odd).splitlines()
    assert "lane [left]" in printed(class_table(odd))
    assert "[/x]" in printed(class_table(odd))


def test_a_note_of_many_rows_is_told_once(record: Callable[..., Record]) -> None:
    rows = compare([record(name=f"net{i}.onnx", model=f"net{i}", notes=("slow",)) for i in range(9)])
    assert "- net0.onnx and 8 more: slow" in to_markdown(rows).splitlines()
    assert "- net0.onnx, net1.onnx: slow" in to_markdown(rows[:2]).splitlines()


def test_markdown(four: list[Record]) -> None:
    lines = to_markdown(compare(four[:2], published_miou_percent={"net": 61.2}), [FAILURE]).splitlines()
    assert lines[0] == (
        "| name | model | format | precision | head | size | batch | runtime | device | threads | machine | evaluation "
        "| network p50, ms | 95 % interval of the median, ± % | network p90, ms | network spread (IQR / median), % "
        "| image to class map p50, ms | 95 % interval of image to class map, ± % | speed-up, x "
        "| network p95, ms | network p99, ms | energy, mJ | mIoU, % "
        "| mIoU loss, points | params, M | MAdds, G | file, MiB | peak memory, MiB | published mIoU, % | failure |"
    )
    assert lines[3] == (
        "| net.int8.onnx | net | onnx | int8 | scores | 256x512 | 1 | onnxruntime | cpu | 2 | some cpu | plain "
        "| 10.00 |  | 10.00 | 0.0 "
        "| 8.00 |  | 1.50 |  |  |  | 54.10 | +0.30 | 1.14 | 0.88 | 1.00 | 143 | 61.20 |  |"
    )
    assert lines[4].startswith("| broken.onnx |  |")
    assert lines[4].endswith("|  | truncated; export it again |")
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1


def test_csv(four: list[Record]) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(compare(four), [FAILURE]))))
    assert [row["name"] for row in rows][-1] == "broken.onnx"
    assert rows[-1]["failure"] == "truncated; export it again"
    assert rows[-1]["network_p50_ms"] == ""
    assert float(rows[1]["speedup"]) == 1.5
    assert rows[3]["network_p90_ms"] == ""
    for stage, ends in (("network", (5 - WIDER[10] * 0.2, 5.0)), ("classmap", (6 - WIDER[10] * 0.3, 6.0))):
        found = [float(rows[3][f"{stage}_p50_{end}_ms"]) for end in ("low", "high")]
        assert found == pytest.approx(ends, rel=1e-3)
    assert [row["series"] for row in rows[:4]] == ["1"] * 4
    assert rows[3]["notes"] == "2 operators stayed float"
    assert [row["is_baseline"] for row in rows[:2]] == ["True", "False"]


def test_csv_holds_no_formula(record: Callable[..., Record]) -> None:
    bad = [record(name=f"{first}1+1", model="a=b", miou_percent=50.0) for first in ("=", "+", "-", "@", "\t", "\r")]
    base = record(miou_percent=49.6)
    rows = list(csv.DictReader(io.StringIO(to_csv(compare([*bad, base]), [Failure("-x", "=1")]), newline="")))
    assert {row["name"] for row in rows} == {"'=1+1", "'+1+1", "'-1+1", "'@1+1", "'\t1+1", "'\n1+1", "net.onnx", "'-x"}
    assert {row["model"] for row in rows[:-1]} == {"a=b", "net"}
    assert rows[-1]["failure"] == "'=1"
    better = compare([base, record(precision="int8", parent_sha256="f" * 64)])
    losses = [row["miou_loss_points"] for row in csv.DictReader(io.StringIO(to_csv(better)))]
    assert [float(loss) for loss in losses] == pytest.approx([0.0, -4.8])


def test_json_is_read_as_records_again(tmp_path: Path, four: list[Record]) -> None:
    path = tmp_path / "table.json"
    write_table(path, "json", four, compare(four), [FAILURE])
    assert read_records(path) == tuple(four)


def test_write_table(tmp_path: Path, four: list[Record]) -> None:
    rows = compare(four)
    for format in ("md", "csv"):
        path = tmp_path / f"table.{format}"
        write_table(path, format, four, rows, per_class=True)  # type: ignore[arg-type]
        assert "net.int8.tflite" in path.read_text()
    assert "| road | 90.12 |" in (tmp_path / "table.md").read_text()
    with pytest.raises(InputError, match="expected md, csv, json"):
        write_table(tmp_path / "x", "html", four, rows)  # type: ignore[arg-type]


def test_per_class(record: Callable[..., Record]) -> None:
    rows = compare([record(), record(name="q.onnx", precision="int8", class_iou_percent={"road": 88.0, "car": 1.5})])
    assert class_markdown(rows).splitlines() == [
        "| IoU, % | net.onnx | q.onnx |",
        "| --- | ---: | ---: |",
        "| road | 90.12 | 88.00 |",
        "| person |  |  |",
        "| car |  | 1.50 |",
    ]
    assert "road    90.12  88.00" in printed(class_table(rows))
    two = compare([record(), record()], runs=["old", "new"])
    assert class_markdown(two).splitlines()[0] == "| IoU, % | net.onnx of old | net.onnx of new |"
    assert "net.onnx of old" in printed(class_table(two))
