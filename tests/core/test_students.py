from __future__ import annotations

import pytest

from edgeseg.core.students import students


@pytest.mark.parametrize(("freedom", "quantile"), [(2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (60, 2.000)])
def test_quantiles_of_95_percent(freedom: int, quantile: float) -> None:
    assert students(1.96, freedom) == pytest.approx(quantile, rel=0.01)


@pytest.mark.parametrize(("freedom", "quantile"), [(7, 4.53), (15, 3.586), (39, 3.20), (10_000, 3.0)])
def test_quantiles_of_three_deviations(freedom: int, quantile: float) -> None:
    assert students(3.0, freedom) == pytest.approx(quantile, rel=0.01)
