"""The sparse upsample-argmax against dense interpolation, over both kernels."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.core.errors import InputError
from edgeseg.core.types import Size
from edgeseg.runtimes import classmap, classmap_numba, classmap_numpy

KERNELS = [classmap_numba, classmap_numpy]
SIZES = [  # (h, w, H, W): the usual, odd, equal, down, one dimension each way, single pixels
    (8, 16, 64, 128),
    (9, 17, 65, 129),
    (7, 11, 53, 97),
    (33, 21, 33, 21),
    (40, 30, 13, 7),
    (5, 30, 31, 9),
    (1, 6, 4, 13),
    (6, 1, 1, 5),
    (1, 1, 3, 2),
]


@pytest.fixture(params=KERNELS, ids=["numba", "numpy"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setattr(classmap, "_kernels", lambda: request.param)
    yield request.param


def weights(inputs: int, outputs: int, align_corners: bool) -> tuple[np.ndarray, int]:
    """(inputs, outputs) whole weights of each input pixel in each output pixel, and their sum."""
    matrix, total = np.zeros((inputs, outputs), np.int64), max(outputs - 1, 1) if align_corners else 2 * outputs
    for i in range(outputs):
        at = i * (inputs - 1) if align_corners else (2 * i + 1) * inputs - outputs
        if outputs == 1 and align_corners:
            at = 0
        low, rest = divmod(min(max(at, 0), (inputs - 1) * total), total)
        matrix[low, i] += total - rest
        matrix[min(low + 1, inputs - 1), i] += rest
    return matrix, total


def dense(scores: np.ndarray, size: Size, align_corners: bool) -> np.ndarray:
    """Interpolate (C, h, w) densely and take the arg-max: floats in float64, integers in integers."""
    rows, row_total = weights(scores.shape[1], size.height, align_corners)
    columns, column_total = weights(scores.shape[2], size.width, align_corners)
    if scores.dtype.kind == "f":
        left, right = rows / row_total, columns / column_total
        return np.einsum("hH,chw,wW->cHW", left, scores.astype(np.float64), right, optimize=True).argmax(0)
    return np.einsum("hH,chw,wW->cHW", rows, scores.astype(np.int64), columns, optimize=True).argmax(0)


def interpolate(scores: np.ndarray, size: Size, align_corners: bool) -> torch.Tensor:
    return torch.nn.functional.interpolate(
        torch.from_numpy(scores[None]).double(), (size.height, size.width), mode="bilinear", align_corners=align_corners
    )[0]


def smooth(seed: int, classes: int, height: int, width: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).normal(size=(classes, 4, 4)).astype(np.float32)
    return interpolate(coarse, Size(height, width), True).numpy().astype(np.float32)


def noise(seed: int, classes: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(classes, height, width)).astype(np.float32)


def rectified(seed: int, classes: int, height: int, width: int) -> np.ndarray:
    return np.maximum(noise(seed, classes, height, width) - 1, 0)


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("height, width, out_height, out_width", SIZES)
@pytest.mark.parametrize("make", [smooth, noise, rectified])
def test_float_scores(kernels, make, height, width, out_height, out_width, align_corners):
    size = Size(out_height, out_width)
    scores = make(0, 19, height, width)
    expected = dense(scores, size, align_corners)
    assert (classmap.upsample_argmax(scores, size, align_corners) == expected).all()
    last = np.ascontiguousarray(scores.transpose(1, 2, 0))
    assert (classmap.upsample_argmax(last, size, align_corners, "NHWC") == expected).all()


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("height, width, out_height, out_width", SIZES)
@pytest.mark.parametrize("make", [smooth, noise])
def test_float_scores_against_torch(kernels, make, height, width, out_height, out_width, align_corners):
    # torch rounds its coordinates, so a pixel that lies on an input pixel may see a trace of the next one. That decides
    # the arg-max only where all scores tie there, as in a pixel that a ReLU emptied: rectified scores are not compared.
    size = Size(out_height, out_width)
    scores = make(1, 19, height, width)
    expected = interpolate(scores, size, align_corners).argmax(0).numpy()
    assert (classmap.upsample_argmax(scores, size, align_corners) == expected).all()


@pytest.mark.parametrize("align_corners", [True, False])
def test_rectified_scores_against_torch_at_the_usual_size(kernels, align_corners):
    # Here torch's coordinates on input pixels are exact.
    scores, size = rectified(2, 19, 32, 64), Size(256, 512)
    expected = interpolate(scores, size, align_corners).argmax(0).numpy()
    assert (classmap.upsample_argmax(scores, size, align_corners) == expected).all()


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("height, width, out_height, out_width", SIZES)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
def test_integer_scores_with_many_ties(kernels, dtype, height, width, out_height, out_width, align_corners):
    size = Size(out_height, out_width)
    limits = np.iinfo(dtype)
    random = np.random.default_rng(3)
    few = random.integers(0, 3, (19, height, width)).astype(dtype)
    extreme = random.choice([limits.min, limits.max], (5, height, width)).astype(dtype)
    coarse = np.rint(smooth(4, 19, height, width) * 4 + 8).astype(dtype)
    for scores in (few, extreme, coarse):
        expected = dense(scores, size, align_corners)
        assert (classmap.upsample_argmax(scores, size, align_corners) == expected).all()
        last = np.ascontiguousarray(scores.transpose(1, 2, 0))
        assert (classmap.upsample_argmax(last, size, align_corners, "NHWC") == expected).all()


def test_float64_weights_cannot_tell_integer_ties():
    """Why integers are interpolated in integers: rounded weights break ties by noise."""
    scores, size = np.random.default_rng(5).integers(-2, 3, (19, 7, 11)).astype(np.int8), Size(53, 97)
    rounded = interpolate(scores.astype(np.float32), size, True).argmax(0).numpy()
    assert (rounded != dense(scores, size, True)).any()


side = st.integers(1, 20)


@settings(max_examples=60, deadline=None)
@given(side, side, st.integers(1, 60), st.integers(1, 60), st.integers(1, 6), st.booleans(), st.integers(0, 2**32 - 1))
def test_any_size(height, width, out_height, out_width, classes, align_corners, seed):
    size = Size(out_height, out_width)
    whole = np.random.default_rng(seed).integers(-3, 4, (classes, height, width)).astype(np.int8)
    scores = noise(seed, classes, height, width)
    for kernels in KERNELS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(classmap, "_kernels", lambda kernels=kernels: kernels)
            assert (classmap.upsample_argmax(whole, size, align_corners) == dense(whole, size, align_corners)).all()
            assert (classmap.upsample_argmax(scores, size, align_corners) == dense(scores, size, align_corners)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint8, np.int16, np.uint32, np.int64])
def test_argmax_of_full_size_logits(kernels, dtype):
    few = np.random.default_rng(6).integers(0, 12, (19, 61, 83)).astype(dtype)
    negative = -few if dtype in (np.int8, np.int16, np.int64) else few
    highest = (few + np.iinfo(dtype).max - 12).astype(dtype) if dtype != np.float32 else few
    for logits in (few, negative, highest):
        check_argmax(logits)


def check_argmax(logits: np.ndarray) -> None:
    result = classmap.argmax_classmap(logits)
    assert result.dtype == np.uint8
    assert (result == logits.argmax(0)).all()
    last = np.ascontiguousarray(logits.transpose(1, 2, 0))
    assert (classmap.argmax_classmap(last, "NHWC") == logits.argmax(0)).all()


@pytest.mark.parametrize("classes", [1, 2, 256])
def test_as_many_classes_as_a_byte_holds(kernels, classes):
    scores = noise(7, classes, 3, 4)
    assert (classmap.upsample_argmax(scores, Size(9, 9), False) == dense(scores, Size(9, 9), False)).all()
    assert (classmap.argmax_classmap(scores) == scores.argmax(0)).all()


def test_refusals():
    with pytest.raises(InputError, match="257 classes"):
        classmap.upsample_argmax(noise(8, 257, 2, 2), Size(4, 4), True)
    with pytest.raises(InputError, match="int32"):
        classmap.upsample_argmax(np.zeros((2, 2, 2), np.int32), Size(4, 4), True)


def test_without_numba_the_numpy_kernels_serve(monkeypatch):
    classmap._kernels.cache_clear()
    assert classmap._kernels() is classmap_numba
    classmap._kernels.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "edgeseg.runtimes.classmap_numba", None)
    monkeypatch.delattr("edgeseg.runtimes.classmap_numba")
    assert classmap._kernels() is classmap_numpy
    classmap._kernels.cache_clear()


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_half_floats(kernels: ModuleType, layout: str) -> None:
    logits = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float16)
    given = logits if layout == "NCHW" else np.ascontiguousarray(logits.transpose(1, 2, 0))
    assert np.array_equal(classmap.argmax_classmap(given, layout), logits.argmax(0))
