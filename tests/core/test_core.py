"""Sizes, atomic files and discovery."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgeseg.core import registry
from edgeseg.core.errors import InputError, MissingDependency, WorkError
from edgeseg.core.files import atomic_path, atomic_write
from edgeseg.core.protocols import RuntimeDeclaration
from edgeseg.core.types import Card, Size


def test_size_reads_height_first() -> None:
    assert Size.parse("512x1024") == Size(512, 1024)
    for text in ("512", "512x", "axb", "512*1024", "0x5"):
        with pytest.raises(InputError):
            Size.parse(text)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "kept.txt"
    atomic_write(target, "old")

    class Stop(BaseException):
        pass

    with pytest.raises(Stop), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise Stop
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_name_of_a_file_that_is_no_utf8_can_be_written(tmp_path: Path) -> None:
    atomic_write(tmp_path / "table.md", "n\udcff.onnx failed, \u00b5")
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == "n\\udcff.onnx failed, \u00b5"


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match=r"cannot write .*No space left"), atomic_path(tmp_path / "x") as temporary:
        temporary.write_bytes(b"")
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkError, match="cannot write"):
        atomic_write(tmp_path / "file" / "x.txt", "")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    package = tmp_path / "some_room"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "fast.py").write_text(
        "import a_package_that_nobody_has\n"
        "from edgeseg.core.protocols import RuntimeDeclaration\n"
        "DECLARATION = RuntimeDeclaration(format='onnx', package='a_package_that_nobody_has', extra='fast')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "some_room", raising=False)
    registry.declarations.cache_clear()
    return "some_room"


def test_declarations_are_read_without_importing(room: str) -> None:
    found = registry.declarations(room, RuntimeDeclaration)
    assert found == {"fast": ("fast", RuntimeDeclaration("onnx", "a_package_that_nobody_has", "fast"))}
    assert f"{room}.fast" not in sys.modules


def test_a_missing_package_names_its_extra(room: str) -> None:
    with pytest.raises(MissingDependency, match=r"needs the package a_package_that_nobody_has.*edgeseg\[fast\]"):
        registry.load(room, "fast", extra="fast", why="being fast")


def test_a_name_declared_twice_raises(room: str, tmp_path: Path) -> None:
    card = "from edgeseg.core.types import Card\nCARD = Card(name='x', title='', paper='', year=1, framework='torch')\n"
    for name in ("one", "two"):
        (tmp_path / room / f"{name}.py").write_text(card)
    with pytest.raises(ValueError, match="'x' is declared in"):
        registry.declarations(room, Card)


def test_suggestions() -> None:
    assert "did you mean fastscnn" in str(registry.suggest("network", "fastscn", ["fastscnn", "enet"]))
    assert "known: enet, fastscnn" in str(registry.suggest("network", "zzz", ["fastscnn", "enet"]))
