from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeseg.bench.pictures.picture import Scene, comparison_picture, save
from edgeseg.core.errors import InputError, WorkError

PALETTE = ((0, 0, 200), (0, 200, 0), (200, 200, 0))
CLASSES = ("sea", "grass", "sand")
ALARM = (255, 40, 90)


def scene(differing_columns: int = 0, height: int = 64, width: int = 128) -> Scene:
    first = np.zeros((height, width), np.uint8)
    second = first.copy()
    second[:, :differing_columns] = 1
    image = np.full((2 * height, 2 * width, 3), 120, np.uint8)
    return image, np.full((height, width), 255, np.uint8), [("float", first), ("int8", second)]


def colors(picture: Image.Image) -> dict[tuple[int, ...], int]:
    return {color: count for count, color in picture.getcolors(picture.width * picture.height)}


def test_every_tile_is_drawn_in_its_colours() -> None:
    picture = comparison_picture([scene(differing_columns=32)], PALETTE, CLASSES)
    drawn = colors(picture)
    tile = 512 * 256
    assert picture.width == 5 * 512 + 4 * 10 + 2 * 20
    assert drawn[ALARM] == tile // 4
    assert tile * 1.75 <= drawn[PALETTE[0]] <= tile * 1.75 + 16 * 16
    assert tile / 4 <= drawn[PALETTE[1]] <= tile / 4 + 16 * 16
    assert PALETTE[2] not in drawn, "the legend shows the classes that occur"


def test_equal_maps_raise_no_alarm() -> None:
    assert ALARM not in colors(comparison_picture([scene()], PALETTE, CLASSES))


def test_one_map_without_label_is_two_tiles() -> None:
    image, _, panels = scene()
    picture = comparison_picture([(image, None, panels[:1])], PALETTE, CLASSES)
    assert picture.width == 2 * 512 + 10 + 2 * 20


def test_a_lone_differing_pixel_of_a_large_map_is_seen() -> None:
    image, label, panels = scene(height=512, width=1024)
    panels[1][1][100, 100] = 1
    red = np.asarray(comparison_picture([(image, label, panels)], PALETTE, CLASSES)).astype(int)
    assert ((red[..., 0] - red[..., 1]) > 60).sum() >= 1


def test_sheets_grow_downwards() -> None:
    one, two = (comparison_picture([scene(8)] * n, PALETTE, CLASSES) for n in (1, 2))
    assert two.width == one.width
    assert two.height > one.height + 256


def test_maps_of_several_sizes_are_refused() -> None:
    maps = [("a", np.zeros((8, 8), np.uint8)), ("b", np.zeros((8, 16), np.uint8))]
    image = np.zeros((8, 8, 3), np.uint8)
    for panels in (maps, []):
        with pytest.raises(InputError, match="class maps of one size"):
            comparison_picture([(image, None, panels)], PALETTE, CLASSES)


def test_saving_is_whole_or_not_at_all(tmp_path: Path) -> None:
    picture = comparison_picture([scene(8)], PALETTE, CLASSES)
    save(picture, tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as read:
        assert read.size == picture.size
    assert [entry.name for entry in tmp_path.iterdir()] == ["p.png"]
    with pytest.raises(WorkError, match="cannot write"):
        save(picture, tmp_path / "p.png" / "q.png")
