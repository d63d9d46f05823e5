"""Image to class map on two threads: edgeseg's float and int8 files of the zoo's networks against the stock way's.

Stock: a file with full-resolution logits from the framework's own exporter, the same in int8 from ONNX Runtime's
`quantize_static` or ai-edge-quantizer's static recipe (see `peers/`), a run, `numpy.argmax`. ONNX Runtime's is there a
second time, as `stock uint8`: with uint8 activations, not its default but faster here. All files of a network have the
same weights, random where none come with edgeseg, see the same images in calibration, and are given the same image by
the same code. Each is open in a process of its own; they take turns of a tenth of a second, in an order that is drawn
anew each round. A ratio is the median of the rounds' ratios.

    python benchmarks/speed.py --all --out speed --document docs/results.md
    python benchmarks/speed.py fastscnn enet --size 128x256 --out speed

Files that are in the folder are kept, and so are the reasons of those that could not be made (`.failed`): after an
interruption the same command goes on, and a finished one only times again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from math import exp, fsum, log
from pathlib import Path
from random import Random
from statistics import median
from typing import TypeAlias

from common.apart import Apart, Failed
from common.document import check_markers, number, replace_between, table
from common.turns import Turns
from peers.files import Images, described, facts_of, our_float, our_int8, peer_float, peer_int8

from edgeseg import data, models, runtimes
from edgeseg.bench.times.contest import SETTLE_S
from edgeseg.core.types import Artifact, Format, Precision, Size
from edgeseg.data.preprocess import Preprocessor
from edgeseg.pipeline.workspace import artifact_path

RUNTIMES: Mapping[Format, str] = {"onnx": "ONNX Runtime", "tflite": "LiteRT"}
CALIBRATION = Images("scenes", 4)
THREADS = 2
TURN_S = 0.1
SLOWER = 1.02
"""Time of an int8 file over that of its float file, above which it counts as slower."""


@dataclass(frozen=True)
class Kind:
    """Who made a file, edgeseg or stock, and how precise it is."""

    maker: str
    precision: Precision


OURS, OUR_INT8 = Kind("edgeseg", "fp32"), Kind("edgeseg", "int8")
STOCK, STOCK_INT8 = Kind("stock", "fp32"), Kind("stock", "int8")
STOCK_UINT8 = Kind("stock_uint8", "int8")
"""With uint8 activations, which is not the default of ONNX Runtime's tool."""
NAMES = {
    OURS: "float",
    OUR_INT8: "int8",
    STOCK: "stock float",
    STOCK_INT8: "stock int8",
    STOCK_UINT8: "stock uint8",
}
KINDS: Mapping[Format, tuple[Kind, ...]] = {"onnx": tuple(NAMES), "tflite": tuple(NAMES)[:-1]}
Key: TypeAlias = tuple[Format, Kind]
"""Of a file of a network."""
RATIOS = ((OURS, OUR_INT8), (STOCK, OURS), (STOCK_INT8, OUR_INT8), (STOCK_UINT8, OUR_INT8))


@dataclass(frozen=True)
class Row:
    """What each file of a network in one format takes in milliseconds in every round, or why there is none."""

    network: str
    size: Size
    ms: Mapping[Kind, Sequence[float] | str]

    def ratio(self, slow: Kind, fast: Kind) -> float | None:
        over, under = self.ms[slow], self.ms[fast]
        if isinstance(over, str) or isinstance(under, str):
            return None
        return median(one / other for one, other in zip(over, under, strict=True))

    @property
    def cells(self) -> list[str]:
        ratios = [self.ratio(*pair) for pair in pairs(self.ms)]
        given = self.ms.values()
        times = [each if isinstance(each, str) else number(median(each), ".2f") for each in given]
        return [self.network, str(self.size), *times, *(number(ratio or "", ".2f") for ratio in ratios)]


def pairs(kinds: Collection[Kind]) -> list[tuple[Kind, Kind]]:
    """The slower and the faster of each ratio of these."""
    return [pair for pair in RATIOS if set(pair) <= set(kinds)]


def files(network: str, target: Format, size: Size, folder: Path) -> dict[Kind, Path]:
    return {kind: artifact_path(folder / kind.maker, network, size, target, kind.precision) for kind in KINDS[target]}


def make(paths: Mapping[Kind, Path], network: str, target: Format, size: Size) -> dict[Kind, Path | Failed]:
    """Each file, or why it could not be made. Conversions leave memory behind: they get a process of their own."""
    ours, stock, peer = paths[OURS], paths[STOCK], f"stock_{target}"
    from_stock = (stock, ours, CALIBRATION)
    steps: dict[Kind, tuple[Path | None, Callable[..., None], tuple[object, ...]]] = {
        OURS: (None, our_float, (network, None, target, size)),
        OUR_INT8: (ours, our_int8, (ours, CALIBRATION)),
        STOCK: (ours, peer_float, (peer, network, ours)),
        STOCK_INT8: (stock, peer_int8, (peer, *from_stock)),
        STOCK_UINT8: (stock, peer_int8, ("stock_onnx_uint8", *from_stock)),
    }
    made: dict[Kind, Path | Failed] = {}
    with Apart() as apart:
        for kind in paths:
            source, function, arguments = steps[kind]
            can = source is None or source.exists()
            made[kind] = result = apart.make(paths[kind], function, *arguments) if can else Failed("no float file")
            print(paths[kind], result.reason if isinstance(result, Failed) else "made", file=sys.stderr, flush=True)
    return made


_opened: list[Callable[[], object]] = []
"""Of the process of a file: from an image to its class map."""


def open_file(kind: Kind, path: Path, like: Path) -> None:
    """For the turns of this process."""
    call = way(kind, path, like)
    call()
    _opened.append(call)


def turn_ms() -> float:
    """The median time of as many calls as fill a turn, after one that brings the file back into the caches."""
    (call,) = _opened
    call()
    taken: list[float] = []
    begin = time.perf_counter()
    while not taken or time.perf_counter() - begin < TURN_S:
        start = time.perf_counter()
        call()
        taken.append(1e3 * (time.perf_counter() - start))
    time.sleep(SETTLE_S)
    return median(taken)


def way(kind: Kind, path: Path, like: Path) -> Callable[[], object]:
    """From an image to its class map by way of one file, given with one of ours that has the network's facts."""
    facts = facts_of(like)
    artifact = Artifact(path, facts_of(path)) if kind.maker == "edgeseg" else described(path, facts)
    session = runtimes.open_session(artifact, threads=THREADS)
    prepare = Preprocessor(artifact.facts.input)
    image, _ = data.open_dataset("scenes", size=facts.input.size, limit=1)[0]
    if kind.maker == "edgeseg":
        return lambda: session.classmap(prepare(image))
    axis = 1 if artifact.facts.output.layout == "NCHW" else 3
    return lambda: session.run(prepare(image)).argmax(axis)


def measure(network: str, size: Size, made: Mapping[Format, Mapping[Kind, Path | Failed]], turns: Turns) -> list[Row]:
    """A row for each format; the files of both take turns."""
    paths = {(target, kind): path for target, kinds in made.items() for kind, path in kinds.items()}
    failed = {key: path.reason for key, path in paths.items() if isinstance(path, Failed)}
    failed |= {(target, kind): "no file of ours" for target, kind in paths if (target, OURS) in failed}
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        runners = {key: stack.enter_context(Apart()) for key in paths if key not in failed}
        opening = {
            key: pool.submit(apart.call, open_file, key[1], paths[key], paths[key[0], OURS])
            for key, apart in runners.items()
        }
        failed |= {key: found.reason for key, opened in opening.items() if isinstance(found := opened.result(), Failed)}
        taken = take_turns({key: apart for key, apart in runners.items() if key not in failed}, failed, turns)
    return [
        Row(network, size, {kind: failed.get((target, kind)) or taken[target, kind] for kind in KINDS[target]})
        for target in made
    ]


def take_turns(runners: Mapping[Key, Apart], failed: dict[Key, str], turns: Turns) -> dict[Key, list[float]]:
    """A time of each file in every round; one that fails goes to those that have."""
    taken: dict[Key, list[float]] = {key: [] for key in runners}
    draw, begin = Random(0), time.perf_counter()
    for done in range(turns.rounds):
        if done >= turns.least and time.perf_counter() - begin > turns.seconds:
            break
        left = [key for key in runners if key not in failed]
        for key in draw.sample(left, len(left)):
            found = runners[key].call(turn_ms)
            if isinstance(found, Failed):
                failed[key] = found.reason
            else:
                taken[key].append(found)
    return taken


def header(kinds: Collection[Kind]) -> list[str]:
    ratios = [f"{NAMES[fast]} faster than {NAMES[slow]}, x" for slow, fast in pairs(kinds)]
    return ["network", "at", *(f"{NAMES[kind]}, ms" for kind in kinds), *ratios]


def summary(rows: Iterable[Row], kinds: Collection[Kind]) -> list[str]:
    """The last row of a table: geometric means of the ratios, and of how many networks."""
    means = []
    for pair in pairs(kinds):
        ratios = [ratio for row in rows if (ratio := row.ratio(*pair))]
        mean = exp(fsum(map(log, ratios)) / len(ratios)) if ratios else None
        means.append(f"{mean:.2f} of {len(ratios)}" if mean else "")
    return ["geometric mean", "", *("" for _ in kinds), *means]


def slower(rows: Iterable[Row]) -> str:
    """The networks whose int8 file is slower than its float file."""
    over = {row.network: 1 / ratio for row in rows if (ratio := row.ratio(OURS, OUR_INT8)) and 1 / ratio > SLOWER}
    listed = ", ".join(f"{name} {ratio:.2f}x" for name, ratio in over.items())
    return f"int8 that takes more than {SLOWER}x the time of its float file: {listed or 'none'}."


def tables(rows: Mapping[Format, Sequence[Row]]) -> list[str]:
    lines: list[str] = []
    for target, own in rows.items():
        cells = [*(row.cells for row in own), summary(own, KINDS[target])]
        lines += [f"{RUNTIMES[target]}:", "", *table(header(KINDS[target]), cells), "", slower(own), ""]
    return lines[:-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NAME", help="networks of the zoo")
    parser.add_argument("--all", action="store_true", help="the whole zoo")
    parser.add_argument("--out", type=Path, required=True, help="folder of the files")
    parser.add_argument("--size", type=Size.parse, help="HxW instead of each network's own")
    parser.add_argument("--formats", nargs="+", choices=RUNTIMES, default=list(RUNTIMES))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="after which a network's rounds end, but at least 5"
    )
    parser.add_argument("--document", type=Path, help="a document with markers, to put the tables in")
    given = parser.parse_args()
    names = models.names() if given.all else given.networks
    if not names:
        parser.error("name networks, or give --all")
    if given.document:
        check_markers(given.document, "speed.py")
    sizes = {name: given.size or models.card(name).size for name in names}
    made = {
        name: {target: make(files(name, target, size, given.out), name, target, size) for target in given.formats}
        for name, size in sizes.items()
    }
    rows: dict[Format, list[Row]] = {target: [] for target in given.formats}
    for name, size in sizes.items():
        measured = measure(name, size, made[name], Turns(given.rounds, given.seconds, 5))
        for target, row in zip(rows, measured, strict=True):
            rows[target].append(row)
            print(target, *row.cells, file=sys.stderr, flush=True)
    print("\n".join(lines := tables(rows)))
    if given.document:
        replace_between(given.document, "speed.py", lines)


if __name__ == "__main__":
    main()
