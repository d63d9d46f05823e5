"""What no even steps hold, in files of every format: their `spans.py` find it and leave it in float.

Places in a map would be off by whole pixels; they are few beside the map's values. A divisor that is small, but not
nothing, rounds to zero, and 1 / x of one next to zero takes all the steps. Scores that a mask puts far below the others
leave those no steps to differ by. The shares that a softmax gives to many values are less than one of the steps of
1 / 256 that it has in int8. And a power of x that GELU takes, in its form with tanh, is so wide that x beside it is a
few steps.
"""

from __future__ import annotations

__all__ = ["FAR", "MANY"]

FAR = -50
"""What lies so far below another score is nothing beside it behind a softmax."""
MANY = 64
"""Values, among which a softmax gives each four steps in the mean."""
