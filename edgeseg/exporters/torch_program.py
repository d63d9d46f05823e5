"""Traces a PyTorch network with torch.export and puts the head on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgeseg.core.errors import EdgesegError, ExportError, InputError, first_line
from edgeseg.core.outputs import main_output, which_output
from edgeseg.core.protocols import ExportSpec
from edgeseg.core.types import HeadKind, Model, Size
from edgeseg.exporters.completion import completed
from edgeseg.exporters.passes import copied, early_pointwise
from edgeseg.exporters.passes.early_pointwise import POINTWISE_ENDS
from edgeseg.exporters.passes.edit import arguments, only_user, scales_otherwise
from edgeseg.exporters.program import BEFORE_SOFTMAX, Followed, Program, Upsample, output_facts
from edgeseg.exporters.torch_maxima import FollowingMaxima, fits

__all__ = ["trace"]


class _Logits(nn.Module):
    """Any segmentation network as one tensor: the main output of a tuple, list or dict."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.notes: tuple[str, ...] = ()
        """Found in the first run."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        output = self.network(image)
        if (which := which_output(output)) is not None:
            self.notes = (which,)
        logits: torch.Tensor = main_output(output)
        return logits


@lru_cache(maxsize=1)
def trace(model: Model, spec: ExportSpec) -> Program:
    """The network's graph for one input size, ending in the head asked for.

    Raises InputError for a size that the network cannot take, ExportError where torch.export cannot follow the code.
    """
    network = _Logits(model.network).eval()
    whole = _graph(model, network, spec)
    result = _result(whole)
    unnormalized = _before_softmax(result)
    upsample = _final_upsample(unnormalized, spec.size)
    output = output_facts(spec, "NCHW", upsample)
    graph = _headed(whole, output.head, spec.size)
    is_whole = output.head == "logits" or (output.head == "scores" and unnormalized is result and upsample is None)
    skipped = (BEFORE_SOFTMAX,) if output.head == "scores" and unnormalized is not result else ()

    def reference(batch: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        logits = _run(network, batch)
        return (logits if is_whole else _run(graph, batch)), logits

    def follow(batch: NDArray[Any], winners: Sequence[NDArray[np.uint8]]) -> Followed | None:
        if not fits(whole, winners):
            return None
        following = FollowingMaxima(whole, winners)
        logits = _run(following.run, batch)
        expected = logits if is_whole else _run(FollowingMaxima(graph, winners).run, batch)
        return Followed(expected, logits, following.others, following.tie_error)

    def layers(batch: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
        seen: list[tuple[str, NDArray[Any]]] = []
        leaves = [(name, module) for name, module in model.network.named_modules() if not any(module.children())]
        hooks = [module.register_forward_hook(_recorder(name, seen)) for name, module in leaves]
        try:
            _run(network, batch)
        finally:
            for hook in hooks:
                hook.remove()
        yield from seen

    softmax = None if unnormalized is result else POINTWISE_ENDS[result.target]
    is_cut = output.head == "scores" and not is_whole
    complete = partial(completed, size=spec.size, upsample=upsample, softmax=softmax) if is_cut else None
    return Program(graph, output, reference, layers, follow, complete, (*network.notes, *skipped))


def _graph(model: Model, network: _Logits, spec: ExportSpec) -> torch.fx.GraphModule:
    """A network as torch.export traces it, with what a classifier of enlarged maps does to pixels before they are."""
    image = torch.zeros(spec.batch, 3, spec.size.height, spec.size.width)
    others = {str(parameter.device) for parameter in model.network.parameters()} - {"cpu"}
    if others:
        raise InputError(f"{model.name}: its parameters are on {', '.join(sorted(others))}; call .cpu() on it first")
    _try_size(model, network, image, spec)
    try:
        with torch.no_grad():
            whole = torch.export.export(network, (image,), strict=False).module(check_guards=False)
        _take_out_wrapped(whole)
    except Exception as error:
        raise ExportError(f"{model.name}: torch.export cannot trace it: {first_line(error)}") from error
    whole.graph.eliminate_dead_code()
    early_pointwise.rewrite(whole)
    return whole


def _take_out_wrapped(whole: torch.fx.GraphModule) -> None:
    """Put what runs under a mode of its own, which is a graph in the graph, among the rest: rewrites look only there.

    Gradients matter to no export, and without autocast everything is computed in the type that it is given in.
    """
    higher = torch.ops.higher_order
    for node in list(whole.graph.nodes):
        without_autocast = node.target is higher.wrap_with_autocast and node.args[2] is False
        if node.target is not higher.wrap_with_set_grad_enabled and not without_autocast:
            continue
        first = next(i for i, given in enumerate(node.args) if isinstance(given, torch.fx.Node))
        body = getattr(whole, node.args[first].target).graph
        placeholders = (each for each in body.nodes if each.op == "placeholder")
        with whole.graph.inserting_before(node):
            results = whole.graph.graph_copy(body, dict(zip(placeholders, node.args[first + 1 :], strict=True)))
        for part in list(node.users):
            part.replace_all_uses_with(results[part.args[1]])
            whole.graph.erase_node(part)
        whole.graph.erase_node(node)
    whole.recompile()


def _run(network: Callable[[torch.Tensor], torch.Tensor], batch: NDArray[Any]) -> NDArray[Any]:
    """From and to channels-last."""
    with torch.inference_mode():
        result: NDArray[Any] = network(torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 3, 1, 2)))).numpy()
    return result if result.ndim == 3 else result.transpose(0, 2, 3, 1)


def _recorder(name: str, seen: list[tuple[str, NDArray[Any]]]) -> Any:
    def record(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.ndim == 4:
            seen.append((name, output.numpy().transpose(0, 2, 3, 1).copy()))

    return record


def _try_size(model: Model, network: nn.Module, image: torch.Tensor, spec: ExportSpec) -> None:
    can = f"; it takes {model.card.sizes}" if model.card else "; try another --size"
    try:
        with torch.inference_mode():
            output = network(image)
    except EdgesegError:
        raise
    except Exception as error:
        raise InputError(f"{model.name} cannot take {spec.size}: {first_line(error)}{can}") from error
    if not isinstance(output, torch.Tensor) or output.ndim != 4:
        raise InputError(f"{model.name}: the network must return logits (N, classes, H, W), not {_shape(output)}")
    if tuple(output.shape[2:]) != (spec.size.height, spec.size.width):
        raise InputError(
            f"{model.name}: logits of {output.shape[2]}x{output.shape[3]} for an image of {spec.size}; end the network "
            "in an upsample to the image's size"
        )
    if output.shape[1] != len(model.classes):
        raise InputError(f"{model.name}: {output.shape[1]} logits a pixel, but {len(model.classes)} class names")


def _shape(output: Any) -> str:
    return f"shape {tuple(output.shape)}" if isinstance(output, torch.Tensor) else type(output).__name__


def _result(graph: torch.fx.GraphModule) -> torch.fx.Node:
    return next(node for node in graph.graph.nodes if node.op == "output").all_input_nodes[0]


def _before_softmax(node: torch.fx.Node) -> torch.fx.Node:
    """What a softmax over the classes is given; the node itself where it is none, or where more comes of either."""
    if node.target not in POINTWISE_ENDS or arguments(node)["dim"] not in (1, -3) or only_user(node) is None:
        return node
    given: torch.fx.Node = node.args[0]
    alike = given.meta["val"].dtype == node.meta["val"].dtype
    return given if alike and only_user(given) is node else node


def _final_upsample(node: torch.fx.Node, size: Size) -> Upsample | None:
    if node.target is not torch.ops.aten.upsample_bilinear2d.vec or only_user(node) is None:
        return None
    height, width = (int(side) for side in node.args[0].meta["val"].shape[2:])
    if scales_otherwise(node):
        return None
    return Upsample(Size(height, width), bool(node.args[2])) if height < size.height or width < size.width else None


def _headed(whole: torch.fx.GraphModule, head: HeadKind, size: Size) -> torch.fx.GraphModule:
    """The network's graph with its head chosen: cut before its last upsample, as it is, or with an arg-max behind."""
    graph = copied(whole)
    result = _result(graph)
    if head == "scores":
        last = _before_softmax(result)
        graph.graph.output_node().replace_input_with(result, last.args[0] if _final_upsample(last, size) else last)
    elif head == "classmap":
        output = graph.graph.output_node()
        with graph.graph.inserting_before(output):
            output.replace_input_with(result, graph.graph.call_function(_classmap, (result,)))
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def _classmap(logits: torch.Tensor) -> torch.Tensor:
    return logits.argmax(1).to(torch.int32)
