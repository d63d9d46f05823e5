"""`edgeseg gate`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from edgeseg.cli import options
from edgeseg.cli.console import progress_bar, say, table_console
from edgeseg.cli.facts import SourceOf, takes_foreign
from edgeseg.cli.idle import check_gate
from edgeseg.cli.reports import Reports
from edgeseg.core.errors import EdgesegError, InputError

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gate")(gate)


def _percent(text: str | float) -> float:
    """Read `5%` or `5`; a default comes as the number that it is."""
    if not re.fullmatch(r"\d+(\.\d+)?\s*%?", str(text).strip()):
        raise InputError(f"{text!r}: expected a percentage, for example 5%")
    return float(str(text).strip().removesuffix("%"))


def _growth(name: str, of: str) -> Any:
    return typer.Option(name, parser=_percent, metavar="PERCENT", help=f"Largest growth of {of} that passes.")


Baseline = Annotated[
    Path, typer.Option("--baseline", help="File, folder of files, or records.json of `edgeseg bench`.", metavar="PATH")
]
Candidate = Annotated[
    Path | None, typer.Option("--candidate", help="File, or folder whose files are matched by name.", metavar="PATH")
]
Slowdown = Annotated[
    float,
    typer.Option("--max-slowdown", parser=_percent, metavar="PERCENT", help="Largest slowdown that passes."),
]
Loss = Annotated[
    float | None, typer.Option("--max-miou-loss", metavar="POINTS", help="Largest loss of mIoU on --data that passes.")
]
Device = Annotated[str, typer.Option("--device", help="Device of the runtime here, see `edgeseg doctor`.")]
Seconds = Annotated[float, typer.Option("--seconds", help="Time that a pair may take to be decided.")]
Confidence = Annotated[
    float, typer.Option("--confidence", parser=_percent, metavar="PERCENT", help="Of the whole gate.")
]


@takes_foreign
def gate(
    context: typer.Context,
    source: SourceOf,
    baseline: Baseline,
    candidate: Candidate = None,
    max_slowdown: Slowdown = 5.0,
    max_miou_loss: Loss = None,
    max_size_growth: Annotated[float | None, _growth("--max-size-growth", "the file")] = None,
    max_madds_growth: Annotated[float | None, _growth("--max-madds-growth", "MAdds")] = None,
    max_memory_growth: Annotated[float | None, _growth("--max-memory-growth", "peak memory")] = None,
    seconds: Seconds = 15.0,
    confidence: Confidence = 99.0,
    seed: Annotated[int, typer.Option("--seed", help="Of the order of turns.")] = 0,
    self_test: Annotated[bool, typer.Option("--self-test", help="Race the baseline against itself.")] = False,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Races of --self-test.")] = 10,
    data: options.Data = "scenes",
    split: options.Split = None,
    images: options.Images = None,
    device: Device = "cpu",
    runtime: options.Runtime = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="One is the least disturbed.")] = 1,
    json: Annotated[Path | None, typer.Option("--json", help="File to write the verdict to, as JSON.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="File to write it to, as JUnit XML.")] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Keep what is found in --out until the gate has ended, and go on from there."),
    ] = False,
    out: options.Out = Path("edgeseg-out"),
) -> None:
    """Tell whether files are slower, larger or less accurate than a baseline by more than is allowed.

    Exit code 0: passed. 1: a regression. 2: not decided in time, or not measured, whatever the reason.

    With --self-test: race the baseline against itself on this machine, and say how often that would have been an alarm
    and which slowdown would have been one.
    """
    from edgeseg.bench.gates.gate import GateOptions, Measured, rule
    from edgeseg.bench.gates.gate_tables import gate_table
    from edgeseg.pipeline.answers import Answers
    from edgeseg.pipeline.gates import gating
    from edgeseg.pipeline.gates.kept_pairs import KeptPairs

    reports = Reports(json, junit)
    reports.check(filter(None, (baseline, candidate)))
    reports.clear()
    limits = GateOptions(
        max_slowdown_percent=max_slowdown,
        max_miou_loss_points=max_miou_loss,
        max_size_growth_percent=max_size_growth,
        max_madds_growth_percent=max_madds_growth,
        max_memory_growth_percent=max_memory_growth,
        seconds=seconds,
        confidence_percent=confidence,
        seed=seed,
    )
    check_gate(context)
    if self_test:
        with progress_bar("self-test") as show:
            found = gating.self_test(
                *(baseline, limits, runs),
                runtime=runtime,
                device=device,
                threads=threads,
                given=source(""),
                progress=show,
            )
        say(*found.summary)
        return
    if candidate is None:
        raise InputError("gate needs --candidate, the file or folder to hold against the baseline; or --self-test")
    kept = KeptPairs(Answers(out / "unfinished_gate.json")) if resume else None
    try:
        with progress_bar("gate") as show:
            verdict = gating.gate(
                baseline,
                candidate,
                limits,
                dataset=data,
                split=split,
                images=images,
                runtime=runtime,
                device=device,
                threads=threads,
                given=source(""),
                progress=show,
                kept=kept,
            )
    except (EdgesegError, KeyboardInterrupt) as error:
        reports.write(rule([Measured(str(candidate), failure=str(error) or "stopped")], limits))
        raise
    is_told = reports.write(verdict)  # Before it is printed, which somebody may have stopped to read.
    table_console().print(gate_table(verdict))
    say(f"gate: {verdict.outcome}{'' if is_told else ', but not all reports could be written'}")
    if kept and is_told:
        kept.forget()
    raise typer.Exit(verdict.exit_code or (0 if is_told else 2))
