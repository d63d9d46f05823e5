"""Rewrites of a float graph about to be quantized, each in a file of its own and each to be left out by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from edgeseg.core.errors import EdgesegError, InputError, QuantizeError, first_line
from edgeseg.core.protocols import Recipe

__all__ = [
    "LEARNED_ROUNDING",
    "OF_ONNX",
    "OF_TFLITE",
    "OF_WEIGHTS",
    "PASSES",
    "applied_in",
    "applied_text",
    "blamed",
    "blamed_on_pass",
    "chosen",
]

OF_WEIGHTS = ("equalization", "bias-correction")
"""Passes that change no operator."""
PASSES = (
    *(
        "batchnorm",
        "activations",
        "reductions",
        "average",
        "deconv",
        "grouped",
        "shuffle",
        "pointwise",
        "alignment",
        "elu",
        "dilated",
    ),
    *OF_WEIGHTS,
)
OF_ONNX = ("batchnorm", "reductions", "deconv", "alignment")
"""Passes of ONNX graphs alone."""
OF_TFLITE = ("dilated",)
"""Passes of TFLite graphs alone."""
LEARNED_ROUNDING = "learned-rounding"
"""A pass that is made where a recipe asks for it."""

_LEAD = "; passes: "


def chosen(recipe: Recipe) -> tuple[str, ...]:
    """The passes that a recipe does not leave out; InputError where it names one that there is not."""
    for name in recipe.without:
        if name not in PASSES:
            raise InputError(f"no quantization pass {name!r} to leave out; there are: {', '.join(PASSES)}")
    return tuple(name for name in PASSES if name not in recipe.without)


def blamed_on_pass(name: str, path: Path) -> AbstractContextManager[None]:
    """Raise QuantizeError, with the way round it, for what goes wrong while a pass is made on the file at `path`."""
    return blamed(path, f"the pass {name} failed on it", f"leave it out with --without {name}")


@contextmanager
def blamed(path: Path, problem: str, remedy: str) -> Iterator[None]:
    """Raise QuantizeError that says so, and why, for what goes wrong with the file at `path`."""
    try:
        yield
    except EdgesegError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {first_line(error)}"
        raise QuantizeError(f"{path}: {problem}: {why}; {remedy}") from error


def applied_text(applied: Mapping[str, int]) -> str:
    """How often each pass applied, as the end of a sentence."""
    text = ", ".join(f"{name} {count}" for name, count in applied.items() if count)
    return f"{_LEAD}{text}" if text else ""


def applied_in(recipe: str) -> tuple[str, ...]:
    """The passes that applied, from a recipe's words that hold what `applied_text` gave."""
    applied = recipe.partition(_LEAD)[2].partition(";")[0]
    return tuple(each.split()[0] for each in applied.split(", ") if each)
