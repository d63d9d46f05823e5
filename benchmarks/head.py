"""Image to class map, Fast-SCNN in int8 at 512x1024: edgeseg's scores head against the stock way.

Stock: `torch.onnx.export` of full-resolution logits, ONNX Runtime's `quantize_static` (QDQ, uint8 activations, int8
weights per channel), a session run, `numpy.argmax` over the classes. Both start from the same uint8 image, are prepared
by the same code and calibrated on the same images, and take turns in one process.

    python benchmarks/head.py
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from common.turns import Turns, taken_ms
from numpy.typing import NDArray
from peers import stock_onnx, stock_onnx_uint8

import edgeseg
from edgeseg import data, models, runtimes
from edgeseg.core.types import Artifact, Layout, Size
from edgeseg.data.preprocess import Preprocessor
from edgeseg.runtimes.classmap import upsample_argmax

SIZE = Size(512, 1024)
CALIBRATION_IMAGES = 16


def stock(batches: Iterator[NDArray[Any]], folder: Path, threads: int) -> Any:
    """A session on the stock int8 file."""
    logits, int8 = folder / "stock_logits.onnx", folder / "stock_int8.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stock_onnx.export(models.load("fastscnn", size=SIZE), SIZE, logits)
    stock_onnx_uint8.quantize(logits, batches, int8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(int8, options, providers=["CPUExecutionProvider"])


def dense_float(scores: NDArray[np.float32], align_corners: bool) -> NDArray[Any]:
    """(C, h, w) -> (H, W): every score upsampled in float64, then the arg-max."""
    wide = torch.from_numpy(scores[None]).double()
    size = SIZE.height, SIZE.width
    upsampled = torch.nn.functional.interpolate(wide, size, mode="bilinear", align_corners=align_corners)
    result: NDArray[Any] = upsampled[0].argmax(0).numpy()
    return result


def dense_integer(scores: NDArray[Any], align_corners: bool) -> NDArray[Any]:
    """(h, w, C) -> (H, W): every score upsampled in whole numbers, then the arg-max."""
    rows = _whole_weights(scores.shape[0], SIZE.height, align_corners)
    columns = _whole_weights(scores.shape[1], SIZE.width, align_corners)
    result: NDArray[Any] = (rows @ scores.transpose(2, 0, 1).astype(np.int64) @ columns.T).argmax(0)
    return result


def _whole_weights(inputs: int, outputs: int, align_corners: bool) -> NDArray[np.int64]:
    """(outputs, inputs): the weights of bilinear interpolation times their common denominator."""
    total = outputs - 1 if align_corners else 2 * outputs
    weights = np.zeros((outputs, inputs), np.int64)
    for i in range(outputs):
        place = i * (inputs - 1) if align_corners else (2 * i + 1) * inputs - outputs
        low, rest = divmod(min(max(place, 0), (inputs - 1) * total), total)
        weights[i, low] += total - rest
        weights[i, min(low + 1, inputs - 1)] += rest
    return weights


def compare_ways(floating: Artifact, integer: Artifact, folder: Path, rounds: int, threads: int) -> None:
    """Print the times of both ways, then check and time the upsampling alone."""
    image, _ = data.open_dataset("scenes", size=SIZE, limit=1)[0]
    prepare, prepare_int8 = Preprocessor(floating.facts.input), Preprocessor(integer.facts.input)
    calibration = data.open_dataset("scenes", split="train", size=SIZE, limit=CALIBRATION_IMAGES)
    plain = stock((prepare(picture) for picture, _ in calibration), folder, threads)
    name = plain.get_inputs()[0].name
    with runtimes.open_session(integer, threads=threads) as ours:
        ours_ms, stock_ms = taken_ms(
            [
                lambda: ours.classmap(prepare_int8(image)),
                lambda: plain.run(None, {name: prepare(image)})[0].argmax(axis=1),
            ],
            Turns(rounds),
        )
        scores = ours.run(prepare_int8(image))[0]
    fast, slow = float(np.median(ours_ms)), float(np.median(stock_ms))
    print(f"image to class map, {SIZE}, {threads} threads, median of {rounds} interleaved rounds")
    print(f"  stock int8, full-resolution logits, numpy.argmax  {slow:8.1f} ms")
    print(f"  edgeseg int8, head {integer.facts.output.head:<31}{fast:8.1f} ms")
    print(f"  ratio {slow / fast:.1f}x")
    with runtimes.open_session(floating, threads=threads) as session:
        check_and_time(session(prepare(image))[0], scores, floating, rounds)


def check_and_time(real: NDArray[np.float32], whole: NDArray[Any], artifact: Artifact, rounds: int) -> None:
    """Compare the sparse upsampling of one image's scores with the dense ones, pixel by pixel and in time."""
    align = artifact.facts.output.align_corners
    print(f"class map from scores {real.shape}, align_corners {align}")
    ways: tuple[tuple[NDArray[Any], Layout, Callable[..., NDArray[Any]]], ...] = (
        (real, "NCHW", dense_float),
        (whole, "NHWC", dense_integer),
    )
    for scores, layout, dense in ways:
        name = str(scores.dtype)
        differing = int((upsample_argmax(scores, SIZE, align, layout) != dense(scores, align)).sum())
        print(f"  {name:<8} {differing} pixels differ from the dense class map")
    coarse = torch.from_numpy(np.random.default_rng(0).normal(size=(1, real.shape[0], 8, 16)).astype(np.float32))
    random: NDArray[np.float32] = torch.nn.functional.interpolate(coarse, real.shape[1:], mode="bicubic")[0].numpy()
    time_upsampling("this image", real, align, rounds)
    time_upsampling("random blobs", random, align, rounds)
    time_upsampling("noise", np.random.default_rng(0).normal(size=real.shape).astype(np.float32), align, rounds)


def time_upsampling(name: str, scores: NDArray[np.float32], align_corners: bool, rounds: int) -> None:
    """Print the time of the sparse upsampling of (C, h, w) against PyTorch's dense one, both from and to memory."""
    leaders, tensor = scores.argmax(0), torch.from_numpy(scores[None])
    others = leaders[1:, :-1], leaders[:-1, 1:], leaders[1:, 1:]
    mixed = np.logical_or.reduce([leaders[:-1, :-1] != other for other in others])

    def dense() -> torch.Tensor:
        size = SIZE.height, SIZE.width
        return torch.nn.functional.interpolate(tensor, size, mode="bilinear", align_corners=align_corners).argmax(1)

    ours, theirs = taken_ms([lambda: upsample_argmax(scores, SIZE, align_corners), dense], Turns(rounds))
    print(
        f"  {name}, {100 * mixed.mean():.0f} % of its cells mixed: sparse {np.median(ours):.2f} ms on 1 thread, "
        f"dense torch {np.median(theirs):.1f} ms on {torch.get_num_threads()}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        floating = edgeseg.export("fastscnn", "onnx", size=SIZE, folder=folder)
        integer = edgeseg.quantize(floating, count=CALIBRATION_IMAGES)
        compare_ways(floating, integer, folder, options.rounds, options.threads)


if __name__ == "__main__":
    main()
