"""What ends `bench` and `run`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.cli import options
from edgeseg.cli.show import show_comparison
from edgeseg.core.container import write_facts
from edgeseg.core.source import Source
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.comparing import PICTURE, Comparison
from edgeseg.pipeline.measure.measuring import measure
from edgeseg.pipeline.sources import as_artifact
from tests.small import small_onnx


def show(comparison: Comparison, out: Path) -> None:
    show_comparison(comparison, Job(Source(""), data="scenes"), out, None, options.Sort.MODEL, False, True)


def pair(folder: Path) -> Comparison:
    """Measured files of two images at a time, the second called int8."""
    files = [Source(str(small_onnx(folder / f"{name}.onnx", batch=2))) for name in ("float", "int8")]
    facts = replace(as_artifact(files[1]).facts, model="float", precision="int8")
    write_facts(Path(files[1].target), facts)
    records = [measure(Job(source), lambda *_: None) for source in files]
    timed = tuple(
        replace(r, network_ms=(1.0,), network_rounds=(0,), classmap_ms=(1.0,), classmap_rounds=(0,)) for r in records
    )
    return Comparison(tuple(files), timed)


def test_a_picture_is_drawn_of_files_that_take_more_than_an_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(pair(tmp_path), tmp_path / "out")
    assert (tmp_path / "out" / PICTURE).is_file()
    assert f"picture: {tmp_path / 'out' / PICTURE}" in capsys.readouterr().out


def test_a_picture_that_cannot_be_drawn_takes_nothing_from_what_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = pair(tmp_path)
    (tmp_path / "int8.onnx").unlink()
    show(measured, tmp_path / "out")
    said = capsys.readouterr()
    assert said.err.startswith(f"edgeseg: no picture: {tmp_path / 'int8.onnx'}: No such file")
    assert "table: " in said.out
