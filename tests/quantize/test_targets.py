from __future__ import annotations

import platform
from pathlib import Path

import pytest

from edgeseg.cli import options
from edgeseg.core.cpu import explain
from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact, Facts, HeadKind, InputFacts, OutputFacts, Size
from edgeseg.quantize.passes import PASSES
from edgeseg.quantize.ranges.observers import METHODS
from edgeseg.quantize.targets import AUTO, INPUTS, OUTPUTS, TARGETS, ends, fitting, target_for, target_named


@pytest.mark.parametrize(
    ("flags", "architecture", "name"),
    [
        ({"avx2", "avx512_vnni"}, "x86_64", "x86-vnni"),
        ({"avx2", "avx_vnni"}, "AMD64", "x86-vnni"),
        ({"avx2"}, "x86_64", "x86-avx2"),
        (set(), "x86_64", "x86-avx2"),
        ({"dotprod"}, "aarch64", "arm"),
        (set(), "riscv64", "arm"),
    ],
)
def test_what_fits_a_processor(flags: set[str], architecture: str, name: str) -> None:
    features = explain(frozenset(flags), architecture)
    assert fitting("onnx", features).name == name
    assert fitting("tflite", features).name == "tflite-xnnpack"


def test_auto_is_what_fits_here() -> None:
    assert target_for(AUTO, "tflite").name == "tflite-xnnpack"
    assert target_for(AUTO, "onnx").name.split("-")[0] == (
        "x86" if platform.machine() in ("x86_64", "AMD64") else "arm"
    )


def test_a_target_is_of_one_format() -> None:
    for target in TARGETS:
        assert target_for(target.name, target.format) is target
        other = "onnx" if target.format == "tflite" else "tflite"
        with pytest.raises(InputError, match=f"target {target.name} is for .{target.format} files, not .{other}; "):
            target_for(target.name, other)
    with pytest.raises(InputError, match="no target 'npu'; there are: auto, x86-vnni, x86-avx2, arm, "):
        target_named("npu")


def test_the_command_line_knows_all() -> None:
    assert [each.value for each in options.Target] == [AUTO, *(target.name for target in TARGETS)]
    assert [each.value for each in options.InputKind] == list(INPUTS)
    assert [each.value for each in options.OutputKind] == list(OUTPUTS)
    assert [each.value for each in options.Pass] == list(PASSES)
    assert {each.value for each in options.RangeMethod} == set(METHODS)


def ending_in(head: HeadKind) -> Artifact:
    size = Size(8, 8)
    facts = Facts("net", "tflite", "fp32", InputFacts(size), OutputFacts(head, size, "NHWC"), ("road", "sky"))
    return Artifact(Path("net.tflite"), facts)


@pytest.mark.parametrize(
    ("target", "recipe", "head", "given", "integers"),
    [
        ("x86-vnni", Recipe(), "scores", "int8", True),
        ("x86-vnni", Recipe(), "logits", "int8", False),
        ("x86-vnni", Recipe(output="float"), "scores", "int8", False),
        ("tflite-xnnpack", Recipe(), "scores", "int8", True),
        ("tflite-xnnpack", Recipe(input="float"), "scores", "float", True),
        ("tflite-xnnpack", Recipe(input="int8", output="int8"), "logits", "int8", True),
        ("edgetpu", Recipe(), "logits", "int8", True),
        ("edgetpu", Recipe(input="uint8"), "classmap", "uint8", False),
    ],
)
def test_ends(target: str, recipe: Recipe, head: HeadKind, given: str, integers: bool) -> None:
    found = ends(recipe, target_named(target), ending_in(head))
    assert (found.input, found.integer_output) == (given, integers)


def test_ends_that_there_are_not() -> None:
    for recipe in (Recipe(input="bytes"), Recipe(output="uint8")):
        with pytest.raises(InputError, match=r"put '(bytes|uint8)': there are auto, float, int8"):
            ends(recipe, target_named("arm"), ending_in("scores"))
    for recipe in (Recipe(input="float"), Recipe(output="float")):
        with pytest.raises(InputError, match="target edgetpu has integers at both ends"):
            ends(recipe, target_named("edgetpu"), ending_in("scores"))


@pytest.mark.parametrize("target", ["tflite-xnnpack", "edgetpu"])
def test_a_class_map_has_no_int8_scores(target: str) -> None:
    with pytest.raises(InputError, match=r"net\.tflite: it ends in a class map, .* leave out --output"):
        ends(Recipe(output="int8"), target_named(target), ending_in("classmap"))
