"""Saying what came of quantizing: against the float file, and what was left in float."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeseg.cli.console import say, table_console, warn

if TYPE_CHECKING:
    from edgeseg.pipeline.evidence import Evidence
    from edgeseg.pipeline.judging import Judged

__all__ = ["say_evidence", "say_judged"]


def say_judged(judged: Judged) -> None:
    """Times of int8 and float, the islands in float, and a warning where int8 is the slower one."""
    from edgeseg.bench.island_table import island_table

    say(f"  {judged.summary}")
    if judged.islands:
        table_console().print(island_table(judged.islands))
    if judged.verdict.contest.is_slower:
        warn(
            f"edgeseg: {judged.artifact.path}: int8 is slower than float here ({judged.verdict.setting}); "
            "--float-slow leaves in float what int8 does not pay for, or ship the float file"
        )


def say_evidence(evidence: Evidence) -> None:
    """What was left in float on the evidence of profiles, as options that make the same file anywhere."""
    if evidence.floating:
        names = " ".join(f"--float '{name}'" for name in evidence.floating)
        say(f"  left in float, for {evidence.ratio:.3f} of the time: {names}")
    else:
        say(f"  int8 pays for every operator as far as can be told here ({evidence.tried} sets tried in float)")
