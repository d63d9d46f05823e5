"""Student's t, for what is to be said of few."""

from __future__ import annotations

__all__ = ["students"]


def students(normal: float, freedom: int) -> float:
    """The quantile of Student's t, with 2 or more degrees of freedom, that a normal one up to 3 corresponds to.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5; within 1 % for quantiles of 2.
    """
    z = normal
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term * (1 / freedom) ** power for power, term in enumerate(terms, start=1))
