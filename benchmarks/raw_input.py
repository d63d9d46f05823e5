"""Image to class map, Fast-SCNN in int8 at 512x1024: a file that takes camera bytes against one of normalized pixels.

Both files are made by edgeseg of the same float file and take turns in one process. What is timed starts at a uint8
image and ends at its class map, the preparation of the image included, of which the first needs none.

    python benchmarks/raw_input.py
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common.turns import Turns, taken_ms
from numpy.typing import NDArray

import edgeseg
from edgeseg import data, runtimes
from edgeseg.core.protocols import Recipe, Session
from edgeseg.core.types import Size
from edgeseg.data.preprocess import Preprocessor

SIZE = Size(512, 1024)
CALIBRATION_IMAGES = 16


def classmap(session: Session, image: NDArray[np.uint8]) -> Callable[[], NDArray[Any]]:
    """From the image on."""
    prepare = Preprocessor(session.facts.input)
    return lambda: session.classmap(prepare(image))[0]


def main() -> None:
    """Print a line for each format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    image, _ = data.open_dataset("scenes", size=SIZE, limit=1)[0]
    with tempfile.TemporaryDirectory() as folder:
        for format in ("onnx", "tflite"):
            floating = edgeseg.export("fastscnn", format, SIZE, folder=Path(folder))
            ways = []
            for kind in ("int8", "uint8"):
                path = Path(folder) / f"{kind}.{format}"
                made = edgeseg.quantize(floating, recipe=Recipe(input=kind), count=CALIBRATION_IMAGES, path=path)
                ways.append(classmap(runtimes.open_session(made, threads=options.threads), image))
            with runtimes.open_session(floating) as session:
                expected = classmap(session, image)()
            agreement = [100 * float((way() == expected).mean()) for way in ways]
            times = np.array(taken_ms(ways, Turns(options.rounds)))
            ratios = np.sort(times[0] / times[1])
            print(
                f"{format}: normalized {np.median(times[0]):.2f} ms, bytes {np.median(times[1]):.2f} ms, "
                f"ratio of a round's two {np.median(ratios):.2f} ({ratios[len(ratios) // 4]:.2f} to "
                f"{ratios[3 * len(ratios) // 4]:.2f}); pixels as in float {agreement[0]:.2f} and {agreement[1]:.2f} %"
            )


if __name__ == "__main__":
    main()
