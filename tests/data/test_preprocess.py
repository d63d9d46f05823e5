from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from edgeseg.core.errors import InputError, MissingDependency
from edgeseg.core.types import InputFacts, Normalization, Size
from edgeseg.data import preprocess
from edgeseg.data.preprocess import Preprocessor, normalize_numpy

SIZE = Size(17, 29)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (17, 29, 3), dtype=np.uint8)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_float_input_is_normalized_per_channel(image, layout):
    facts = InputFacts(SIZE, layout=layout, batch=4, normalization=Normalization((0.3, 0.4, 0.5), (0.2, 0.3, 0.4)))
    batch = Preprocessor(facts)(image)
    expected = (image / 255 - [0.3, 0.4, 0.5]) / [0.2, 0.3, 0.4]
    expected = expected if layout == "NHWC" else expected.transpose(2, 0, 1)
    assert batch.dtype == np.float32
    assert batch.shape == (1, *facts.shape[1:])
    assert np.array_equal(batch[0], expected.astype(np.float32))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
def test_bgr_is_rgb_with_the_channels_the_other_way(image, layout, dtype):
    rgb, bgr = (Normalization((0.3, 0.4, 0.5), (0.2, 0.3, 0.4), order) for order in ("RGB", "BGR"))
    facts = InputFacts(SIZE, layout=layout, dtype=dtype, normalization=rgb)
    expected = np.flip(Preprocessor(facts)(image), 1 if layout == "NCHW" else 3)
    assert np.array_equal(Preprocessor(replace(facts, normalization=bgr))(image), expected)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_integer_input_is_raw(image, layout):
    raw = image if layout == "NHWC" else image.transpose(2, 0, 1)
    unsigned = Preprocessor(InputFacts(SIZE, layout=layout, dtype="uint8"))(image)
    signed = Preprocessor(InputFacts(SIZE, layout=layout, dtype="int8"))(image)
    assert unsigned.dtype == np.uint8
    assert np.array_equal(unsigned[0], raw)
    assert signed.dtype == np.int8
    assert np.array_equal(signed[0], raw.astype(int) - 128)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_compiled_kernel_and_numpy_give_the_same_bits(image, layout):
    from edgeseg.data.kernel import normalize as kernel

    table = np.random.default_rng(1).standard_normal((3, 256)).astype(np.float32)
    ours, theirs = np.empty((2, 3, 17, 29) if layout == "NCHW" else (2, 17, 29, 3), np.float32)
    for function, out in ((kernel, ours), (normalize_numpy, theirs)):
        function(image, table, out if layout == "NCHW" else out.transpose(2, 0, 1))
    assert ours.tobytes() == theirs.tobytes()


def test_without_numba_numpy_is_used(image, monkeypatch):
    facts = InputFacts(SIZE)
    compiled = Preprocessor(facts)(image)
    monkeypatch.setitem(sys.modules, "edgeseg.data.kernel", None)
    preprocess.normalize_kernel.cache_clear()
    try:
        assert preprocess.normalize_kernel() is normalize_numpy
        assert np.array_equal(Preprocessor(facts)(image), compiled)
    finally:
        preprocess.normalize_kernel.cache_clear()


def test_a_strided_image_is_taken(image):
    prepare = Preprocessor(InputFacts(SIZE))
    assert np.array_equal(prepare(image[:, ::-1]), prepare(image)[..., ::-1])


def test_another_size_is_resized():
    flat = np.full((40, 60, 3), 128, np.uint8)
    assert (Preprocessor(InputFacts(SIZE, layout="NHWC", dtype="uint8"))(flat) == 128).all()


def test_resizing_without_pillow_names_the_extra(image, monkeypatch):
    monkeypatch.delitem(sys.modules, "edgeseg.data.images", raising=False)
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert Preprocessor(InputFacts(SIZE))(image).shape == (1, 3, 17, 29)
    with pytest.raises(MissingDependency, match=r"from 17x29 to 8x8 needs the package pillow"):
        Preprocessor(InputFacts(Size(8, 8)))(image)


@pytest.mark.parametrize("bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8)])
def test_what_is_no_image_is_refused(bad):
    with pytest.raises(InputError, match=r"expected \(H, W, 3\) uint8 RGB"):
        Preprocessor(InputFacts(Size(4, 4)))(bad)
    with pytest.raises(InputError, match="dtype float16"):
        Preprocessor(InputFacts(Size(4, 4), dtype="float16"))


def test_integers_with_a_scale_are_normalized_pixels_quantized() -> None:
    image = np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    real = Preprocessor(InputFacts(Size(6, 8), layout="NHWC"))(image)
    given = InputFacts(Size(6, 8), layout="NHWC", dtype="uint8", scale=0.015, zero_point=110)
    whole = Preprocessor(given)(image)
    assert whole.dtype == np.uint8
    np.testing.assert_array_equal(whole, (np.rint(real / np.float32(0.015)) + 110).clip(0, 255))
    assert whole.max() == 255
    assert whole.min() == 0


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("seed", range(5))
def test_computed_integers_are_those_of_the_table(dtype: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(seed)
    mean, std = (tuple(random.uniform(*ends, 3)) for ends in ((0.3, 0.6), (0.15, 0.4)))
    scale, zero_point = float(np.float32(random.uniform(0.01, 0.03))), int(random.integers(80, 140))
    facts = InputFacts(
        *(Size(16, 48), 1, "NHWC", dtype, Normalization(mean, std)),
        scale=scale,
        zero_point=zero_point if dtype == "uint8" else zero_point - 128,
    )
    every = np.arange(16 * 48 * 3, dtype=np.int64).astype(np.uint8).reshape(48, 16, 3).swapaxes(0, 1)
    compute = Preprocessor(facts)
    assert compute._quantize is not None
    computed = compute(every)
    monkeypatch.setitem(sys.modules, "edgeseg.data.kernel", None)
    look_up = Preprocessor(facts)
    assert look_up._quantize is None
    monkeypatch.setattr(preprocess, "normalize_kernel", lambda: normalize_numpy)
    assert np.array_equal(computed, look_up(every))


def test_integers_that_lie_halfway_are_looked_up() -> None:
    """Half of the bytes lie between two integers, of which the table has the even one."""
    facts = InputFacts(
        Size(1, 256), layout="NHWC", dtype="uint8", normalization=Normalization((0, 0, 0), (1 / 255,) * 3), scale=2.0
    )
    every = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    assert np.array_equal(Preprocessor(facts)(every)[0], np.rint(every / 2))
