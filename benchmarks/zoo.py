"""The tables of docs/zoo.md: what was published of each network beside ours, and what `edgeseg run --all` made of it.

    edgeseg run --all --samples 4 --no-picture
    python benchmarks/zoo.py edgeseg-out docs/zoo.md

Each network's files are timed against each other: in every round each turns one scene into a class map once, in an
order that is drawn anew, on two threads. The medians stand in the table, which replaces what is between the document's
two markers.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from common.document import replace_between
from common.turns import Turns, taken_ms
from numpy.typing import NDArray

from edgeseg import data, models, runtimes
from edgeseg.core.types import Artifact, Card
from edgeseg.data.preprocess import Preprocessor
from edgeseg.graphs import read_graph
from edgeseg.pipeline.workspace import artifacts
from edgeseg.quantize.report import int8_report

CELLS = [(target, precision) for target in ("onnx", "tflite") for precision in ("fp32", "int8")]
TURNS = Turns(rounds=20, seconds=12.0, least=4)


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
    by_model: dict[str, dict[tuple[str, str], Artifact]] = {}
    for artifact in artifacts(folder):
        by_model.setdefault(artifact.facts.model, {})[artifact.facts.format, artifact.facts.precision] = artifact
    for card in cards:
        if files := by_model.get(card.name):
            lines.append(f"| {' | '.join(measured(files))} |")
            print(lines[-1], flush=True)
    return lines


def measured(files: Mapping[tuple[str, str], Artifact]) -> list[str]:
    """The cells of one network's row; empty where there is no such file."""
    facts = next(iter(files.values())).facts
    sizes = [f"{files[cell].size_bytes / 2**20:.2f}" if cell in files else "" for cell in CELLS]
    milliseconds = dict(zip(files, interleaved_ms(list(files.values())), strict=True))
    times: list[str] = []
    for target in ("onnx", "tflite"):
        floating, integer = (milliseconds.get((target, precision)) for precision in ("fp32", "int8"))
        times += [f"{each:.1f}" if each else "" for each in (floating, integer)]
        times.append(f"{floating / integer:.2f}" if floating and integer else "")
    floats = [in_float(files[target, "int8"]) if (target, "int8") in files else "" for target in ("onnx", "tflite")]
    madds = f"{facts.madds / 1e9:.2f}" if facts.madds else ""
    return [facts.model, str(facts.input.size), madds, *sizes, *times, *floats]


def interleaved_ms(files: list[Artifact]) -> list[float]:
    """Median time of each file from an image to its class map."""
    size = files[0].facts.input.size
    image, _ = data.open_dataset("scenes", size=size, limit=1)[0]
    with ExitStack() as opened:
        calls = [classmap(opened.enter_context(runtimes.open_session(file, threads=2)), image) for file in files]
        return [median(each) for each in taken_ms(calls, TURNS)]


def classmap(session: Any, image: NDArray[np.uint8]) -> Callable[[], object]:
    prepare = Preprocessor(session.facts.input)
    return lambda: session.classmap(prepare(image))


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
