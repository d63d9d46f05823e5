"""What a rewrite asks a traced graph, and how it changes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx

__all__ = [
    *("RESIZINGS", "arguments", "become", "calls", "chosen_pixels", "constant", "folded", "looks_at_pixels"),
    *("never_negative", "norm_factors", "only_user", "pair", "scales_otherwise", "shape", "side_products", "value"),
    *("weights_of", "written"),
]


def calls(graph: fx.GraphModule, *operators: Any) -> list[fx.Node]:
    """The nodes that call one of the operators, in order of execution."""
    return [node for node in graph.graph.nodes if node.op == "call_function" and node.target in operators]


_aten = torch.ops.aten
_NEVER_NEGATIVE = (
    *(_aten.relu.default, _aten.relu_.default, _aten.sigmoid.default, _aten.sigmoid_.default),
    *(_aten.hardsigmoid.default, _aten.hardsigmoid_.default, _aten.softmax.int),
)
RESIZINGS = (
    *(_aten.upsample_bilinear2d.vec, _aten.upsample_bicubic2d.vec),
    *(_aten.upsample_nearest2d.vec, _aten._upsample_nearest_exact2d.vec),
)
"""Each pixel that they give is a mean of pixels, with weights that sum to one."""

_CLIPS = (_aten.hardtanh.default, _aten.hardtanh_.default, _aten.relu6.default, _aten.relu6_.default)


def arguments(node: fx.Node) -> dict[str, Any]:
    """What an operator is called with, by the names of its schema, with its defaults."""
    operator: Any = node.target
    known = operator._schema.arguments
    given = {argument.name: argument.default_value for argument in known if argument.has_default_value()}
    given |= {argument.name: value for argument, value in zip(known, node.args, strict=False)}
    return {**given, **node.kwargs}


def shape(node: fx.Node) -> tuple[int, ...]:
    """Of a node's output, the first where it has several."""
    found = node.meta["val"]
    return tuple(int(side) for side in (found[0] if isinstance(found, tuple | list) else found).shape)


def pair(extent: int | list[int]) -> tuple[int, int]:
    """(height, width) of a kernel, a stride or a padding, which may be given as one number."""
    sides = [extent] if isinstance(extent, int) else list(extent)
    return sides[0], sides[-1]


def looks_at_pixels(conv: fx.Node) -> bool:
    """Whether a two-dimensional convolution makes each pixel of the one pixel at its place."""
    given = arguments(conv)
    sides = *shape(given["weight"])[2:], *pair(given["stride"])
    return set(sides) == {1} and pair(given["padding"]) == (0, 0)


def only_user(node: fx.Node) -> fx.Node | None:
    """The one node that reads another; None where there are several."""
    return next(iter(node.users)) if len(node.users) == 1 else None


def never_negative(node: fx.Node) -> bool:
    """Whether the operator that gives a node's output gives nothing below zero."""
    return node.target in _NEVER_NEGATIVE or (node.target in _CLIPS and arguments(node).get("min_val", 0) >= 0)


def scales_otherwise(node: fx.Node) -> bool:
    """Whether a resizing was told another factor than that of the sizes before and after it."""
    given = arguments(node)
    factors = given.get("scale_factors")
    if factors is None or given.get("align_corners"):
        return False
    sides = zip(shape(given["input"])[2:], factors, shape(node)[2:], strict=True)
    return not all(math.isclose(side * factor, size, rel_tol=1e-6) for side, factor, size in sides)


def written(node: fx.Node, but: fx.Node | None = None) -> bool:
    """Whether an operator, other than one, changes in place what a node gives."""
    return any(
        getattr(getattr(user.target, "_schema", None), "is_mutable", False) and user.args[:1] == (node,)
        for user in node.users
        if user is not but
    )


def value(graph: fx.GraphModule, node: Any) -> Tensor | None:
    """A parameter's or a buffer's tensor; None for what is computed."""
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        return None
    found: Any = graph
    for name in str(node.target).split("."):
        found = getattr(found, name)
    return found.detach() if isinstance(found, Tensor) else None


def weights_of(graph: fx.GraphModule, node: fx.Node) -> tuple[Tensor, Tensor | None] | None:
    """Weight and bias, if it has one, of a convolution or a linear layer; None where either is computed."""
    given = arguments(node)
    weight, bias = value(graph, given["weight"]), value(graph, given["bias"])
    return None if weight is None or (bias is None) != (given["bias"] is None) else (weight, bias)


def constant(graph: fx.GraphModule, before: fx.Node, stem: str, tensor: Tensor) -> fx.Node:
    """A node that gives a tensor, which the graph keeps from now on."""
    name = next(free for i in range(10**6) if not hasattr(graph, free := f"{stem}_{i}"))
    graph.register_buffer(name, tensor.contiguous())
    with graph.graph.inserting_before(before):
        node = graph.graph.get_attr(name)
    node.meta["val"] = tensor
    return node


def become(node: fx.Node, function: Callable[..., Any], *args: Any) -> None:
    """Let a node call a function of tensors instead, which the exporter traces into operators."""
    node.target, node.args, node.kwargs = function, args, {}


def norm_factors(graph: fx.GraphModule, node: fx.Node) -> tuple[Tensor, Tensor] | None:
    """(factor, offset) per channel that a batch normalisation is, in double precision; None where they are computed."""
    if node.target is not torch.ops.aten.batch_norm.default:
        return None
    given = arguments(node)
    keys = ("weight", "bias", "running_mean", "running_var")
    known = {key: value(graph, given[key]) for key in keys}
    mean, variance = known["running_mean"], known["running_var"]
    if given["training"] or mean is None or variance is None:
        return None
    if any(given[key] is not None and known[key] is None for key in keys):
        return None
    factor = (variance.double() + given["eps"]).rsqrt()
    if known["weight"] is not None:
        factor = factor * known["weight"].double()
    offset = -mean.double() * factor
    return factor, offset if known["bias"] is None else offset + known["bias"].double()


def folded(
    weight: Tensor, bias: Tensor | None, factors: tuple[Tensor, Tensor], along: tuple[int, ...] = (-1, 1, 1, 1)
) -> tuple[Tensor, Tensor]:
    """Weight and bias with (factor, offset) per channel in them; `along` is the shape in which factors meet weights."""
    factor, offset = factors
    moved = offset if bias is None else bias.double() * factor + offset
    return (weight.double() * factor.view(along)).to(weight.dtype), moved.to(weight.dtype)


def side_products(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, h, w), height and width being products with (h, H) and (w, W)."""
    return torch.nn.functional.linear(torch.nn.functional.linear(x, columns).transpose(2, 3), rows).transpose(2, 3)


def chosen_pixels(node: fx.Node) -> tuple[Tensor, Tensor]:
    """(rows, columns) of a map that a resizing of it to the nearest pixel takes.

    What it takes of some sizes hangs on the type of the values, since another loop computes their places.
    """
    given: Any = node.args[0]
    sides = (torch.arange(side, dtype=torch.float32) for side in shape(given)[2:])
    places = torch.stack(torch.meshgrid(*sides, indexing="ij"))[None]
    operator: Any = node.target
    rows, columns = operator(places, *node.args[1:], **node.kwargs)[0].long()
    return rows[:, 0], columns[0]
