"""`edgeseg quantize`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeseg.cli import given, options
from edgeseg.cli.console import say, waiting, warn
from edgeseg.cli.facts import SourceOf, takes_files
from edgeseg.cli.idle import check_images, check_passes, check_quantize
from edgeseg.cli.quantize_file import Wanted, quantize_file
from edgeseg.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgeseg.core.protocols import Keep, Recipe
    from edgeseg.core.source import Source
    from edgeseg.core.types import Artifact, Format, Precision
    from edgeseg.pipeline import Unfinished
    from edgeseg.quantize.precisions import Kind

__all__ = ["add_to"]


Models = Annotated[
    list[str] | None, typer.Argument(metavar="[MODEL]...", help=f"{options.MODEL_HELP} Default: the workspace.")
]
Int8 = Annotated[bool, typer.Option("--int8", help="Static int8 weights and activations.")]
Int16Activations = Annotated[
    bool, typer.Option("--int16-activations", help="With --int8: int8 weights, 16-bit activations.")
]
Dynamic = Annotated[
    bool, typer.Option("--dynamic", help="Int8 weights, activations quantized at run time; calibrates with no image.")
]
Fp16 = Annotated[
    bool, typer.Option("--fp16", help="Half floats inside, float32 at the ends; calibrates with no image.")
]
Profile = Annotated[
    bool,
    typer.Option(
        "--profile/--no-profile",
        help="Hold the int8 file against the float one on this machine, and say what runs in float and why.",
    ),
]
FloatSlow = Annotated[
    bool | None,
    typer.Option(
        "--float-slow/--no-float-slow",
        help="Leave in float what this machine is faster in float for; unasked where int8 is slower than float, but "
        "in a .tflite file on a processor without an int8 dot product. What is found depends on the machine and on "
        "chance; it is printed as --float options, which leave the same in float anywhere.",
    ),
]
MaxDrop = Annotated[
    float | None,
    typer.Option(
        "--max-drop",
        min=0.0,
        metavar="POINTS",
        help="mIoU points that int8 may cost on the evaluation split of --data: the layers that it takes are left "
        "in float. Exit code 1, and no file, where that is not enough.",
    ),
]
MinSqnr = Annotated[
    float | None,
    typer.Option(
        "--min-sqnr",
        min=0.0,
        metavar="DB",
        help="How far the noise that int8 puts on the scores is to lie below them on every calibration image, "
        "which needs no labels: the layers that it takes are left in float. Exit code 1, and no file, where that "
        "is not enough.",
    ),
]
Ablate = Annotated[
    bool,
    typer.Option(
        "--ablate",
        help="Say what each pass that applied bought, by quantizing once more without it: SQNR at the scores, "
        "time, share of operators in int8.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("quantize")(quantize)


@takes_files
def quantize(
    context: typer.Context,
    source: SourceOf,
    models: Models = None,
    int8: Int8 = False,
    int16_activations: Int16Activations = False,
    dynamic: Dynamic = False,
    fp16: Fp16 = False,
    data: options.Data = "scenes",
    split: options.Split = None,
    samples: options.Samples = 64,
    method: options.Method = options.RangeMethod.MSE,
    percentile: options.Percentile = None,
    per_tensor: options.PerTensor = False,
    learned_rounding: options.LearnedRounding = False,
    without: options.Without = None,
    floating: options.Float = None,
    target: options.TargetOption = options.Target.AUTO,
    input: options.Input = options.InputKind.AUTO,
    output: options.Output = options.OutputKind.AUTO,
    calibration: options.Calibration = None,
    threads: options.Threads = 2,
    profile: Profile = True,
    float_slow: FloatSlow = None,
    max_drop: MaxDrop = None,
    min_sqnr: MinSqnr = None,
    images: options.Images = None,
    ablate: Ablate = False,
    resume: options.Resume = False,
    out: options.Out = Path("edgeseg-out"),
) -> None:
    """Quantize float files: to int8, with activation ranges from calibration images, or to one of the others.

    Ctrl-C during calibration goes on with the images seen so far; a second one stops.
    """
    from edgeseg import pipeline
    from edgeseg.core.cpu import check_threads
    from edgeseg.pipeline import workspace
    from edgeseg.pipeline.fitting import formats_of
    from edgeseg.pipeline.sources import check, check_apart

    check_threads(threads)
    recipe = given.recipe(context, _precision_of(int8, dynamic, fp16, int16_activations))
    budget = pipeline.Budget(max_drop, data, images, min_sqnr) if (max_drop, min_sqnr) != (None, None) else None
    default_images = not given.is_given(context, "--data")
    wanted = Wanted(out, threads, budget, profile, float_slow, ablate, default_images)
    sources = [source(model) for model in models or []]
    check_apart(sources)
    floats = sources or [source(str(artifact.path)) for artifact in workspace.artifacts(out, "fp32")]
    check(floats)
    kind = check_quantize(context, recipe)
    formats = formats_of(recipe.target, sources)
    unfinished = pipeline.Unfinished(out, _asked(context), pipeline.calibration_stamp(data, split, samples))
    keep = _keep(context, unfinished, kind)
    found = _float_files(context, floats, recipe, formats)
    labels = pipeline.evaluation_stamp(data, None, images) if max_drop is not None else None
    unfinished = unfinished.including(keep, labels, threads)
    unfinished.begin(resume, keep)
    for artifact in found:
        if (before := unfinished.get(artifact)) is not None:
            say(f"{before.path}: made before this went on")
            continue
        with pipeline.kept(keep, again=wanted.may_quantize_again(recipe)) as shared:
            again = pipeline.Again(artifact, data, recipe, samples, split, shared, unfinished.seen)
            unfinished.put(artifact, quantize_file(again, wanted))
    unfinished.end()


def _keep(context: typer.Context, unfinished: Unfinished, kind: Kind) -> Keep | None:
    """The calibration file, if any; where images are read, what is to be told of them is told at once."""
    from edgeseg import pipeline

    chosen = context.params
    keep = pipeline.keep_at(chosen["calibration"]) if chosen["calibration"] else None
    if keep:
        keep = unfinished.owned(keep) if chosen["resume"] else keep
        check_images(context, keep)
    if keep is None or keep.add:
        note = pipeline.calibration_note(chosen["data"], chosen["split"])
        if note and kind.calibrated:
            warn(f"edgeseg: {note}")
    return keep


def _float_files(
    context: typer.Context, floats: Sequence[Source], recipe: Recipe, formats: tuple[Format, ...]
) -> list[Artifact]:
    """What is to be quantized, exported where it is a network, but for files of formats that the target has not."""
    from edgeseg import pipeline
    from edgeseg.pipeline import workspace

    out, data, split = (context.params[name] for name in ("out", "data", "split"))
    with waiting("look for float files"):
        found = pipeline.float_artifacts(floats, out, data, split, formats)
    for artifact in found:
        if artifact.facts.format not in formats:
            say(f"{artifact.path}: left out, target {recipe.target} is for .{formats[0]} files")
    found = [artifact for artifact in found if artifact.facts.format in formats]
    check_passes(recipe.without, {artifact.facts.format for artifact in found} or formats)
    for artifact in found:
        target = pipeline.quantized_path(artifact.path, recipe.precision, out)
        workspace.check_target(target, artifact.facts.format, [each.path for each in found])
    return workspace.need(found, out, "edgeseg export")


def _precision_of(int8: bool, dynamic: bool, fp16: bool, int16_activations: bool) -> Precision:
    asked: dict[Precision, bool] = {"int8": int8, "int8-dynamic": dynamic, "fp16": fp16}
    if sum(asked.values()) != 1:
        raise InputError("quantize: say to which precision, by one of --int8, --dynamic and --fp16")
    if int16_activations and not int8:
        raise InputError("quantize: --int16-activations goes with --int8")
    return "int16x8" if int16_activations else next(precision for precision, on in asked.items() if on)


def _asked(context: typer.Context) -> str:
    """All that was asked for, but for whether to go on with it."""
    return json.dumps({name: value for name, value in context.params.items() if name != "resume"}, default=str)
