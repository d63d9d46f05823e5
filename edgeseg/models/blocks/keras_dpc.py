"""The dense prediction cell in Keras: Chen et al., Searching for Efficient Multi-Scale Architectures for Dense Image
Prediction, NeurIPS 2018, https://arxiv.org/abs/1809.04184.

A cell is a list of branches. Each works on the features or on an earlier branch; all of them are concatenated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from keras import layers

from edgeseg.core.errors import InputError
from edgeseg.models.blocks.keras_conv import conv_bn, separable_bn
from edgeseg.models.blocks.keras_deeplab import HEAD_NORM
from edgeseg.models.blocks.keras_resize import ResizeBilinear

__all__ = ["CITYSCAPES", "Branch", "dense_prediction_cell", "read_cell"]

Pair: TypeAlias = tuple[int, int]
"""Height and width."""


@dataclass(frozen=True)
class Branch:
    """One operation of a cell.

    `input` is the index of an earlier branch, or -1 for the features. `conv` is a 1x1 convolution, or a 3x3 separable
    one dilated by `rate` as at output stride 16. `pyramid_pooling` averages over `grid_size` cells of the map.
    """

    input: int
    op: Literal["conv", "pyramid_pooling"] = "conv"
    kernel: Literal[1, 3] = 3
    rate: Pair = (1, 1)
    grid_size: Pair = (1, 1)


CITYSCAPES = (
    Branch(-1, rate=(1, 6)),
    Branch(0, rate=(18, 15)),
    Branch(1, rate=(6, 3)),
    Branch(0, rate=(1, 1)),
    Branch(0, rate=(6, 21)),
)
"""The best cell that the search found on Cityscapes, published as dense_prediction_cell_branch5_top1_cityscapes.json"""


def read_cell(path: str | Path | None) -> tuple[Branch, ...]:
    """The cell that a JSON file describes as the published one does; CITYSCAPES where no file is given.

    The file holds a list of objects with the fields of `Branch`; further fields are not read.

    Raises:
        InputError: The file cannot be read, or a branch is not described in full or cannot be.
    """
    if path is None:
        return CITYSCAPES
    try:
        branches = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give the JSON description of a dense prediction cell") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(branches, list) or not branches:
        raise InputError(f"{path}: a dense prediction cell is a list of branches, at least one")
    return tuple(_branch(f"{path}: branch {i}", i, given) for i, given in enumerate(branches))


def _branch(where: str, index: int, given: Any) -> Branch:
    if not isinstance(given, dict):
        raise InputError(f"{where} is {given!r}; expected an object with op and input")
    source = given.get("input")
    if type(source) is not int or not -1 <= source < index:
        raise InputError(f"{where} has the input {source!r}; expected -1 for the features or an earlier branch")
    match given.get("op"), given.get("kernel"):
        case "pyramid_pooling", _:
            return Branch(source, "pyramid_pooling", grid_size=_pair(where, given, "grid_size"))
        case "conv", 1:
            return Branch(source, kernel=1)
        case "conv", 3:
            return Branch(source, rate=_pair(where, given, "rate"))
        case "conv", kernel:
            raise InputError(f"{where} has the kernel {kernel!r}; expected 1 or 3")
        case op, _:
            raise InputError(f"{where} has the op {op!r}; expected conv or pyramid_pooling")


def _pair(where: str, given: dict[str, Any], field: str) -> Pair:
    match given.get(field):
        case [int(height), int(width)] if min(height, width) >= 1:
            return height, width
        case found:
            raise InputError(
                f"{where} has the {field} {found!r}; expected two whole numbers from 1, of height and width"
            )


def dense_prediction_cell(x: Any, cell: tuple[Branch, ...], output_stride: int = 16) -> Any:
    """(N, H, W, C) -> (N, H, W, 256). A rate is that of output stride 16 times 16 / output_stride, but at least 1.

    Raises InputError where a grid has more cells than the features have pixels.
    """
    scope = "meta_architecture"
    outputs: list[Any] = []
    for i, branch in enumerate(cell):
        features = x if branch.input == -1 else outputs[branch.input]
        outputs.append(_operation(features, branch, f"{scope}.branch{i}", output_stride))
    x = layers.Concatenate(name=f"{scope}.concat")(outputs) if len(outputs) > 1 else outputs[0]
    x = layers.Dropout(0.1, name=f"{scope}.dropout")(x)
    return conv_bn(x, 256, f"{scope}.concat_projection", HEAD_NORM, act=layers.ReLU)


def _operation(x: Any, branch: Branch, name: str, output_stride: int) -> Any:
    if branch.op == "pyramid_pooling":
        return _pyramid_pooling(x, branch.grid_size, name)
    if branch.kernel == 1:
        return conv_bn(x, 256, name, HEAD_NORM, act=layers.ReLU)
    height, width = (max(1, rate * 16 // output_stride) for rate in branch.rate)
    return separable_bn(x, 256, name, HEAD_NORM, rate=(height, width), act=layers.ReLU)


def _pyramid_pooling(x: Any, grid: Pair, name: str) -> Any:
    """Means over a grid of equal cells, which overlap where the map's sides are no multiples of the grid's."""
    sides: Pair = x.shape[1:3]
    if any(side < cells for side, cells in zip(sides, grid, strict=True)):
        raise InputError(f"a grid of {grid[0]}x{grid[1]} cells does not fit features of {sides[0]}x{sides[1]} pixels")
    steps = [side // cells for side, cells in zip(sides, grid, strict=True)]
    window = [side - (cells - 1) * step for side, cells, step in zip(sides, grid, steps, strict=True)]
    pooled = layers.AveragePooling2D(window, steps, name=f"{name}.pool")(x)
    pooled = conv_bn(pooled, 256, name, HEAD_NORM, act=layers.ReLU)
    return ResizeBilinear(sides, name=f"{name}.resize")(pooled)
