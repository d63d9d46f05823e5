"""The tables of docs/zoo.md: what was published of each network beside ours, and what `edgeseg run --all` made of it.

    edgeseg run --all --samples 4 --images 4 --effort quick --no-picture
    python benchmarks/zoo.py edgeseg-out docs/zoo.md

The times are medians from an image to its class map on two threads, the files of a network by turns. The tables replace
what is between the document's two markers.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from common.document import replace_between

from edgeseg import models
from edgeseg.bench.comparison.records import read_records
from edgeseg.core.record import Record
from edgeseg.core.types import Artifact, Card
from edgeseg.graphs import read_graph
from edgeseg.pipeline.workspace import artifacts
from edgeseg.quantize.finished.report import int8_report

Cell = tuple[str, str]
CELLS: list[Cell] = [(target, precision) for target in ("onnx", "tflite") for precision in ("fp32", "int8")]


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


def measured_table(cards: Iterable[Card], folder: Path) -> list[str]:
    lines = [
        "| network | at | MAdds, G | file, MiB: ONNX fp32 | int8 | TFLite fp32 | int8 | ms: ONNX fp32 | int8 "
        "| faster, x | TFLite fp32 | int8 | faster, x | float in int8 ONNX | float in int8 TFLite |",
        f"| --- | --- | {' | '.join(['---:'] * 11)} | --- | --- |",
    ]
    files = {artifact.path.name: artifact for artifact in artifacts(folder)}
    by_model: dict[str, dict[Cell, Record]] = {}
    for record in read_records(folder / "records.json"):
        by_model.setdefault(record.model, {})[record.format, record.precision] = record
    for card in cards:
        if cells := by_model.get(card.name):
            left = [in_float(files[cells[each].name]) if each in cells else "" for each in CELLS if each[1] == "int8"]
            lines.append(f"| {' | '.join([*measured(cells), *left])} |")
    return lines


def measured(cells: Mapping[Cell, Record]) -> list[str]:
    """One network's figures; empty where there is no such file."""
    first = next(iter(cells.values()))
    milliseconds = {cell: median(record.classmap_ms) for cell, record in cells.items() if record.classmap_ms}
    times: list[str] = []
    for target in ("onnx", "tflite"):
        floating, integer = (milliseconds.get((target, precision)) for precision in ("fp32", "int8"))
        times += [f"{each:.1f}" if each else "" for each in (floating, integer)]
        times.append(f"{floating / integer:.2f}" if floating and integer else "")
    sizes = [f"{(cells[cell].size_bytes or 0) / 2**20:.2f}" if cell in cells else "" for cell in CELLS]
    madds = f"{first.madds / 1e9:.2f}" if first.madds else ""
    return [first.model, str(first.size), madds, *sizes, *times]


def in_float(artifact: Artifact) -> str:
    """The operators that an int8 file computes in float."""
    left = int8_report(read_graph(artifact.path)).floating
    return ", ".join(f"{count} {op}" for op, count in sorted(left.items(), key=lambda entry: -entry[1])) or "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("document", type=Path)
    given = parser.parse_args()
    cards = [models.card(name) for name in models.names()]
    tables = [*published_table(cards), "", *measured_table(cards, given.workspace)]
    replace_between(given.document, "zoo.py", tables)


if __name__ == "__main__":
    main()
