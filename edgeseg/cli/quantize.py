"""`edgeseg quantize`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeseg.cli import options
from edgeseg.cli.console import progress_bar, say, waiting, warn
from edgeseg.cli.facts import SourceOf, takes_files
from edgeseg.cli.idle import check_passes, check_quantize
from edgeseg.cli.interrupt import EndByCtrlC
from edgeseg.cli.verdict import (
    quantized_line,
    say_ablation,
    say_evidence,
    say_fidelity,
    say_judged,
    say_mixture,
    warn_calibration,
    warn_slower,
)
from edgeseg.core.errors import EdgesegError, InputError
from edgeseg.core.types import Artifact

if TYPE_CHECKING:
    from edgeseg.core.types import Precision
    from edgeseg.pipeline import Again, Budget
    from edgeseg.pipeline.worth.judging import Judged
    from edgeseg.quantize.finished.report import Report

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("quantize")(quantize)


@takes_files
def quantize(
    context: typer.Context,
    source: SourceOf,
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help=f"{options.MODEL_HELP} Default: the workspace.")
    ] = None,
    int8: Annotated[bool, typer.Option("--int8", help="Static int8 weights and activations.")] = False,
    int16_activations: Annotated[
        bool, typer.Option("--int16-activations", help="With --int8: int8 weights, 16-bit activations.")
    ] = False,
    dynamic: Annotated[
        bool, typer.Option("--dynamic", help="Int8 weights, activations quantized at run time; needs no image.")
    ] = False,
    fp16: Annotated[bool, typer.Option("--fp16", help="Half floats inside, float32 at the ends; no image.")] = False,
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
    profile: Annotated[
        bool,
        typer.Option(
            "--profile/--no-profile",
            help="Hold the int8 file against the float one on this machine, and say what runs in float and why.",
        ),
    ] = True,
    float_slow: Annotated[
        bool | None,
        typer.Option(
            "--float-slow/--no-float-slow",
            help="Leave in float what this machine is faster in float for; unasked where int8 is slower than float. "
            "What is found depends on the machine and on chance; it is printed as --float options, which leave the "
            "same in float anywhere.",
        ),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            "--max-drop",
            min=0.0,
            metavar="POINTS",
            help="mIoU points that int8 may cost on the evaluation split of --data: the layers that it takes are left "
            "in float. Exit code 1, and no file, where that is not enough.",
        ),
    ] = None,
    min_sqnr: Annotated[
        float | None,
        typer.Option(
            "--min-sqnr",
            min=0.0,
            metavar="DB",
            help="How far the noise that int8 puts on the scores is to lie below them on every calibration image, "
            "which needs no labels: the layers that it takes are left in float. Exit code 1, and no file, where that "
            "is not enough.",
        ),
    ] = None,
    images: options.Images = None,
    ablate: Annotated[
        bool,
        typer.Option(
            "--ablate",
            help="Say what each pass that applied bought, by quantizing once more without it: SQNR at the scores, "
            "time, share of operators in int8.",
        ),
    ] = False,
    resume: options.Resume = False,
    out: options.Out = Path("edgeseg-out"),
) -> None:
    """Quantize float files: to int8, with activation ranges from calibration images, or to one of the others.

    Ctrl-C during calibration goes on with the images seen so far; a second one stops.
    """
    from edgeseg import pipeline
    from edgeseg.core.cpu import check_threads
    from edgeseg.core.protocols import Recipe
    from edgeseg.pipeline import workspace
    from edgeseg.pipeline.fitting import formats_of
    from edgeseg.pipeline.sources import check, check_apart

    check_threads(threads)
    recipe = Recipe(
        precision=_precision_of(int8, dynamic, fp16, int16_activations),
        method=method.value,
        percentile=options.percentile_of(method, percentile),
        per_channel=not per_tensor,
        without=options.left_out(without),
        floating=tuple(floating or ()),
        target=target.value,
        input=input.value,
        output=output.value,
        learned_rounding=learned_rounding,
    )
    budget = pipeline.Budget(max_drop, data, images, min_sqnr) if (max_drop, min_sqnr) != (None, None) else None
    sources = [source(model) for model in models or []]
    check_apart(sources)
    wanted = sources or [source(str(artifact.path)) for artifact in workspace.artifacts(out, "fp32")]
    check(wanted)
    kind = check_quantize(context, recipe, sources)
    asked_keep = pipeline.keep_at(calibration) if calibration else None
    reads_images = kind.calibrated and (asked_keep is None or asked_keep.add)
    if reads_images and (note := pipeline.calibration_note(data, split)):
        warn(f"edgeseg: {note}")
    formats = formats_of(recipe.target, sources)
    with waiting("look for float files"):
        found = pipeline.float_artifacts(wanted, out, data, split, formats)
    for artifact in found:
        if artifact.facts.format not in formats:
            say(f"{artifact.path}: left out, target {recipe.target} is for .{formats[0]} files")
    found = [artifact for artifact in found if artifact.facts.format in formats]
    check_passes(recipe.without, {artifact.facts.format for artifact in found} or formats)
    may_float = float_slow or (profile and float_slow is None and recipe.precision == "int8")
    for artifact in found:
        target_path = pipeline.quantized_path(artifact.path, recipe.precision, out)
        workspace.check_target(target_path, artifact.facts.format, [each.path for each in found])
    unfinished = pipeline.Unfinished(out, _asked(context), pipeline.calibration_stamp(data, split, samples))
    unfinished.begin(resume)
    if asked_keep:
        asked_keep = unfinished.owned(asked_keep)
    with pipeline.kept(asked_keep, again=may_float or budget is not None or ablate) as keep:
        for artifact in workspace.need(found, out, "edgeseg export"):
            if (before := unfinished.get(artifact)) is not None:
                say(f"{before.path}: made before this went on")
                continue
            again = pipeline.Again(artifact, data, recipe, samples, split, keep, unfinished.seen)
            if budget is not None:
                again = _within(again, budget, out, threads)
            advise = budget is None and recipe.precision == "int8"
            if kind.calibrated:
                quantized, report = _calibrated(again, out, threads, advise)
            else:
                quantized, report = _converted(again, out), None
            if not options.is_given(context, "--data"):
                warn_calibration(quantized)
            if profile or float_slow:
                again, quantized, report = _judged(again, quantized, report, threads, float_slow, advise)
            if ablate and report is not None:
                _ablate(again, quantized, report, threads)
            unfinished.put(artifact, quantized)
    unfinished.end()


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


def _calibrated(again: Again, out: Path, threads: int, advise: bool) -> tuple[Artifact, Report]:
    from edgeseg import pipeline

    with progress_bar(f"quantize {again.source.path.name}") as show, EndByCtrlC(show) as end:
        target = pipeline.quantized_path(again.source.path, again.recipe.precision, out)
        quantized, report = replace(again, enough=end.enough)((), target, end.progress)
    _say_made(again, quantized, report, threads, advise)
    return quantized, report


def _say_made(again: Again, quantized: Artifact, report: Report, threads: int, advise: bool) -> None:
    from edgeseg import pipeline

    say(quantized_line(quantized, report.summary()))
    with waiting(f"compare {quantized.path.name} with float"):
        found = pipeline.fidelity(again, quantized, threads)
    if found is not None:
        say_fidelity(found, quantized, advise)


def _ablate(again: Again, quantized: Artifact, report: Report, threads: int) -> None:
    from edgeseg import pipeline
    from edgeseg.pipeline.fitting import misfit

    if (why := misfit(quantized)) is not None:
        say(f"  no pass was left out to compare: {why}")
        return
    known = quantized.path.with_name(f"{quantized.path.name}.ablation.json")
    with progress_bar(quantized.path.name) as show:
        rows = pipeline.ablate(again, quantized, report, known, threads, show)
    say_ablation(rows, quantized.path)


def _converted(again: Again, out: Path) -> Artifact:
    from edgeseg import pipeline

    with waiting(f"quantize {again.source.path.name}"):
        quantized, weights = pipeline.convert(again.source, again.recipe, folder=out)
    say(quantized_line(quantized, weights.summary()))
    return quantized


def _within(again: Again, budget: Budget, out: Path, threads: int) -> Again:
    """With the layers left in float that it takes to keep within a budget."""
    from edgeseg import pipeline

    target = pipeline.quantized_path(again.source.path, "int8", out)
    known = pipeline.known_beside(target)
    with progress_bar(f"mixed precision for {target.name}") as show, EndByCtrlC(show) as end:
        mixture = pipeline.mix(replace(again, enough=end.enough), budget, known, threads, end.progress)
    say_mixture(mixture, target)
    return again.without(mixture.floating)


def _judged(
    again: Again, quantized: Artifact, report: Report | None, threads: int, float_slow: bool | None, advise: bool
) -> tuple[Again, Artifact, Report | None]:
    """Hold the file against its float twin, and leave in float what makes it slow: if asked, or if it is the slower.

    Returns what there is then.
    """
    from edgeseg import pipeline
    from edgeseg.pipeline.fitting import misfit

    if (why := misfit(quantized)) is not None:
        say(f"  not held against its float twin: {why}")
        return again, quantized, report
    try:
        with progress_bar(quantized.path.name) as show:
            judged = pipeline.judge(again.source, quantized, again.recipe, threads, show)
    except EdgesegError as error:  # The file is there and whole; only what it is worth is not known.
        warn(f"edgeseg: {quantized.path}: not held against its float twin: {error}")
        return again, quantized, report
    say_judged(judged)
    slower = judged.verdict.contest.is_slower
    if float_slow or (float_slow is None and slower and again.recipe.precision == "int8"):
        without = _without_slow(again, judged, threads)
        if without is not again:
            quantized, report = without((), quantized.path)
            _say_made(without, quantized, report, threads, advise)
            return _judged(without, quantized, report, threads, False, advise)
    if slower:
        warn_slower(judged)
    return again, judged.artifact, report


def _without_slow(again: Again, judged: Judged, threads: int) -> Again:
    """With the operators left in float that int8 does not pay for here, if there are any."""
    from edgeseg import pipeline

    name = judged.artifact.path.name
    try:
        with progress_bar(name) as show:
            evidence = pipeline.leave_slow(again, judged.artifact, judged.verdict, threads, show)
    except EdgesegError as error:
        warn(f"edgeseg: {judged.artifact.path}: what of it is slow was not found: {error}")
        return again
    say_evidence(evidence)
    return again.without(evidence.floating) if evidence.floating else again
