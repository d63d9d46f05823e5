"""What was typed, as the pipeline takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from edgeseg.cli.options import At, RangeMethod
from edgeseg.core.errors import InputError

if TYPE_CHECKING:
    from edgeseg.core.evaluation import Evaluation
    from edgeseg.core.protocols import Recipe
    from edgeseg.core.types import Precision

__all__ = ["evaluation", "is_given", "parameter", "recipe"]


def recipe(context: typer.Context, precision: Precision = "int8") -> Recipe:
    """What the options of quantization ask for; InputError for a percentile beside another method than that."""
    from edgeseg.core.protocols import Recipe

    chosen = context.params
    method, percentile = chosen["method"], chosen["percentile"]
    if percentile is not None and method is not RangeMethod.PERCENTILE:
        raise InputError(f"--percentile is of --method percentile, not of {method.value}; give both or neither")
    return Recipe(
        precision=precision,
        method=method.value,
        percentile=Recipe.percentile if percentile is None else percentile,
        per_channel=not chosen["per_tensor"],
        without=tuple(each.value for each in chosen["without"] or ()),
        floating=tuple(chosen.get("floating") or ()),
        target=chosen["target"].value,
        input=chosen["input"].value,
        output=chosen["output"].value,
        learned_rounding=chosen["learned_rounding"],
    )


def evaluation(scales: str, flip: bool, at: At) -> Evaluation:
    """What `--scales`, `--flip` and `--at` ask for; InputError for scales that are no numbers."""
    from edgeseg.core.evaluation import Evaluation

    try:
        numbers = tuple(float(scale) for scale in scales.split(","))
    except ValueError:
        raise InputError(f"--scales {scales}: expected numbers with commas between them, like 0.75,1,1.25") from None
    return Evaluation(numbers, flip, at.value)


def is_given(context: typer.Context, option: str) -> bool:
    """Whether an option was typed, rather than left at its default."""
    told = context.get_parameter_source(parameter(option))
    return told is not None and told.name == "COMMANDLINE"


def parameter(option: str) -> str:
    """The name of an option in a context."""
    return option.removeprefix("--").replace("-", "_")
