"""Options that would do nothing beside others, told before long work.

What a precision has no use for is told by `quantize/precisions.py`, and what a MODEL has none for by
`pipeline/sources.py`: they are said in the Python API too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import typer

from edgeseg.cli.given import is_given, parameter
from edgeseg.core.errors import InputError

if TYPE_CHECKING:
    from edgeseg.core.protocols import Keep, Recipe
    from edgeseg.core.source import Source
    from edgeseg.core.types import Format
    from edgeseg.quantize.precisions import Kind

__all__ = ["check_bench", "check_gate", "check_head", "check_images", "check_passes", "check_quantize", "check_run"]

_EVALUATION = ("--data", "--split", "--images")
_ACCURACY = (*_EVALUATION, "--scales", "--flip", "--at", "--per-class", "--picture")
_BESIDE = {
    "--profile": ("--resume", "--effort", "--sort", *_ACCURACY),
    "--no-accuracy": _ACCURACY,
    "--device ssh": ("--resume",),
    "--device android": ("--resume", "--effort", "--runtime", *_ACCURACY),
}
"""What of `bench` does nothing beside what."""
_OF_ACCURACY_ALONE = ("--images", "--per-class", "--picture")
"""Of `run`, which takes calibration images from the data too."""
_OF_CALIBRATION = ("--calibration", "--samples", "--ablate")
_OF_INT8 = ("--float-slow", "--max-drop", "--min-sqnr", "--images")
_OF_A_CANDIDATE = (
    *("--candidate", "--max-miou-loss", "--max-size-growth", "--max-madds-growth", "--max-memory-growth"),
    *(*_EVALUATION, "--json", "--junit", "--resume", "--out"),
)


def check_bench(context: typer.Context) -> None:
    """Raise InputError for options of `bench` that nothing would be made of."""
    chosen = context.params
    modes = ["--profile"] * chosen["profile"] + ["--no-accuracy"] * (not chosen["accuracy"])
    for mode in (*modes, f"--device {chosen['device'].partition(':')[0]}"):
        _check_beside(context, mode, _BESIDE.get(mode, ()))


def check_run(context: typer.Context) -> None:
    """Raise InputError for options of `run` that nothing would be made of."""
    chosen = context.params
    if not chosen["accuracy"]:
        _check_beside(context, "--no-accuracy", _OF_ACCURACY_ALONE)
    if chosen["device"].partition(":")[0] == "android":
        _check_beside(context, "--device android", ("--effort", *_OF_ACCURACY_ALONE))
    if chosen["every"] and chosen["models"]:
        raise InputError("--all runs every network of the zoo; leave it out to run the models named")


def check_head(context: typer.Context, sources: Iterable[Source]) -> None:
    """Raise InputError for a head where there is no network to give it to."""
    from edgeseg.pipeline.sources import is_file

    if context.params["head"] and all(is_file(source.target) for source in sources):
        raise InputError("--head is that of a network to export, and finished files have theirs; leave it out")


def check_gate(context: typer.Context) -> None:
    """Raise InputError for options of `gate` that nothing would be made of."""
    chosen = context.params
    if chosen["self_test"]:
        if idle := _typed(context, _OF_A_CANDIDATE):
            raise InputError(f"--self-test races the baseline against itself; leave out {', '.join(idle)}")
        return
    if is_given(context, "--runs"):
        raise InputError("--runs is how often --self-test races; give that too, or leave it out")
    if not chosen["resume"] and is_given(context, "--out"):
        raise InputError("--out is where --resume keeps what is found; give that too, or leave it out")
    if chosen["max_miou_loss"] is None and _typed(context, _EVALUATION):
        raise InputError("--data, --split and --images are what --max-miou-loss is measured on; give that too")


def check_quantize(context: typer.Context, recipe: Recipe) -> Kind:
    """What is known of the recipe's precision; InputError for an option that it has no use for."""
    from edgeseg.quantize.precisions import kind_of, nothing_for

    kind, chosen = kind_of(recipe), context.params
    idle = [
        *(_OF_CALIBRATION if not kind.calibrated else ()),
        *(_OF_INT8 if recipe.precision != "int8" else ()),
    ]
    if typed := _typed(context, idle):
        negated = typed[0] == "--float-slow" and not chosen["float_slow"]
        raise nothing_for(recipe.precision, "--no-float-slow" if negated else typed[0])
    if chosen["images"] is not None and chosen["max_drop"] is None:
        raise InputError("quantize: --images are those that --max-drop is held on; give both or neither")
    return kind


def check_images(context: typer.Context, keep: Keep) -> None:
    """Raise InputError for what `quantize` needs images for where a calibration file stands for them."""
    if keep.add:
        return
    if context.params["ablate"]:
        raise InputError(f"{keep.path}: graphs that passes are left out of need images; leave --calibration out")
    if context.params["min_sqnr"] is not None and not is_given(context, "--data"):
        raise InputError(f"{keep.path}: holds no images, which --min-sqnr needs; name them with --data")


def check_passes(without: Sequence[str], formats: Collection[Format]) -> None:
    """Raise InputError for a pass to leave out that files of none of the formats have."""
    from edgeseg.quantize.passes import OF_ONNX, OF_TFLITE

    for format, own in (("onnx", OF_ONNX), ("tflite", OF_TFLITE)):
        for name in without:
            if name in own and format not in formats:
                raise InputError(
                    f"--without {name}: that pass is for .{format} files, of which there is none; leave it out"
                )


def _check_beside(context: typer.Context, mode: str, options: Iterable[str]) -> None:
    if idle := [option for option in _typed(context, options) if context.params[parameter(option)] is not False]:
        raise InputError(f"{', '.join(idle)}: without effect beside {mode}; leave the one or the other out")


def _typed(context: typer.Context, options: Iterable[str]) -> list[str]:
    return [option for option in options if is_given(context, option)]
