"""A gate's verdict written out: for a terminal, as Markdown, JSON and JUnit XML, and as lines for GitHub Actions."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from xml.etree import ElementTree

from rich.console import Group
from rich.table import Table
from rich.text import Text

from edgeseg.bench.comparison.tables import markdown_table
from edgeseg.bench.gates.gate import GateVerdict, Ruling, Timing, percent
from edgeseg.core.text import one_line

__all__ = ["gate_json", "gate_junit", "gate_markdown", "gate_table", "github_commands"]

_TITLES = ("pair", "baseline, ms", "candidate, ms", "slowdown", "interval", "rounds", "outcome")
_SHORT = {"baseline, ms": "old\nms", "candidate, ms": "new\nms"}
_STYLES = {"passed": "green", "regression": "bold red", "undecided": "yellow"}


def gate_table(verdict: GateVerdict) -> Group:
    """What rich prints."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for title, is_number in zip(_TITLES, _numbers(), strict=True):
        short = _SHORT.get(title, title)
        table.add_column(short, justify="right" if is_number else "left", vertical="bottom", overflow="fold")
    for ruling in verdict.rulings:
        table.add_row(*(Text(one_line(cell)) for cell in _cells(ruling)), style=_STYLES[ruling.outcome])
    return Group(table, *(Text(one_line(note), style="dim") for note in _notes(verdict)))


def gate_markdown(verdict: GateVerdict) -> str:
    """A heading with the outcome, the table and its notes."""
    lines = [_cells(ruling) for ruling in verdict.rulings]
    notes = "".join(f"- {one_line(note).replace('<', '&lt;')}\n" for note in _notes(verdict))
    return f"## edgeseg gate: {verdict.outcome}\n\n{markdown_table(_TITLES, _numbers(), lines)}\n{notes}"


def gate_json(verdict: GateVerdict) -> str:
    """Everything, unrounded; an end of an interval that could not be stated is null."""
    pairs = [
        {
            "name": ruling.measured.name,
            "outcome": ruling.outcome,
            "reasons": ruling.reasons,
            "timing": _timing(ruling.measured.timing),
            "checks": [
                {**asdict(check), "change": check.change, "outcome": check.outcome} for check in ruling.measured.checks
            ],
        }
        for ruling in verdict.rulings
    ]
    values = {
        "outcome": verdict.outcome,
        "exit_code": verdict.exit_code,
        "options": asdict(verdict.options),
        "pairs": pairs,
    }
    return json.dumps(_finite(values), indent=1, allow_nan=False) + "\n"


def gate_junit(verdict: GateVerdict) -> str:
    """One test case a pair: a regression is a failure, and what was not decided an error."""
    counts = [ruling.outcome for ruling in verdict.rulings]
    suite = ElementTree.Element(
        "testsuite",
        name="edgeseg gate",
        tests=str(len(counts)),
        failures=str(counts.count("regression")),
        errors=str(counts.count("undecided")),
    )
    for ruling in verdict.rulings:
        case = ElementTree.SubElement(suite, "testcase", classname="edgeseg.gate", name=one_line(ruling.measured.name))
        if ruling.outcome != "passed":
            kind = "failure" if ruling.outcome == "regression" else "error"
            ElementTree.SubElement(case, kind, message=one_line("; ".join(ruling.reasons)))
        ElementTree.SubElement(case, "system-out").text = one_line("; ".join(ruling.reasons))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def github_commands(verdict: GateVerdict) -> list[str]:
    """Commands by which GitHub Actions shows what was not passed."""
    return [
        f"::error title={_escaped(f'edgeseg gate: {ruling.outcome}', ':,')}::"
        + _escaped(f"{ruling.measured.name}: {'; '.join(ruling.reasons)}")
        for ruling in verdict.rulings
        if ruling.outcome != "passed"
    ]


def _numbers() -> list[bool]:
    return [title not in ("pair", "interval", "outcome") for title in _TITLES]


def _cells(ruling: Ruling) -> list[str]:
    timing, name = ruling.measured.timing, ruling.measured.name
    figures = [""] * 5
    if timing:
        interval = timing.interval
        figures = [
            f"{timing.baseline_ms:.2f}",
            f"{timing.candidate_ms:.2f}",
            percent(interval.ratio),
            f"{percent(interval.low)} to {percent(interval.high)}",
            str(timing.rounds),
        ]
    return [name, *figures, ruling.outcome]


def _notes(verdict: GateVerdict) -> list[str]:
    options = verdict.options
    notes = [f"{r.measured.name}: {reason}" for r in verdict.rulings if r.outcome != "passed" for reason in r.reasons]
    notes.append(
        f"intervals of the slowdown at {options.confidence_percent:g} %, by rounds; ? where none can be stated"
    )
    if len(verdict.rulings) > 1:
        notes.append(
            f"outcomes at {options.confidence_percent:g} % for all {len(verdict.rulings)} pairs together (Holm)"
        )
    return notes + [
        f"{ruling.measured.name}: {ruling.measured.timing.note}"
        for ruling in verdict.rulings
        if ruling.measured.timing and ruling.measured.timing.note
    ]


def _timing(timing: Timing | None) -> dict[str, object] | None:
    return asdict(timing) if timing else None


def _finite(values: object) -> object:
    if isinstance(values, dict):
        return {key: _finite(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [_finite(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def _escaped(text: str, also: str = "") -> str:
    """For a command of GitHub Actions: the message, or with `also` one of its properties."""
    for letter in "%\r\n" + also:
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text
