"""The tables of docs/zoo.md, out of the workspace that `edgeseg run --all` or `edgeseg bench` left.

    edgeseg run --all --samples 4 --no-picture
    python benchmarks/zoo.py edgeseg-out docs/zoo.md

What stands between the document's two markers is replaced.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from edgeseg import models
from edgeseg.bench.records import read_records
from edgeseg.core.files import atomic_write
from edgeseg.core.types import Card, Record
from edgeseg.graphs import read_graph
from edgeseg.quantize.report import int8_report

START, END = "<!-- tables: benchmarks/zoo.py -->", "<!-- end of tables -->"
FORMATS = ("onnx", "tflite")
Cells = Mapping[tuple[str, str], Record]
"""The Records of one network by format and precision."""


def published_table(cards: Iterable[Card]) -> list[str]:
    lines = [
        "| network | params, M | published | MAdds, G | published | at | published mIoU, % | checkpoint, MB |",
        "| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |",
    ]
    for card in cards:
        published = card.published
        size = published.size or card.size
        model = models.load(card.name, weights="random", size=size)
        miou = f"{published.miou_percent} ({published.dataset})" if published.miou_percent else ""
        cells = (
            card.name,
            f"{model.params / 1e6:.2f}" if model.params else "",
            number(published.params_millions),
            f"{keras_madds(model.network) / 1e9:.2f}" if published.madds_billions else "",
            number(published.madds_billions),
            str(size) if published.madds_billions else "",
            miou.removesuffix(" (Cityscapes val)"),
            number(published.checkpoint_mb),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def keras_madds(network: Any) -> int:
    """Multiply-accumulates of the convolutions, for the size that a network is built for."""
    convolutions = [layer for layer in network.layers if "Conv2D" in type(layer).__name__]
    return sum(math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape) for layer in convolutions)


def number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def measured_table(cards: Iterable[Card], records: Iterable[Record], folder: Path) -> list[str]:
    lines = [
        "| network | at | MAdds, G | file, MiB: ONNX fp32 | int8 | TFLite fp32 | int8 | ms: ONNX fp32 | int8 "
        "| TFLite fp32 | int8 | float in int8 ONNX | float in int8 TFLite |",
        f"| --- | --- | {' | '.join(['---:'] * 9)} | --- | --- |",
    ]
    by_model: dict[str, dict[tuple[str, str], Record]] = {}
    for record in records:
        by_model.setdefault(record.model, {})[record.format, record.precision] = record
    for card in cards:
        if cells := by_model.get(card.name):
            lines.append(f"| {' | '.join(measured(cells, folder))} |")
    return lines


def measured(cells: Cells, folder: Path) -> list[str]:
    first = next(iter(cells.values()))
    every = [cells.get((target, precision)) for target in FORMATS for precision in ("fp32", "int8")]
    sizes = [f"{each.size_bytes / 2**20:.2f}" if each and each.size_bytes else "" for each in every]
    times = [f"{median(each.network_ms):.1f}" if each else "" for each in every]
    floats = [in_float(cells.get((target, "int8")), folder) for target in FORMATS]
    return [first.model, str(first.size), f"{first.madds / 1e9:.2f}" if first.madds else "", *sizes, *times, *floats]


def in_float(record: Record | None, folder: Path) -> str:
    """The operators that an int8 file computes in float."""
    if record is None:
        return ""
    left = int8_report(read_graph(folder / record.name)).floating
    return ", ".join(f"{count} {op}" for op, count in sorted(left.items(), key=lambda entry: -entry[1])) or "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("document", type=Path)
    given = parser.parse_args()
    cards = [models.card(name) for name in models.names()]
    records = read_records(given.workspace / "records.json")
    tables = [*published_table(cards), "", *measured_table(cards, records, given.workspace)]
    before, _, rest = given.document.read_text(encoding="utf-8").partition(START)
    after = rest.partition(END)[2]
    atomic_write(given.document, "\n".join([before + START, "", *tables, "", END + after]))


if __name__ == "__main__":
    main()
