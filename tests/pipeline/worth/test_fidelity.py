"""How far a quantized file is from its float file, and what is said to help."""

from __future__ import annotations

import numpy as np
import pytest

from edgeseg.pipeline.worth.fidelity import Fidelity, sqnr_db


@pytest.mark.parametrize(
    ("sqnr_db", "remedy"),
    [
        (-3.0, "--min-sqnr 20"),
        (14.9, "--min-sqnr 20"),
        (20.0, "--min-sqnr 30"),
        (26.0, "--min-sqnr 30"),
        (None, "--max-drop 1"),
    ],
)
def test_what_is_said_to_help_asks_for_more_than_there_is(sqnr_db: float | None, remedy: str) -> None:
    found = Fidelity(sqnr_db, 74.2, 4, data=None)
    assert found.is_low
    assert found.remedy == remedy


@pytest.mark.parametrize(("third", "expected_db"), [(3.0, 200.0), (np.nan, -200.0), (np.inf, -200.0)])
def test_scores_that_are_no_numbers_are_noise(third: float, expected_db: float) -> None:
    """But for those that are none in the float file either, such as the logarithm of 0."""
    expected = np.array([1.0, 2.0, 3.0, -np.inf], np.float32)
    given = np.array([1.0, 2.0, third, -np.inf], np.float32)
    assert sqnr_db([expected], [given]) == expected_db
