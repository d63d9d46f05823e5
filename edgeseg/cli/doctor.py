"""`edgeseg doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from edgeseg.core.cpu import Int8Features

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor() -> None:
    """Say which packages are there, which extra installs what is missing, and how fast int8 can be on this CPU."""
    from rich.console import Console
    from rich.table import Table

    from edgeseg import __version__, runtimes
    from edgeseg.bench.times.environment import environment
    from edgeseg.core.cpu import int8_features
    from edgeseg.pipeline.diagnosis import packages

    console = Console()
    found = environment(threads=1)
    console.print(f"edgeseg {__version__}, Python {found['python']}, {found['os']}", highlight=False)
    table = Table(box=None, pad_edge=False)
    for title in ("package", "version", "for", "install with"):
        table.add_column(title)
    for package in packages():
        missing = package.version is None
        install = f"pip install 'edgeseg\\[{package.extra}]'" if missing else ""
        table.add_row(
            package.name, package.version or "missing", package.purpose, install, style="red" if missing else ""
        )
    console.print(table)
    for name, devices in runtimes.devices().items():
        console.print(f"runtime {name}: {', '.join(devices) or 'not installed'}", highlight=False)
    features = int8_features()
    console.print(
        f"CPU: {found['cpu_model']}; int8 instructions: {', '.join(features.present) or 'none'}\n{features.meaning}",
        highlight=False,
    )
    for line in _targets(features):
        console.print(line, highlight=False, soft_wrap=True)


def _targets(features: Int8Features) -> list[str]:
    """What `quantize --target` may be told, and which it takes on this processor where it is told nothing."""
    from edgeseg.quantize.targets import TARGETS, fitting

    fits = [fitting("onnx", features), fitting("tflite", features)]
    return [
        f"--target {target.name} ({target.format}): {target.summary}{' (fits this CPU)' if target in fits else ''}"
        for target in TARGETS
    ]
