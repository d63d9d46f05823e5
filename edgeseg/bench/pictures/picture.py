"""Input, label, class maps and where they disagree, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_path

__all__ = ["Scene", "comparison_picture", "save"]

Bytes: TypeAlias = NDArray[np.uint8]
Color: TypeAlias = tuple[int, int, int]
Palette: TypeAlias = Sequence[Color]
Scene: TypeAlias = tuple[Bytes, Bytes | None, Sequence[tuple[str, Bytes]]]
"""Image (H, W, 3) RGB, label (h, w) or None, titled class maps (h, w): all uint8, drawn at the size of the maps."""

_TILE_WIDTH = 512
_GAP, _MARGIN, _TITLE_HEIGHT, _LEGEND_LINE, _SWATCH = 10, 20, 34, 28, 16
_FONT_SIZE = 18
_BACKGROUND, _INK, _VOID, _ALARM = (255, 255, 255), (32, 33, 36), (0, 0, 0), (255, 40, 90)
_DIMMED = 0.6


def comparison_picture(scenes: Sequence[Scene], palette: Palette, classes: Sequence[str]) -> Image.Image:
    """Scenes as lines: input, label, class maps, then the pixels where each further map differs from the first.

    Below stand the classes that occur. Tiles are 512 pixels wide; the share of differing pixels is of the full class
    maps. Raises InputError where a scene has no class map, or maps of several sizes.
    """
    for _, _, panels in scenes:
        if len({panel.shape for _, panel in panels}) != 1:
            raise InputError("a picture needs one or more class maps of one size; bench the artifacts at one --size")
    lines = [_tiles(scene, palette) for scene in scenes]
    present = np.unique(np.concatenate([np.unique(classmap) for scene in scenes for classmap in _maps(scene)]))
    legend = [(classes[i], palette[i]) for i in present.tolist() if i < len(classes)]
    if present[-1] >= len(classes):
        legend.append(("no label", _VOID))
    return _compose(lines, legend)


def save(picture: Image.Image, path: Path) -> None:
    """Write a PNG, whole or not at all; raises WorkError where the system refuses."""
    with atomic_path(path) as temporary:
        picture.save(temporary, format="PNG")


def _maps(scene: Scene) -> list[Bytes]:
    _, label, panels = scene
    return [*([] if label is None else [label]), *(panel for _, panel in panels)]


def _tiles(scene: Scene, palette: Palette) -> list[tuple[str, Image.Image]]:
    pixels, label, panels = scene
    (_, first), *others = panels
    height, width = first.shape
    size = (_TILE_WIDTH, max(1, round(height * _TILE_WIDTH / width)))
    image = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)
    tiles = [("input", image)]
    if label is not None:
        tiles.append(("label", _colored(label, palette, size)))
    tiles += [(title, _colored(panel, palette, size)) for title, panel in panels]
    for title, panel in others:
        differs = panel != first
        which = f"{title}: " if len(others) > 1 else ""
        tiles.append((f"{which}{100 * differs.mean():.2f} % of pixels differ", _highlighted(image, differs)))
    return tiles


def _colored(classmap: Bytes, palette: Palette, size: tuple[int, int]) -> Image.Image:
    table = np.full((256, 3), _VOID, np.uint8)
    table[: len(palette)] = palette
    return Image.fromarray(table[classmap]).resize(size, Image.Resampling.NEAREST)


def _highlighted(image: Image.Image, differs: NDArray[np.bool_]) -> Image.Image:
    """The image in dimmed grey; a tile's pixel is marked as strongly as the pixels it stands for differ."""
    share = Image.fromarray(differs.astype(np.uint8) * 255).resize(image.size, Image.Resampling.BOX)
    strength = share.point(lambda value: min(255, 2 * value))
    grey = image.convert("L").point(lambda value: int(_DIMMED * value)).convert("RGB")
    grey.paste(_ALARM, mask=strength)
    return grey


def _compose(lines: Sequence[Sequence[tuple[str, Image.Image]]], legend: Sequence[tuple[str, Color]]) -> Image.Image:
    font = ImageFont.load_default(_FONT_SIZE)
    widths = [sum(tile.width + _GAP for _, tile in line) - _GAP for line in lines]
    width = max(widths) + 2 * _MARGIN
    entries = _flow(legend, font, width)
    legend_height = (1 + entries[-1][1]) * _LEGEND_LINE
    tiles_height = sum(_TITLE_HEIGHT + line[0][1].height + _GAP for line in lines)
    sheet = Image.new("RGB", (width, _MARGIN + tiles_height + legend_height + _MARGIN), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    y = _MARGIN - _GAP
    for line in lines:
        x = _MARGIN
        for title, tile in line:
            draw.text((x, y + _TITLE_HEIGHT / 2), title, _INK, font, anchor="lm")
            sheet.paste(tile, (x, y + _TITLE_HEIGHT))
            x += tile.width + _GAP
        y += _TITLE_HEIGHT + line[0][1].height + _GAP
    for (name, color), (x, row) in zip(legend, entries, strict=True):
        middle = y + _GAP + row * _LEGEND_LINE + _LEGEND_LINE // 2
        box = (x, middle - _SWATCH // 2, x + _SWATCH - 1, middle + _SWATCH // 2 - 1)
        draw.rounded_rectangle(box, radius=3, fill=color)
        draw.text((x + _SWATCH + 7, middle), name, _INK, font, anchor="lm")
    return sheet


def _flow(legend: Sequence[tuple[str, Color]], font: ImageFont.FreeTypeFont, width: int) -> list[tuple[int, int]]:
    """(left edge, line number) of every legend entry, broken into lines like words."""
    places, x, row = [], _MARGIN, 0
    for name, _ in legend:
        needed = _SWATCH + 7 + round(font.getlength(name))
        if x > _MARGIN and x + needed > width - _MARGIN:
            x, row = _MARGIN, row + 1
        places.append((x, row))
        x += needed + 28
    return places
