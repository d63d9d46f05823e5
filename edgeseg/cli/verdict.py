"""Saying what came of quantizing: against the float file, and what was left in float."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from edgeseg.cli.console import say, table_console, warn
from edgeseg.core.types import Artifact

if TYPE_CHECKING:
    from edgeseg.bench.profiles.ablation import Ablated
    from edgeseg.pipeline.worth.evidence import Evidence
    from edgeseg.pipeline.worth.fidelity import Fidelity
    from edgeseg.pipeline.worth.judging import Judged
    from edgeseg.pipeline.worth.mixing import Mixture

__all__ = [
    "quantized_lines",
    "say_ablation",
    "say_evidence",
    "say_fidelity",
    "say_judged",
    "say_mixture",
    "warn_calibration",
    "warn_slower",
]


def quantized_lines(artifact: Artifact, summary: str) -> tuple[str, ...]:
    """What there is to say of a file just quantized."""
    facts = artifact.facts
    purpose = f"for {facts.target}; " if facts.target else ""
    first = f"{artifact.path}  {artifact.size_bytes / 2**20:.2f} MiB, {summary}"
    return first, f"  {purpose}{facts.recipe}", *(f"  note: {note}" for note in facts.notes)


def say_judged(judged: Judged) -> None:
    """Times of both, and the islands in float."""
    from edgeseg.bench.profiles.island_table import island_table

    say(f"  {judged.summary}")
    if judged.islands:
        table_console().print(island_table(judged.islands))


def warn_calibration(quantized: Artifact) -> None:
    """That a file was calibrated on the built-in scenes, where its network was made for other images."""
    from edgeseg import models

    facts = quantized.facts
    is_ours = facts.framework is not None and models.is_as_shipped(facts.model, facts.weights_sha256)
    if facts.calibration and facts.calibration.dataset == "scenes" and not is_ours:
        warn(
            f"edgeseg: {quantized.path}: calibrated on the built-in scenes; give images of the kind that the network "
            "is for with --data, without labels as --data images:PATH"
        )


def warn_slower(judged: Judged) -> None:
    """That the file is slower than its float twin."""
    from edgeseg.pipeline.fitting import speaks_for_devices

    file = judged.artifact
    slower = f"{file.facts.precision} is slower than float here ({judged.verdict.setting})"
    if speaks_for_devices(file):
        remedy = "ship the float file"
    else:
        remedy = "this processor has no int8 dot product: bench both on the device; if this is it, ship the float file"
    warn(f"edgeseg: {file.path}: {slower}; {remedy}")


def say_fidelity(found: Fidelity, quantized: Artifact, advise: bool) -> None:
    """How far the file is from its float file; too far is said on standard error too.

    `advise` is whether to name an option that would help: none was given yet, and the precision has one.
    """
    say(f"  {found}")
    if found.is_low:
        remedy = f"; {found.remedy} leaves in float what spoils it" if advise and not _integers_only(quantized) else ""
        warn(f"edgeseg: {quantized.path}: far from the float file ({found}){remedy}")


def _integers_only(quantized: Artifact) -> bool:
    from edgeseg.quantize.targets import target_named

    return quantized.facts.target is not None and target_named(quantized.facts.target).integer_only


def say_evidence(evidence: Evidence) -> None:
    """What was left in float on the evidence of profiles, as options that leave the same in float anywhere."""
    if evidence.floating:
        names = " ".join(f"--float '{name}'" for name in evidence.floating)
        say(f"  left in float, for {evidence.ratio:.3f} of the time: {names}")
    else:
        say(f"  int8 pays for every operator as far as can be told here ({evidence.tried} sets tried in float)")


def say_mixture(mixture: Mixture, path: Path) -> None:
    """What was left in float to keep within the budget; the tables go beside the file at `path`."""
    from edgeseg.bench.comparison.tables import TableFormat
    from edgeseg.bench.profiles.layer_table import layer_table, write_layers
    from edgeseg.core.files import remove

    left = f"with {mixture.count} of {len(mixture.layers)} layers in float" if mixture.count else "wholly in int8"
    say(f"  {mixture.cost} {left} ({mixture.evaluations} evaluations)")
    if mixture.layers:
        table_console().print(layer_table(mixture.layers, mixture.count))
    for format in get_args(TableFormat):
        table = path.with_name(f"{path.name}.layers.{format}")
        remove(table)  # It may be there, of what was asked before.
        if mixture.layers:
            write_layers(table, format, mixture.layers, mixture.count)
            say(f"table: {table}")


def say_ablation(rows: Sequence[Ablated], path: Path) -> None:
    """What each pass bought; the tables go beside the file at `path`."""
    from edgeseg.bench.comparison.tables import TableFormat
    from edgeseg.bench.profiles.ablation import ablation_table, write_ablation

    table_console().print(ablation_table(rows))
    for format in get_args(TableFormat):
        table = path.with_name(f"{path.name}.passes.{format}")
        write_ablation(table, format, rows)
        say(f"table: {table}")
