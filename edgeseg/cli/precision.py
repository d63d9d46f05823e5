"""The precision that `edgeseg quantize` is asked for, and the options that do nothing for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import typer

from edgeseg.cli.options import is_given
from edgeseg.core.errors import InputError

if TYPE_CHECKING:
    from edgeseg.core.protocols import Recipe
    from edgeseg.core.source import Source
    from edgeseg.core.types import Format, Precision
    from edgeseg.quantize.precisions import Kind

__all__ = ["check_passes", "checked", "precision_of"]

_OF_IMAGES = ("--calibration", "--samples", "--ablate")
_OF_INT8 = ("--float-slow", "--max-drop", "--min-sqnr", "--images")
_OF_DATA = ("--data", "--split")


def precision_of(int8: bool, dynamic: bool, fp16: bool, int16_activations: bool) -> Precision:
    """The one that is asked for."""
    asked: dict[Precision, bool] = {"int8": int8, "int8-dynamic": dynamic, "fp16": fp16}
    if sum(asked.values()) != 1:
        raise InputError("quantize: say to which precision, by one of --int8, --dynamic and --fp16")
    if int16_activations and not int8:
        raise InputError("quantize: --int16-activations goes with --int8")
    return "int16x8" if int16_activations else next(precision for precision, on in asked.items() if on)


def checked(context: typer.Context, recipe: Recipe, sources: Sequence[Source]) -> Kind:
    """What is known of the recipe's precision; InputError for an option that it has no use for."""
    from edgeseg.pipeline.sources import is_file
    from edgeseg.quantize.precisions import kind_of

    kind, given = kind_of(recipe), context.params
    only_files = all(is_file(source.target) for source in sources)
    useless = {
        _OF_IMAGES: not kind.calibrated,
        _OF_INT8: recipe.precision != "int8",
        _OF_DATA: not kind.calibrated and only_files,  # A network is exported first, and checked on images.
    }
    idle = (option for options, are in useless.items() if are for option in options)
    for option in (option for option in idle if is_given(context, option)):
        typed = "--no-float-slow" if option == "--float-slow" and not given["float_slow"] else option
        raise InputError(f"{recipe.precision}: there is nothing for {typed} to do; leave it out")
    if given["images"] is not None and given["max_drop"] is None:
        raise InputError("quantize: --images are those that --max-drop is held on; give both or neither")
    calibration = given["calibration"]
    if given["ablate"] and calibration is not None and calibration.exists():
        raise InputError(f"{calibration}: graphs that passes are left out of need images; leave --calibration out")
    return kind


def check_passes(without: Sequence[str], formats: Collection[Format]) -> None:
    """Raise InputError for a pass to leave out that files of none of the formats have."""
    from edgeseg.quantize.passes import OF_ONNX, OF_TFLITE

    for format, own in (("onnx", OF_ONNX), ("tflite", OF_TFLITE)):
        for name in without:
            if name in own and format not in formats:
                raise InputError(
                    f"--without {name}: that pass is for .{format} files, of which there is none; leave it out"
                )
