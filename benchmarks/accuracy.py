"""What int8 costs eight published networks in mIoU, quantized by edgeseg and by its peers.

The checkpoints are those of `checkpoints.py`. Every quantizer gets the same float file of edgeseg and the same
calibration images at 512x1024, and has its defaults; the class maps of the evaluation split are counted at that size.
A loss is in points of mIoU, that of the float file less that of the int8 one.

    python benchmarks/accuracy.py CHECKPOINTS cityscapes:PATH --out accuracy

Files that are in the folder are kept with their scores (`scores.json`), and so are the reasons of those that could not
be made (`.failed`): after an interruption the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import fsum
from pathlib import Path

from checkpoints import PUBLISHED, SIZE
from common.apart import Apart, Failed
from common.document import check_markers, number, replace_between, table
from peers.files import Images, facts_of, our_float, our_int8, peer_int8

from edgeseg import data, runtimes
from edgeseg.bench.accuracy.miou import evaluate
from edgeseg.core.files import atomic_write
from edgeseg.core.types import Artifact, Format, Size
from edgeseg.data.preprocess import Preprocessor
from edgeseg.pipeline.workspace import artifact_path

PEERS: dict[Format, dict[str, str]] = {
    "onnx": {"stock_onnx": "quantize_static", "nncf": "NNCF"},
    "tflite": {"stock_tflite": "ai-edge-quantizer"},
}
"""By the name of their file in `peers/`: how they are called."""
OURS = "edgeseg"


@dataclass(frozen=True)
class Given:
    """What all files are made of and scored on."""

    checkpoints: Path
    calibration: Images
    images: int | None
    size: Size
    out: Path


@dataclass(frozen=True)
class Row:
    """mIoU in percent of a network's float file and of each quantizer's, or why there is none."""

    network: str
    floating: float | str
    int8: Mapping[str, float | str]

    def loss(self, maker: str) -> float | str:
        found = self.int8[maker]
        if isinstance(self.floating, str):
            return ""
        return found if isinstance(found, str) else self.floating - found


class Scores:
    """mIoU of files by what they are and what they were scored on, kept in a file of JSON."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}

    def get(self, artifact: Artifact, given: Given) -> float | str:
        key = f"{artifact.sha256} {given.calibration.data} {given.images}"
        if key not in self._known:
            with Apart() as apart:
                found = apart.call(score, artifact, given.calibration.data, given.images)
            if isinstance(found, Failed):
                return found.reason
            self._known[key] = found
            atomic_write(self._path, json.dumps(self._known, indent=1))
        return self._known[key]


def score(artifact: Artifact, text: str, images: int | None) -> float:
    """MIoU in percent of a file on the evaluation split."""
    dataset = data.open_dataset(text, size=artifact.facts.input.size, limit=images)
    prepare = Preprocessor(artifact.facts.input)
    with runtimes.open_session(artifact, threads=2) as session:
        matrix = evaluate(lambda image: session.classmap(prepare(image))[0], dataset, len(dataset.classes))
    return matrix.miou_percent() or 0.0


def measure(network: str, target: Format, makers: Iterable[str], given: Given, scores: Scores) -> Row:
    """Make the files that are missing, score those without a score."""
    weights = given.checkpoints / PUBLISHED[network][0]
    source = artifact_path(given.out / OURS, network, given.size, target, "fp32")
    found: dict[str, float | str] = {}
    with Apart() as apart:
        floating = apart.make(source, our_float, network, weights, target, given.size)
        if isinstance(floating, Failed):
            return Row(network, floating.reason, dict.fromkeys(makers, ""))
        for maker in makers:
            path = artifact_path(given.out / maker, network, given.size, target, "int8")
            if maker == OURS:
                made = apart.make(path, our_int8, source, given.calibration)
            else:
                made = apart.make(path, peer_int8, maker, source, source, given.calibration)
            if isinstance(made, Failed):
                found[maker] = made.reason
            else:  # A peer's file is fed and read as the float file is.
                found[maker] = scores.get(Artifact(path, facts_of(path if maker == OURS else source)), given)
            print(f"{path}: {found[maker]}", file=sys.stderr, flush=True)
    return Row(network, scores.get(Artifact(source, facts_of(source)), given), found)


def lines_of(target: Format, makers: Mapping[str, str], rows: Sequence[Row]) -> list[str]:
    """The table of a format, ending in the mean and the worst loss of each quantizer."""
    cells = [[row.network, number(row.floating, ".2f"), *(number(row.loss(m), "+.2f") for m in makers)] for row in rows]
    losses = [[loss for row in rows if isinstance(loss := row.loss(maker), float)] for maker in makers]
    means = [f"{fsum(own) / len(own):+.2f} of {len(own)}" if own else "" for own in losses]
    worst = [f"{max(own):+.2f}" if own else "" for own in losses]
    header = ["network", "float mIoU, %", *(f"{name}, loss" for name in makers.values())]
    title = {"onnx": "ONNX Runtime:", "tflite": "LiteRT:"}[target]
    return [title, "", *table(header, [*cells, ["mean loss", "", *means], ["worst loss", "", *worst]]), ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, help="folder of the .pth files")
    parser.add_argument("data", help="the images, as in edgeseg's --data")
    parser.add_argument("--out", type=Path, required=True, help="folder of the files")
    parser.add_argument("--networks", nargs="+", choices=PUBLISHED, default=list(PUBLISHED))
    parser.add_argument("--formats", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--samples", type=int, default=40, help="calibration images")
    parser.add_argument("--images", type=int, help="images to score on; by default all")
    parser.add_argument("--size", type=Size.parse, default=SIZE, help="HxW")
    parser.add_argument("--document", type=Path, help="a document with markers, to put the tables in")
    options = parser.parse_args()
    if options.document:
        check_markers(options.document, "accuracy.py")
    given = Given(options.checkpoints, Images(options.data, options.samples), options.images, options.size, options.out)
    scores = Scores(options.out / "scores.json")
    lines: list[str] = []
    for target in options.formats:
        peers = {peer: name for peer, name in PEERS[target].items() if peer != "nncf" or find_spec("nncf")}
        makers = {OURS: OURS, **peers}
        rows = [measure(network, target, makers, given, scores) for network in options.networks]
        lines += lines_of(target, makers, rows)
    if not find_spec("nncf"):
        lines += ["NNCF was not there to compare with; `pip install nncf` brings it.", ""]
    print("\n".join(lines[:-1]))
    if options.document:
        replace_between(options.document, "accuracy.py", lines[:-1])


if __name__ == "__main__":
    main()
