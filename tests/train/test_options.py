from __future__ import annotations

import math
from typing import Any

import pytest

from edgeseg.core.errors import InputError
from edgeseg.core.types import Size
from edgeseg.train import TrainOptions


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"steps": 0}, "steps 0"),
        ({"batch": -1}, "batch -1"),
        ({"workers": -1}, "workers -1"),
        ({"learning_rate": 0.0}, "learning rate 0.0"),
        ({"learning_rate": math.nan}, "learning rate nan"),
        ({"min_scale": 0.0}, "scales 0.0"),
        ({"min_scale": 2.0, "max_scale": 1.0}, "scales 2.0 to 1.0"),
        ({"minutes": 0.0}, "minutes 0.0"),
        ({"jitter": -0.1}, "jitter -0.1"),
        ({"crop": 64}, "size '64': expected HEIGHTxWIDTH"),
    ],
)
def test_options_that_make_no_sense_are_refused(values: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        TrainOptions(**values)


def test_the_rate_rises_then_falls_to_zero() -> None:
    options = TrainOptions(steps=100, learning_rate=0.1, warmup=9)
    rates = [options.rate(step / 100, step) for step in range(101)]
    peak = rates.index(max(rates))
    assert rates[0] == pytest.approx(0.01)
    assert peak == 9
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[50] == pytest.approx(0.1 * 0.5**0.9)
    assert rates[100] == 0


def test_a_crop_is_given_as_other_sizes_are() -> None:
    assert TrainOptions(crop="64x96") == TrainOptions(crop=Size(64, 96))
