"""How far a quantized file is from its float file, and what is said to help."""

from __future__ import annotations

import pytest

from edgeseg.pipeline.worth.fidelity import Fidelity


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
