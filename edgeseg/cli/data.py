"""`edgeseg data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeseg.cli import options
from edgeseg.cli.console import progress_bar, say, warn
from edgeseg.core.errors import InputError

__all__ = ["add_to"]

_SPLIT = "val"
"""That most commands look for first."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("data")(data)


def data(
    dataset: Annotated[str, typer.Argument(help=options.DATASETS)] = "scenes",
    write: Annotated[
        Path | None, typer.Option("--write", help="Write the images and labels there, in Cityscapes layout.")
    ] = None,
    split: options.Split = None,
    size: options.Size = None,
    images: Annotated[int | None, typer.Option("--images", min=1, help="How many; by default all.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of the built-in scenes; by default 0.")] = None,
) -> None:
    """Check a dataset image by image, or write it to disk."""
    from edgeseg import data as room
    from edgeseg.core import registry
    from edgeseg.core.types import Size
    from edgeseg.data.check import check

    if seed is not None and dataset != "scenes":
        raise InputError(f"--seed is of the built-in scenes, not of {dataset}; leave it out")
    wanted = Size.parse(size) if size else None
    opened = room.open_dataset(dataset, split=split, size=wanted, limit=images, seed=seed or 0)
    if write is not None:
        writer = registry.load("edgeseg.data", "write", package="pillow", extra="images", why="writing images")
        with progress_bar(f"write {dataset}") as show:
            written = getattr(opened, "split", _SPLIT)
            writer.write_cityscapes(opened, write, written, show)
        chosen = f" --split {written}" if written != _SPLIT else ""
        say(f"{len(opened)} images with labels in {write}; use them with --data cityscapes:{write}{chosen}")
        return
    with progress_bar(f"check {dataset}") as show:
        summary = check(opened, show)
    if summary.images:
        sizes = ", ".join(f"{count} of {size}" for size, count in summary.sizes)
        labels = f"{summary.ignored_percent:.1f} % of the pixels ignored" if opened.classes else "no labels"
        say(f"{summary.name}: {summary.images} images ({sizes}), {labels}")
        for (name, percent), count in zip(summary.class_percent, summary.class_images, strict=True):
            say(f"{name:14} {percent:6.2f} % of the pixels, in {count} images")
    if unread := getattr(opened, "unread", {}):
        say(f"not read as images: {', '.join(f'{count} {suffix}' for suffix, count in unread.items())}")
    for problem in summary.problems:
        warn(problem)
    if summary.problems:
        raise InputError(f"{dataset}: {len(summary.problems)} of {len(opened)} samples cannot be used, listed above")
