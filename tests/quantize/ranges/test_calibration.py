from __future__ import annotations

import tracemalloc
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.core.errors import InputError, QuantizeError
from edgeseg.core.protocols import Calibration, Recipe
from edgeseg.core.types import Artifact, Facts, InputFacts, OutputFacts, Size
from edgeseg.quantize.ranges import channels, channels_numba, criteria, histogram_numba, observers
from edgeseg.quantize.ranges.observers import BINS, Observer
from tests.quantize.nets import calibrate

ARTIFACT = Artifact(
    Path("net.onnx"),
    Facts("net", "onnx", "fp32", InputFacts(Size(8, 8)), OutputFacts("scores", Size(8, 8)), ("road",)),
)


def samples(*images: dict[str, Any], progress: Any = lambda what, done, total: None, **others: Any) -> Calibration:
    def observe(
        artifact: Artifact, batches: Any, names: Collection[str] | None
    ) -> Iterator[Iterator[tuple[str, NDArray[Any]]]]:
        for image in batches:
            yield ((name, np.asarray(image[name])) for name in image if names is None or name in names)

    return Calibration(images, len(images), "noise", observe, progress, **others)


def ranges(*images: dict[str, Any], recipe: Recipe = Recipe()) -> Any:  # noqa: B008
    return calibrate(ARTIFACT, recipe, samples(*images)).values


def add(observer: Observer, values: NDArray[np.float32]) -> None:
    observer.add(values, float(values.min()), float(values.max()))


DISTRIBUTIONS = {
    "normal": lambda r, n: r.normal(size=n),
    "relu": lambda r, n: np.maximum(r.normal(size=n), 0),
    "negative": lambda r, n: -r.gamma(2.0, size=n),
    "heavy tail": lambda r, n: r.standard_t(2, size=n),
    "tiny": lambda r, n: r.normal(size=n) * 1e-12,
    "shifted": lambda r, n: r.normal(size=n) + 40,
}


@pytest.mark.parametrize("percentile", [99.0, 99.99, 100.0])
@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_percentile_is_numpys_within_one_bin(kind: str, percentile: float) -> None:
    random = np.random.default_rng(0)
    parts = [DISTRIBUTIONS[kind](random, n).astype(np.float32) for n in (1, 7, 5000, 20_000, 30_001)]
    seen = Observer()
    for part in parts:
        add(seen, part)
    low, high = criteria.percentile(percentile)(seen.counts, seen.width, seen.extremes)
    whole = np.concatenate(parts)
    assert seen.counts.sum() == whole.size
    assert seen.width <= 2 * np.abs(whole).max() / BINS
    assert low == pytest.approx(min(0.0, np.percentile(whole, 100 - percentile, method="lower")), abs=seen.width)
    assert high == pytest.approx(max(0.0, np.percentile(whole, percentile, method="higher")), abs=seen.width)
    assert low <= 0 <= high


def test_neither_order_nor_grouping_matters() -> None:
    random = np.random.default_rng(0)
    parts = [(random.normal(size=1000) * scale).astype(np.float32) for scale in (1e-6, 1e4, 1, 0, 30, 1e-2)]
    one, other, once = Observer(), Observer(), Observer()
    for part in parts:
        add(one, part)
    for part in reversed(parts):
        add(other, part)
    add(once, np.concatenate(parts))
    assert one.width == other.width == once.width
    assert (one.counts == other.counts).all()
    assert (one.counts == once.counts).all()
    assert one.extremes == other.extremes == once.extremes


def test_both_counting_loops_count_alike() -> None:
    random = np.random.default_rng(0)
    edges = np.arange(-BINS, BINS, dtype=np.float32) / 256
    values = np.concatenate([edges, random.normal(size=100_003), -np.float32([1e-30, 0.0])]).astype(np.float32)
    compiled, plain = np.zeros((2, 2 * BINS), np.int64)
    histogram_numba.count(values, 256.0, compiled)
    observers.count(values, 256.0, plain)
    assert (compiled == plain).all()
    assert plain.sum() == values.size


@pytest.mark.parametrize("shape", [(1, 32, 10087), (2, 3, 63), (9001, 32, 1), (4096, 19, 1), (7, 5, 1), (1, 300, 1)])
def test_both_sums_over_channels_are_alike(shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(0).normal(0.1, size=shape).astype(np.float32)
    compiled, plain = channels_numba.sums(image), channels.sums(image)
    exact = np.stack(
        [image.sum((0, 2), dtype=float), np.square(image, dtype=float).sum((0, 2)), abs(image).max((0, 2))]
    )
    count = shape[0] * shape[2]
    for found in (compiled, plain):
        assert np.abs(found - exact)[:2].max() < 1e-6 * count
        assert (found[2] == exact[2]).all()


def test_an_error_of_a_tensor_among_many_ends_calibration() -> None:
    many = {f"t{i}": np.full(9, np.nan if i == 7 else 1.0) for i in range(20)}
    with pytest.raises(QuantizeError, match="tensor t7 is NaN"):
        ranges(many)


def test_memory_does_not_grow_with_images() -> None:
    random = np.random.default_rng(0)
    image = {f"t{i}": random.normal(size=100_000).astype(np.float32) for i in range(8)}
    ranges(image)
    tracemalloc.start()
    ranges(*[image] * 60)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2 * BINS * 8 + 2**20


def test_minmax_is_exact_and_holds_zero() -> None:
    recipe = Recipe(method="minmax")
    found = ranges({"a": [1.5, 3.0], "b": [-2.0]}, {"a": [-0.25, 2.0], "b": [-1.0]}, recipe=recipe)
    assert found == {"a": (-0.25, 3.0), "b": (-2.0, 0.0)}


def test_moving_average_is_that_of_the_images() -> None:
    images = [{"a": np.float32([-i, 2 * i, 0])} for i in range(1, 5)]
    assert ranges(*images, recipe=Recipe(method="moving-average"))["a"] == pytest.approx((-2.5, 5.0))
    many = [{"a": np.float32([8])}] * 100 + [{"a": np.float32([108])}]
    assert ranges(*many, recipe=Recipe(method="moving-average"))["a"] == pytest.approx((0.0, 9.0))


def test_ranges_of_small_tensors_have_room_for_other_images() -> None:
    random = np.random.default_rng(0)
    images = [{"mean": random.normal(1, 0.2, 1).repeat(4)} for _ in range(264)]
    known, others = images[:8], [float(image["mean"][0]) for image in images[8:]]
    low, high = ranges(*known)["mean"]
    seen = ranges(*known, recipe=Recipe(method="minmax"))["mean"]
    assert sum(value > seen[1] for value in others) > 8
    assert low == 0
    assert sum(value > high for value in others) < 0.02 * len(others)
    assert high < 2 * seen[1]
    large = [{"map": image["mean"].repeat(1024)} for image in known]
    assert ranges(*large)["map"][1] <= seen[1]
    assert ranges(*known[:7])["mean"][1] <= seen[1]


def test_an_enlarged_mean_is_a_small_tensor() -> None:
    random = np.random.default_rng(0)
    means = random.normal(1, 0.2, (16, 4)).astype(np.float32)
    first = ranges(*({"mean": mean} for mean in means))["mean"]
    for shape in ((1, 4, 1, 1), (1, 1, 1, 4)):
        whole = (1, 4, 32, 64) if shape[1] == 4 else (1, 32, 64, 4)
        maps = [np.broadcast_to(mean.reshape(shape), whole) for mean in means]
        assert ranges(*({"map": each} for each in maps))["map"] == pytest.approx(first, abs=1e-3)
        varied = [each + np.linspace(0, 1e-3, each.size, dtype=np.float32).reshape(whole) for each in maps]
        assert ranges(*({"map": each} for each in varied))["map"][1] < first[1] - 0.1


def test_a_dead_tensor_has_no_empty_range() -> None:
    assert ranges({"a": np.zeros(9)}) == {"a": (0.0, 1.0)}
    assert ranges({"a": np.zeros(9)}, {"a": np.full(9, -2.0)}) == {"a": (-2.0, 0.0)}


@pytest.mark.parametrize("method", observers.METHODS)
def test_padding_of_a_max_pool_is_no_data(method: str) -> None:
    lowest = np.finfo(np.float32).min
    found = ranges({"a": np.float32([-np.inf, lowest, 2, 0.5]), "b": [-np.inf]}, recipe=Recipe(method=method))
    assert found == {"a": (0.0, 2.0), "b": (0.0, 1.0)}


def test_nan_is_an_error_that_names_the_tensor() -> None:
    with pytest.raises(QuantizeError, match=r"net\.onnx: tensor conv3 is NaN"):
        ranges({"conv3": [1.0, np.nan]})


def test_only_named_float_tensors_are_observed() -> None:
    given = samples({"a": [1.0], "b": [1.0], "indices": np.arange(3), "empty": np.zeros(0, np.float32)})
    assert calibrate(ARTIFACT, Recipe(), given).values.keys() == {"a", "b"}
    assert calibrate(ARTIFACT, Recipe(), given, {"b"}).values.keys() == {"b"}


def test_progress_is_told_image_by_image() -> None:
    told: list[tuple[str, int, int]] = []
    calibrate(ARTIFACT, Recipe(), samples({"a": [1.0]}, {"a": [2.0]}, progress=lambda *given: told.append(given)))
    assert told == [("calibrate", 0, 2), ("calibrate", 1, 2), ("calibrate", 2, 2)]


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (
            Recipe(method="kl"),
            "no calibration method 'kl'; there are: minmax, moving-average, percentile, mse, entropy",
        ),
        (Recipe(method="percentile", percentile=0.9999), "percentile 0.9999: expected more than 50"),
        (Recipe(method="percentile", percentile=101), "percentile 101"),
        (Recipe(method="entropy", precision="int16x8"), "method entropy weighs 256 levels"),
    ],
)
def test_unusable_recipes(recipe: Recipe, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ranges({"a": [1.0]}, recipe=recipe)


def test_no_images() -> None:
    with pytest.raises(InputError, match="at least one"):
        ranges()


def test_it_ends_after_the_image_that_was_enough() -> None:
    images = [{"a": [float(i)]} for i in range(1, 6)]
    answers = iter([False, True])
    found = calibrate(ARTIFACT, Recipe(method="minmax"), samples(*images, enough=lambda: next(answers)))
    assert str(found.source) == "2 images of noise"
    assert found.values == {"a": (0.0, 2.0)}
    first = calibrate(ARTIFACT, Recipe(), samples(*images, enough=lambda: True))
    assert str(first.source) == "1 image of noise"
