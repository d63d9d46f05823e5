"""Files and the processors that they were made for; the processor's flags alone are not this machine's."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import edgeseg
from edgeseg.core import cpu
from edgeseg.core.container import read_facts
from edgeseg.core.cpu import Int8Features, explain
from edgeseg.core.errors import InputError, QuantizeError
from edgeseg.core.protocols import Recipe
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact
from edgeseg.graphs import read_graph
from edgeseg.pipeline.fitting import check_made_for, formats_of, misfit, speaks_for_devices

VNNI = explain(frozenset({"avx2", "avx512_vnni"}), "x86_64")
AVX2 = explain(frozenset({"avx2"}), "x86_64")
ARM = explain(frozenset({"dotprod"}), "aarch64")


@pytest.fixture(scope="module")
def made(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    """An int8 file for each of some targets."""
    folder = tmp_path_factory.mktemp("made")
    return {
        target: edgeseg.quantize(
            workspace / f"fastscnn_64x128_fp32.{format}",
            recipe=Recipe(target=target),
            count=1,
            path=folder / f"{target}.{format}",
        )
        for target, format in (("x86-vnni", "onnx"), ("x86-avx2", "onnx"), ("arm", "onnx"), ("edgetpu", "tflite"))
    }


@pytest.mark.parametrize(
    ("target", "features", "words"),
    [
        ("x86-vnni", VNNI, None),
        ("x86-vnni", AVX2, "made for x86-vnni; this CPU has no VNNI: u8 x s8 sums can saturate in "),
        ("x86-vnni", ARM, "made for x86-vnni; int8 is slow so on this CPU; quantize with --target arm"),
        ("x86-avx2", VNNI, None),
        ("x86-avx2", AVX2, None),
        ("arm", ARM, None),
        ("arm", VNNI, "made for arm; int8 is slow so on this CPU; quantize with --target x86-vnni"),
        ("edgetpu", VNNI, "made for edgetpu, but measured on the CPU"),
    ],
)
def test_one_line_where_it_does_not_fit(
    made: dict[str, Artifact], target: str, features: Int8Features, words: str | None
) -> None:
    found = misfit(made[target], features)
    assert found is None if words is None else found and found.startswith(words)
    if features is AVX2 and words:
        assert found
        assert found.endswith(" of 29 layers; quantize with --target x86-avx2")


def test_float_files_fit_and_files_of_others_are_read(made: dict[str, Artifact], workspace: Path) -> None:
    path = workspace / "fastscnn_64x128_fp32.onnx"
    facts = read_facts(path)
    assert facts is not None
    assert misfit(Artifact(path, facts), AVX2) is None
    unknown = made["x86-vnni"]
    found = misfit(Artifact(unknown.path, replace(unknown.facts, target=None)), AVX2)
    assert found
    assert found.startswith("this CPU has no VNNI: u8 x s8 sums can saturate in ")


@pytest.mark.parametrize(
    ("format", "features", "speaks"),
    [
        ("onnx", AVX2, True),
        ("tflite", AVX2, False),
        ("tflite", VNNI, True),
        ("tflite", ARM, True),
        ("tflite", explain(frozenset(), "armv7l"), False),
    ],
)
def test_what_is_slow_here_may_be_fast_on_the_device(
    workspace: Path, format: str, features: Int8Features, speaks: bool
) -> None:
    path = workspace / f"fastscnn_64x128_fp32.{format}"
    facts = read_facts(path)
    assert facts is not None
    assert speaks_for_devices(Artifact(path, replace(facts, precision="int8")), features) == speaks
    assert speaks_for_devices(Artifact(path, replace(facts, precision="fp16")), features)


def test_a_device_without_the_package_onnx_is_told_too(
    made: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "edgeseg.quantize.finished.saturation", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    found = misfit(made["x86-vnni"], AVX2)
    assert found
    assert "u8 x s8 sums may saturate" in found
    assert misfit(made["x86-avx2"], AVX2) is None


def test_the_measurement_says_so(made: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeseg.bench.times.latency import LatencyOptions
    from edgeseg.pipeline.job import Job
    from edgeseg.pipeline.measure.measuring import measure
    from edgeseg.pipeline.silence import silent

    monkeypatch.setattr(cpu, "_flags", lambda: frozenset({"avx2"}))
    monkeypatch.setattr(cpu.platform, "machine", lambda: "x86_64")
    job = Job(Source(str(made["x86-vnni"].path)), None, "cpu", 1, None, None, None, LatencyOptions())
    (note,) = [note for note in measure(job, silent).notes if note.startswith("warning: ")]
    assert "this CPU has no VNNI" in note


def test_a_file_that_is_not_what_it_says(made: dict[str, Artifact], workspace: Path, tmp_path: Path) -> None:
    vnni, facts = made["x86-vnni"], made["x86-avx2"].facts
    with pytest.raises(QuantizeError, match=r"x\.onnx: made for x86-avx2, but it can saturate in "):
        check_made_for(Path("x.onnx"), vnni.path, facts, read_graph(vnni.path))
    source, floats = workspace / "fastscnn_64x128_fp32.tflite", Recipe(input="float")
    float_ends = edgeseg.quantize(source, recipe=floats, count=1, path=tmp_path / "x.tflite")
    with pytest.raises(QuantizeError, match=r"x\.tflite: these are not of the Edge TPU: .*QUANTIZE in float32"):
        check_made_for(float_ends.path, float_ends.path, made["edgetpu"].facts, read_graph(float_ends.path))


def test_formats() -> None:
    assert formats_of("auto") == ("onnx", "tflite")
    assert formats_of("auto", asked=["tflite"]) == ("tflite",)
    assert formats_of("edgetpu") == ("tflite",)
    assert formats_of("x86-avx2", [Source("fastscnn")]) == ("onnx",)
    for sources, asked in (([Source("net.onnx")], []), ([], ["onnx"])):
        with pytest.raises(InputError, match=r"target edgetpu is for \.tflite files, not \.onnx"):
            formats_of("edgetpu", sources, asked)  # type: ignore[arg-type]
