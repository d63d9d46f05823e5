"""Published Cityscapes checkpoints in our networks: mIoU beside what the published code scores.

The checkpoints are those of eight networks of zh320/realtime-semantic-segmentation-pytorch. PUBLISHED holds what their
authors' code was measured to score with them on 89 frankfurt images of val at 512x256 (width x height): Pillow resizes
an image bilinearly to 1024x512, the logits come back to 512x256 bilinearly with aligned corners, and one confusion
matrix counts.

    python benchmarks/checkpoints.py CHECKPOINTS cityscapes:PATH
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edgeseg import data, models
from edgeseg.bench.accuracy.miou import evaluate
from edgeseg.core.types import InputFacts, Size
from edgeseg.data.preprocess import Preprocessor
from edgeseg.models.blocks.resize import resize

SIZE = Size(512, 1024)
PUBLISHED = {
    "enet": ("enet_crop-1024_800epoch.pth", 59.8),
    "dabnet": ("dabtnet_crop-1024_800epoch.pth", 59.8),
    "mininetv2": ("mininetv2_crop-1024_800epoch.pth", 60.3),
    "edanet": ("edanet_crop-1024_800epoch.pth", 58.6),
    "cfpnet": ("cfpnet_crop-1024_800epoch.pth", 58.6),
    "espnet": ("espnet_crop-1024_800epoch.pth", 54.3),
    "cgnet": ("cgnet_crop-1024_800epoch.pth", 53.2),
    "fssnet": ("fssnet_crop-1024_800epoch.pth", 53.1),
}
"""File and mIoU in percent of the published code."""


def classmap(network: torch.nn.Module) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """From an RGB image to its class map, both (H, W), by way of the network at SIZE."""
    prepare = Preprocessor(InputFacts(SIZE))

    def run(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        with torch.inference_mode():
            logits = network(torch.from_numpy(prepare(image)))
            logits = resize(logits, torch.empty(1, 1, *image.shape[:2]))
        classes: NDArray[np.uint8] = logits.argmax(1)[0].numpy().astype(np.uint8)
        return classes

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, help="folder of the .pth files")
    parser.add_argument("data", help="the images, as in edgeseg's --data; those of val")
    parser.add_argument("--networks", nargs="+", choices=PUBLISHED, default=list(PUBLISHED))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dataset = data.open_dataset(options.data, split="val")
    print("| network | ours, mIoU % | published code, mIoU % | difference |\n| --- | --- | --- | --- |")
    for name in options.networks:
        file, published = PUBLISHED[name]
        network = models.build(name, weights=options.checkpoints / file)
        ours = evaluate(classmap(network), dataset, len(dataset.classes)).miou_percent() or 0.0
        print(f"| {name} | {ours:.2f} | {published} | {ours - published:+.2f} |", flush=True)


if __name__ == "__main__":
    main()
