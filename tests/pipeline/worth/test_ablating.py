"""What each pass bought, on real runtimes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from edgeseg import data
from edgeseg.core.protocols import Keep, Recipe
from edgeseg.pipeline.worth import ablating
from edgeseg.pipeline.worth.ablating import ablate
from edgeseg.pipeline.worth.again import Again
from edgeseg.quantize.passes import OF_TFLITE, PASSES, applied_in, applied_text
from tests.quantize import nets


def test_the_passes_that_applied_are_read_as_they_are_written() -> None:
    counts = {name: index for index, name in enumerate(PASSES)}
    assert applied_in(f"default: mse ranges{applied_text(counts)}; in float: a, b") == PASSES[1:]
    assert applied_in(f"default: mse ranges{applied_text({})}") == ()


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_each_pass_alone(tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = nets.artifact(tmp_path, format)
    images = data.open_dataset("scenes", size=nets.SIZE, limit=2)
    again = Again(source, images, Recipe(learned_rounding=True), 2, None, Keep(tmp_path / "seen.npz", add=True))
    quantized, report = again((), tmp_path / f"int8.{format}")
    names = applied_in(quantized.facts.recipe or "")
    assert set(names) >= {"equalization", "learned-rounding", "bias-correction"}
    known, timed = tmp_path / "known.json", []

    def ended_early(one: object, other: object, threads: int) -> float:
        timed.append(one)
        if len(timed) == 2:
            raise KeyboardInterrupt
        return 1.25

    monkeypatch.setattr(ablating, "_time_ratio", ended_early)
    with pytest.raises(KeyboardInterrupt):
        ablate(again, quantized, report, known, 1)
    whole, *rows = ablate(again, quantized, report, known, 1)
    assert [row.without for row in rows] == list(names)
    assert len(timed) == len(names) + 1  # None twice but that which was cut off.
    assert not known.exists()
    assert (whole.without, whole.time_ratio, whole.int8_percent) == ("", 1.0, report.int8_percent)
    assert whole.sqnr_db is not None
    assert whole.sqnr_db > 20
    assert {row.time_ratio for row in rows} == {1.25}
    assert all(row.noise != whole.noise for row in rows if row.without in ("equalization", "learned-rounding"))
    assert not any(row.failure for row in rows)


def test_ablate_on_the_command_line(cli, tmp_path: Path) -> None:
    source = nets.artifact(tmp_path, "onnx")
    command = ("quantize", "--int8", source.path, "--samples", "2", "--threads", "1", "--no-profile", "--ablate")
    command = (*command, "--calibration", "seen.npz")
    others = [
        option for name in PASSES if name not in ("bias-correction", *OF_TFLITE) for option in ("--without", name)
    ]
    done = cli(*command, *others)
    assert done.returncode == 0, done.stderr
    table = next((tmp_path / "edgeseg-out").glob("*.onnx.passes.csv"))
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["without"] for row in rows] == ["", "bias-correction"]
    assert all(float(row["time_ratio"]) > 0 and float(row["sqnr_db"]) > 0 for row in rows)
    assert json.loads(table.with_suffix(".json").read_text())["passes"][0]["time_ratio"] == 1.0
    assert "| (all passes) |" in table.with_suffix(".md").read_text()
    assert not list((tmp_path / "edgeseg-out").glob("*.ablation.json"))
    done = cli(*command)
    assert done.returncode == 2
    assert "seen.npz: graphs that passes are left out of need images" in done.stderr
