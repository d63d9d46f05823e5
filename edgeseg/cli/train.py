"""`edgeseg train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeseg.cli import options
from edgeseg.cli.console import progress_bar, say

__all__ = ["add_to"]


TrainImages = Annotated[int | None, typer.Option("--images", min=1, help="Training images; by default all.")]
Steps = Annotated[int, typer.Option("--steps", min=1, help="Steps of the whole run.")]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Crops a step.")]
Crop = Annotated[str, typer.Option("--crop", help="Crop size HEIGHTxWIDTH.")]
LearningRate = Annotated[float, typer.Option("--lr", help="Highest learning rate.")]
Warmup = Annotated[int, typer.Option("--warmup", min=0, help="Steps in which the learning rate rises.")]
MinScale = Annotated[float, typer.Option("--min-scale", help="Smallest factor that an image is resized by.")]
MaxScale = Annotated[float, typer.Option("--max-scale", help="Largest factor that an image is resized by.")]
Balance = Annotated[
    float,
    typer.Option("--balance", min=0.0, help="How much rare classes count: 0 all pixels alike, 1 all classes."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of order and augmentation.")]
Minutes = Annotated[float | None, typer.Option("--minutes", help="Bound on the time spent training.")]
Weights = Annotated[str, typer.Option("--weights", help="Checkpoint to start from, `builtin` or `random`.")]
Backbone = Annotated[
    Path | None,
    typer.Option("--backbone", help="torchvision's ImageNet weights (.pth) to start the backbone from."),
]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train")(train)


def train(
    model: Annotated[str, typer.Argument(help=options.NETWORK_HELP)] = "fastscnn",
    data: options.Data = "scenes",
    images: TrainImages = None,
    steps: Steps = 2000,
    batch: Batch = 8,
    crop: Crop = "256x512",
    learning_rate: LearningRate = 4e-3,
    warmup: Warmup = 50,
    min_scale: MinScale = 0.5,
    max_scale: MaxScale = 1.0,
    balance: Balance = 0.4,
    seed: Seed = 0,
    minutes: Minutes = None,
    weights: Weights = "random",
    backbone: Backbone = None,
    classes: options.Classes = None,
    size: options.Size = None,
    out: options.Out = Path("edgeseg-out"),
) -> None:
    """Train a network with cross-entropy and write its weights; the same command goes on with an interrupted run."""
    from edgeseg import pipeline
    from edgeseg.core.types import Size
    from edgeseg.train.options import TrainOptions

    chosen = TrainOptions(
        steps=steps,
        batch=batch,
        crop=Size.parse(crop),
        learning_rate=learning_rate,
        warmup=warmup,
        min_scale=min_scale,
        max_scale=max_scale,
        balance=balance,
        seed=seed,
        minutes=minutes,
    )
    with progress_bar(f"train {model}") as show:
        path, result = pipeline.train(
            model,
            data,
            chosen,
            weights=weights,
            backbone=backbone,
            classes=classes,
            size=Size.parse(size) if size else None,
            images=images,
            folder=out,
            progress=show,
        )
    miou = "" if result.miou_percent is None else f", mIoU {result.miou_percent:.2f} % on {result.measured_on}"
    before = "" if result.losses else ", all of them before"
    say(f"{path}  {result.steps} steps in {result.wall_s / 60:.1f} min{before}, loss {result.loss:.3f}{miou}")
    say(f"use it with --weights {path}")
