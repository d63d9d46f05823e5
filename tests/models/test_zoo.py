"""Every network of the zoo against the golden files of the network as published."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from edgeseg import models
from edgeseg.core.errors import InputError
from edgeseg.core.types import Size
from edgeseg.models.adapters import adapter
from tests.models.golden import Golden, goldens, madds, names_and_shapes, nested, params, run_meta

each_golden = pytest.mark.parametrize("golden", goldens(), ids=lambda golden: golden.name)
each_card = pytest.mark.parametrize("name", models.names())
SMALL = Size(65, 129)
SLOW_MADDS, SLOW_PARAMS = 5e9, 25e6


def cases(key: str) -> Any:
    """One case for every entry of a list in the golden files."""
    found = [
        pytest.param(golden, entry, id=f"{golden.name}-{_label(entry)}", marks=_marks(golden, entry, i == 0))
        for golden in goldens()
        for i, entry in enumerate(golden.facts[key])
    ]
    return pytest.mark.parametrize(("golden", "entry"), found)


def _marks(golden: Golden, entry: Any, first: bool) -> list[pytest.MarkDecorator]:
    """What does not come first, nor takes activations to their limits, and what is of many MAdds can wait."""
    known = {size: madds for size, _, madds in golden.facts["madds"]}
    size = "x".join(map(str, entry["input"][1:3])) if isinstance(entry, dict) else None
    quick = (first or _label(entry) == "hot") and known.get(size, 0) <= SLOW_MADDS
    return [] if quick else [pytest.mark.slow]


def _label(entry: Any) -> str:
    return entry["key"] if isinstance(entry, dict) else "-".join(map(str, entry)) if isinstance(entry, list) else entry


def _is_large(name: str) -> bool:
    return any(golden.card == name and golden.facts["params"] > SLOW_PARAMS for golden in goldens())


each_built = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * _is_large(name)) for name in models.names()]
)


@each_card
def test_has_golden_files(name: str) -> None:
    assert name in {golden.card for golden in goldens()}


@each_golden
def test_weights_have_the_published_names_shapes_and_order(golden: Golden) -> None:
    network = golden.build(SMALL)
    assert names_and_shapes(network, golden) == nested(golden.variables)
    assert params(network, golden.framework) == golden.facts["params"]


@cases("runs")
def test_same_function(golden: Golden, entry: dict[str, Any]) -> None:
    difference = np.abs(golden.outputs(entry) - golden.array(entry["key"]))
    if entry.get("near_ties"):  # Another convolution kernel may flip the arg-max that a pixel is unpooled by.
        assert np.mean(difference > entry["tolerance"]) <= 0.02
        assert difference.max() <= 1e-2
    else:
        assert difference.max() <= entry["tolerance"]


@cases("madds")
def test_madds(golden: Golden, entry: Any) -> None:
    size, classes, expected = entry
    assert madds(golden, Size.parse(size), classes) == expected


@cases("takes")
def test_size_that_it_takes(golden: Golden, entry: str) -> None:
    size = Size.parse(entry)
    shape = run_meta(golden.build().to("meta"), size)
    assert shape == (1, golden.facts["classes"], size.height, size.width)


@cases("refuses")
def test_size_that_it_refuses_with_one_that_works(golden: Golden, entry: str) -> None:
    network = golden.build().to("meta")
    with pytest.raises(
        InputError, match=rf"{golden.card} cannot take {entry}; it takes .+, for example \d+x\d+"
    ) as error:
        run_meta(network, Size.parse(entry))
    assert run_meta(network, Size.parse(str(error.value).rpartition(" ")[2]))


@each_built
def test_two_builds_are_alike_and_leave_the_random_state(name: str) -> None:
    arrays = adapter(models.card(name).framework).arrays
    before = random.getstate(), np.random.get_state()[1].tolist()
    first, second = (arrays(models.build(name, weights="random", size=SMALL)) for _ in range(2))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert any(np.ptp(value) > 0 for value in first.values())


@each_built
@pytest.mark.parametrize("classes", [2, pytest.param(11, marks=pytest.mark.slow)])
def test_other_class_counts(name: str, classes: int) -> None:
    model = models.load(name, classes=classes, size=SMALL)
    assert model.classes == tuple(f"class_{i}" for i in range(classes))
    if model.framework == "torch":
        shape = run_meta(model.network.to("meta"), Size(128, 256))
        assert shape == (1, classes, 128, 256)
    else:
        assert model.network.output_shape == (None, SMALL.height, SMALL.width, classes)


def test_a_class_count_that_cannot_be() -> None:
    with pytest.raises(InputError, match="2 to 255"):
        models.build("fastscnn", classes=0)


def test_edgetpu_slim_has_the_last_convolution_of_the_published_file() -> None:
    network = models.build("deeplab_edgetpu_slim", weights="random", size=SMALL)
    assert network.get_layer("MobilenetEdgeTPU.Conv_1").kernel.shape == (1, 1, 144, 1280)
    assert network.get_layer("aspp0").kernel.shape == (1, 1, 1280, 128)
