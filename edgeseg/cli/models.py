"""`edgeseg models`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgeseg.cli.console import table_console

if TYPE_CHECKING:
    from rich.table import Table

    from edgeseg.core.types import Artifact, Card, InputFacts

__all__ = ["add_to"]

_UNBROKEN = 1000
"""Columns in a pipe, for addresses and digests to be read off."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("models")(models)


def models(
    name: Annotated[
        str | None, typer.Argument(help="A network of the zoo, or an .onnx/.tflite file; by default the whole zoo.")
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", help="Input size HEIGHTxWIDTH of a file that leaves it open.")
    ] = None,
) -> None:
    """Show the cards of the zoo, one card whole, or what a finished file says about itself."""
    from edgeseg import models as room
    from edgeseg.core.errors import InputError
    from edgeseg.core.source import Source
    from edgeseg.core.types import Size
    from edgeseg.pipeline.sources import as_artifact, is_file

    console = table_console(_UNBROKEN)
    if size and not (name and is_file(name)):
        raise InputError("--size is that of a file which leaves it open, and no file is named; leave it out")
    if name is None:
        console.print(_overview([room.card(known) for known in room.names()]))
    elif is_file(name):
        console.print(_sheet(_file_lines(as_artifact(Source(name, size=Size.parse(size) if size else None)))))
    else:
        console.print(_sheet(_card_lines(room.card(name))))


def _overview(cards: list[Card]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("name", "year", "framework", "size"):
        table.add_column(title)
    for title in ("params M", "mIoU %"):
        table.add_column(title, justify="right")
    table.add_column("weights")
    for card in cards:
        table.add_row(
            card.name,
            str(card.year),
            card.framework,
            str(card.size),
            _number(card.published.params_millions),
            _number(card.published.cityscapes_miou_percent),
            "built-in" if card.weights else "",
        )
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _sheet(lines: list[tuple[str, str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for key, value in lines:
        if value:
            table.add_row(key, Text(value))
    return table


def _card_lines(card: Card) -> list[tuple[str, str]]:
    published = card.published
    return [
        ("name", card.name),
        ("title", card.title),
        ("paper", card.paper),
        ("year", str(card.year)),
        ("framework", card.framework),
        ("classes", str(card.classes)),
        ("default size", str(card.size)),
        ("sizes", card.sizes),
        ("channels", card.normalization.order),
        ("mean", str(card.normalization.mean)),
        ("std", str(card.normalization.std)),
        ("published params M", _number(published.params_millions)),
        ("published MAdds G", _number(published.madds_billions)),
        ("published mIoU %", f"{published.miou_percent} on {published.dataset}" if published.miou_percent else ""),
        ("published checkpoint", published.checkpoint or ""),
        ("of size MB", _number(published.checkpoint_mb)),
        ("built-in weights", card.weights or "none: random, unless --weights names a checkpoint"),
        ("made with", card.weights_command or ""),
        ("deviation", card.deviation),
    ]


def _file_lines(artifact: Artifact) -> list[tuple[str, str]]:
    facts = artifact.facts
    parity = facts.parity
    checked = parity and f"{parity.max_error:.1e}, {parity.agreement_percent:.2f} % on {parity.images} images"
    return [
        ("file", f"{artifact.path} ({artifact.size_bytes} bytes)"),
        ("sha256", artifact.sha256),
        ("model", facts.model),
        ("source framework", facts.framework or "unknown"),
        ("precision", facts.precision),
        ("input", f"{facts.input.layout} {facts.input.shape} {facts.input.dtype}, {facts.input.normalization.order}"),
        *_normalization_lines(facts.input),
        ("output", f"{facts.output.head} at {facts.output.size}, {facts.output.dtype}"),
        ("align corners", str(facts.output.align_corners) if facts.output.head == "scores" else ""),
        ("classes", f"{len(facts.classes)}: {', '.join(facts.classes)}"),
        ("params", "" if facts.params is None else f"{facts.params:,}"),
        ("MAdds", "" if facts.madds is None else f"{facts.madds:,}"),
        ("weights sha256", facts.weights_sha256 or ""),
        ("made from sha256", facts.parent_sha256 or ""),
        ("recipe", facts.recipe or ""),
        ("made for", facts.target or ""),
        ("on x86", _on_x86(artifact)),
        ("calibration", str(facts.calibration or "")),
        ("parity", checked or ""),
        ("tools", ", ".join(f"{tool} {version}" for tool, version in facts.tools.items())),
        ("notes", "; ".join(facts.notes)),
    ]


def _normalization_lines(given: InputFacts) -> list[tuple[str, str]]:
    if given.dtype != "float32" and given.scale is None:
        return [("mean, std", "none to apply: bytes as they are")]
    return [("mean", str(given.normalization.mean)), ("std", str(given.normalization.std))]


def _on_x86(artifact: Artifact) -> str:
    """Whether an int8 ONNX file can saturate there."""
    if not artifact.facts.precision.startswith("int8") or artifact.facts.format != "onnx":
        return ""
    from edgeseg.core.errors import MissingDependency
    from edgeseg.pipeline.fitting import read_saturation

    try:
        return read_saturation(artifact.path).summary()
    except MissingDependency as missing:
        return str(missing)
