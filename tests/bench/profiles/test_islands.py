"""Float islands of an int8 file, and int8 operators that lose against float."""

from __future__ import annotations

from itertools import pairwise

import pytest

from edgeseg.bench.profiles.islands import Island, find_islands
from edgeseg.bench.profiles.losses import find_losses, float_name
from edgeseg.bench.profiles.operators import Operator, Profile
from edgeseg.core.graph import Graph, Node, Tensor
from edgeseg.core.profile import Arithmetic

DTYPES = {"i": "int8", "f": "float32"}


def graph(text: str, size: int = 1000) -> Graph:
    """Lines `Op: inputs -> outputs`; a tensor's first letter says its dtype, a K before it that it is constant."""

    def tensor(word: str) -> Tensor:
        return Tensor(word, (1, size), DTYPES[word.lstrip("K")[0]], constant=word[0] == "K")

    nodes = []
    for line in text.strip().splitlines():
        op, _, rest = line.strip().partition(": ")
        given, taken = rest.split(" -> ")
        nodes.append(Node(op, tuple(map(tensor, given.split())), tuple(map(tensor, taken.split()))))
    return Graph("tflite", tuple(nodes), nodes[0].inputs[:1], nodes[-1].outputs, 0)


def profile(*operators: tuple[str, str, Arithmetic, float]) -> Profile:
    """(operator, tensor, arithmetic, ms) each."""
    made = tuple(Operator(f"{op} kernel", arithmetic, ms, op, tensor) for op, tensor, arithmetic, ms in operators)
    return Profile("net", "some", 1, 3, sum(operator.ms for operator in made), made)


ISLANDS = graph(
    """
    QUANTIZE: fimage -> i1
    CONV_2D: i1 Ki -> i2
    DEQUANTIZE: i2 -> f3
    GELU: f3 -> f4
    QUANTIZE: f4 -> i5
    QUANTIZE: i5 -> i6
    DEQUANTIZE: i6 -> f7
    CONV_2D: f7 Kf -> f8
    RESIZE: f8 -> f9
    """
)


def test_every_island_has_its_reason_and_its_conversions() -> None:
    seen = profile(
        ("QUANTIZE", "i1", "conversion", 1),
        ("CONV_2D", "i2", "int8", 50),
        ("DEQUANTIZE", "f3", "conversion", 2),
        ("GELU", "f4", "float", 8),
        ("QUANTIZE", "i5", "conversion", 4),
        ("QUANTIZE", "i6", "conversion", 0.5),
        ("DEQUANTIZE", "f7", "conversion", 3),
        ("CONV_2D", "f8", "float", 30),
        ("RESIZE", "f9", "float", 5),
        ("", "reordered", "float", 0.25),
    )
    assert find_islands(seen, ISLANDS, asked=["f8"]) == (
        Island("CONV_2D", "left in float as asked", 1, 30, 3),
        Island("GELU", "no int8 kernel", 1, 8, 6),
        Island("RESIZE", "what it reads is float", 1, 5, 0),
        Island("QUANTIZE", "at the file's input or output", 1, 0, 1),
        Island("QUANTIZE", "from one int8 scale to another", 1, 0, 0.5),
        Island(" kernel", "added by the runtime", 1, 0.25, 0),
    )
    whys = {island.op: island.why for island in find_islands(seen, ISLANDS, int8={"CONV_2D", "RESIZE"})}
    assert whys["CONV_2D"] == "what it gives is needed in float"
    assert whys["GELU"] == "no int8 kernel"
    whys = {island.op: island.why for island in find_islands(seen, ISLANDS, int8={"GELU"})}
    assert whys["GELU"] == "the runtime computes it in float, between integers"


def test_names_of_the_float_file() -> None:
    names = [
        "x_quantized",
        "x_QuantizeLinear_Output",
        "x_DequantizeLinear_Output",
        "x_QuantizeLinear",
        "stem_7 of x",
        "x",
    ]
    assert {float_name(name) for name in names} == {"x"}


@pytest.mark.parametrize(("size", "gain_ms"), [(1_000, 7.9994), (1_000_000, 7.4), (20_000_000, None)])
def test_neighbours_that_lose_share_their_conversions(size: int, gain_ms: float | None) -> None:
    net = graph("\n".join(f"CONV: f{one} Kf -> f{other}" for one, other in pairwise("xabcd")), size)
    float_profile = profile(*(("CONV", f"f{name}", "float", 2.0) for name in "abcd"))
    int8_profile = profile(
        ("CONV", "fa", "int8", 1), ("CONV", "fb", "int8", 7), ("CONV", "fc", "int8", 5), ("CONV", "fd", "int8", 2.1)
    )
    losses = find_losses(int8_profile, float_profile, net, net)
    if gain_ms is None:
        assert losses == ()
    else:
        (loss,) = losses
        assert loss.tensors == ("fb", "fc")
        assert loss.gain_ms == pytest.approx(gain_ms)


def test_a_tensor_is_converted_once_for_all_that_read_it_and_each_of_several() -> None:
    net = graph("CONV: fx Kf -> fa \n CONV: fa Kf -> fb \n CONV: fa Kf -> fc", 1_000_000)
    float_profile = profile(*(("CONV", f"f{name}", "float", 2) for name in "abc"))
    int8_profile = profile(("CONV", "fa", "int8", 10), ("CONV", "fb", "int8", 1), ("CONV", "fc", "int8", 1))
    (loss,) = find_losses(int8_profile, float_profile, net, net)
    assert loss.gain_ms == pytest.approx(8 - 0.3)
    parted = graph("SPLIT: fx -> fa fb \n ADD: fa fb -> fc", 1_000_000)
    float_profile = profile(("SPLIT", "fa", "float", 1), ("ADD", "fc", "float", 2))
    int8_profile = profile(("SPLIT", "fa", "int8", 1), ("ADD", "fc", "int8", 10))
    (loss,) = find_losses(int8_profile, float_profile, parted, parted)
    assert loss.gain_ms == pytest.approx(8 - 0.6)


def test_what_is_fused_in_float_counts_as_one() -> None:
    net = graph("CONV: fx Kf -> fa \n Relu: fa -> fb \n CONV: fb Kf -> fc")
    fused = profile(("Relu", "fb", "float", 1), ("CONV", "fc", "float", 1))
    apart = profile(("CONV", "fa_quantized", "int8", 3), ("CONV", "fc", "int8", 1))
    joined = graph("CONV: fx Kf -> fa_quantized \n CONV: fa_quantized Kf -> fc")
    assert [loss.tensors for loss in find_losses(apart, fused, joined, net)] == [("fa",)]
    both = profile(("CONV", "fa", "int8", 1), ("Relu", "fb_quantized", "int8", 2), ("CONV", "fc", "int8", 1))
    split = graph("CONV: fx Kf -> fa \n Relu: fa -> fb_quantized \n CONV: fb_quantized Kf -> fc")
    assert [loss.tensors for loss in find_losses(both, fused, split, net)] == [("fa", "fb")]
