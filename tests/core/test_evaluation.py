from __future__ import annotations

import json

import pytest

from edgeseg.core.errors import InputError
from edgeseg.core.evaluation import Evaluation


def test_words_and_json() -> None:
    assert str(Evaluation()) == "plain"
    assert not Evaluation(at="label").is_averaged
    wide = Evaluation((0.5, 1.0, 1.75), flip=True, at="label")
    assert str(wide) == "scales 0.5, 1, 1.75; flip; at label size"
    assert wide.is_averaged
    assert Evaluation.from_json(json.loads(json.dumps(wide.to_json()))) == wide


@pytest.mark.parametrize(
    ("scales", "message"),
    [((), "expected numbers"), ((0.0,), "above 0"), ((float("nan"),), "scales nan"), ((1.0, 1.0), "given once")],
)
def test_scales_that_cannot_be(scales: tuple[float, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Evaluation(scales)


def test_a_size_that_is_neither() -> None:
    with pytest.raises(InputError, match="input or label"):
        Evaluation(at="screen")  # type: ignore[arg-type]
