"""Which channels of an ONNX graph's maps can be spread out, with empty ones between, and where each then stands.

Maps that must have their channels in the same places are one group: what an operator reads and writes channel by
channel. Convolutions lie between groups, and concatenations put groups side by side in another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeseg.quantize.passes.edit import Editor

__all__ = ["EMPTY", "Groups", "Slots", "kind_of_convolution"]

Slots: TypeAlias = NDArray[np.int64]
"""For every place in a spread map the channel that it holds, or EMPTY."""

EMPTY = -1

_CHANNEL_WISE = {
    *("Add", "AveragePool", "Clip", "Elu", "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "HardSwish"),
    *("LeakyRelu", "MaxPool", "Mul", "PRelu", "Relu", "Resize", "Selu", "Sigmoid", "Sub", "Tanh"),
}


@dataclass
class _Group:
    tensors: list[str] = field(default_factory=list)
    channels: int = 0
    fixed: bool = False
    joins: list[tuple[str, ...]] = field(default_factory=list)
    """Tensors which, side by side, are one of this group."""


@dataclass
class _Ties:
    """What the operators of a graph ask of its maps."""

    fixed: set[str]
    """Maps of which every channel stays in its place."""
    pairs: list[tuple[str, str]] = field(default_factory=list)
    """Maps that have their channels in the same places."""
    joins: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """A map, and the maps which, side by side, are it."""


@dataclass(frozen=True)
class _Attempt:
    """The slots of every group; or of those up to the first that they do not fit, and which that is."""

    slots: dict[str, Slots]
    misfit: str | None = None


class Groups:
    """The groups of a graph whose shapes are known."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._edit = Editor(model)
        self._parents: dict[str, str] = {}
        ties = _Ties(fixed={value.name for value in (*model.graph.input, *model.graph.output)})
        for node in model.graph.node:
            self._tie(node, ties)
        for one, other in ties.pairs:
            self._unite(one, other)
        while self._unite_parts(ties.joins):
            pass
        self._groups = self._gathered(model, ties)
        self._by_channels = sorted(self._groups, key=lambda root: self._groups[root].channels)

    def _tie(self, node: onnx.NodeProto, ties: _Ties) -> None:
        """Note what an operator asks of the maps that it reads and writes."""
        maps = [name for name in (*node.input, *node.output) if self._is_map(name)]
        kind = kind_of_convolution(self._edit, node)
        if node.op_type in ("Concat", "Split") and self._edit.attribute(node, "axis", 0) in (1, -3):
            whole, parts = (node.output, node.input) if node.op_type == "Concat" else (node.input[:1], node.output)
            if len(parts) > 1 and all(map(self._is_map, (*whole, *parts))):
                ties.joins.append((whole[0], tuple(parts)))
            else:
                ties.fixed.update(maps)
        elif node.op_type in _CHANNEL_WISE and self._alike(node, maps):
            alike = [name for name in maps if self.channels(name) == self.channels(maps[-1])]
            ties.pairs += [(maps[-1], name) for name in alike]
            ties.fixed |= {*maps} - {*alike}
        elif kind == "depthwise" or (node.op_type == "Slice" and self._cuts_sides(node)):
            if len(maps) == 2:
                ties.pairs.append((maps[1], maps[0]))
            else:
                ties.fixed.update(maps)
        elif kind != "dense":
            ties.fixed.update(maps)

    def _unite(self, one: str, other: str) -> bool:
        """Whether they were two groups."""
        first, second = self._find(one), self._find(other)
        self._parents[first] = second
        return first != second

    def _unite_parts(self, joins: Iterable[tuple[str, tuple[str, ...]]]) -> bool:
        """Let parts that take the same places in maps of one group be of one group; whether any were not."""
        seen: dict[tuple[object, ...], tuple[str, ...]] = {}
        changed = False
        for whole, parts in joins:
            others = seen.setdefault((self._find(whole), *map(self.channels, parts)), parts)
            changed |= sum(self._unite(*pair) for pair in zip(parts, others, strict=True)) > 0
        return changed

    def _gathered(self, model: onnx.ModelProto, ties: _Ties) -> dict[str, _Group]:
        groups: defaultdict[str, _Group] = defaultdict(_Group)
        names = dict.fromkeys(name for node in model.graph.node for name in (*node.input, *node.output))
        for name in filter(self._is_map, names):
            group = groups[self._find(name)]
            group.tensors.append(name)
            group.channels = self.channels(name)
            group.fixed |= name in ties.fixed
        for whole, parts in ties.joins:
            groups[self._find(whole)].joins.append(parts)
        return dict(groups)

    def channels(self, name: str) -> int:
        """Of an (N, C, H, W) map."""
        return self._edit.shape(name)[1]

    def members(self) -> list[list[str]]:
        """The maps of each group that can be spread by itself."""
        return [group.tensors for group in self._groups.values() if not group.fixed and not group.joins]

    def spread(self, multiples: Mapping[str, int]) -> dict[str, Slots]:
        """The slots of every map whose group is spread, so that those of `multiples` have a multiple of channels.

        A group that cannot be, or of which the parts do not fit together, stays as it is.
        """
        wanted: defaultdict[str, int] = defaultdict(lambda: 1)
        for name, multiple in multiples.items():
            root = self._find(name)
            wanted[root] = max(wanted[root], multiple)
        fixed = {root for root, group in self._groups.items() if group.fixed}
        while (attempt := self._attempt(wanted, fixed)).misfit is not None:
            joins = self._groups[attempt.misfit].joins
            fixed |= {attempt.misfit, *(self._find(name) for parts in joins for name in parts)}
        return {
            name: attempt.slots[root]
            for root, group in self._groups.items()
            for name in group.tensors
            if len(attempt.slots[root]) != group.channels
        }

    def _attempt(self, wanted: Mapping[str, int], fixed: Collection[str]) -> _Attempt:
        """Give slots to the groups, up to one whose joins give it different ones, or any and it is fixed."""
        slots: dict[str, Slots] = {}
        for root in self._by_channels:
            group = self._groups[root]
            plain = np.arange(group.channels)
            joined = [np.concatenate([*self._side_by_side(parts, slots)]) for parts in group.joins]
            more = 0 if root in fixed else -group.channels % wanted[root]
            slots[root] = joined[0] if joined else np.concatenate([plain, np.full(more, EMPTY)])
            same = all(np.array_equal(each, slots[root]) for each in joined)
            if not same or (root in fixed and not np.array_equal(slots[root], plain)):
                return _Attempt(slots, misfit=root)
        return _Attempt(slots)

    def _side_by_side(self, parts: Iterable[str], slots: Mapping[str, Slots]) -> Iterator[Slots]:
        first = 0
        for part in map(self._find, parts):
            yield np.where(slots[part] == EMPTY, EMPTY, slots[part] + first)
            first += self._groups[part].channels

    def _find(self, name: str) -> str:
        while name in self._parents and self._parents[name] != name:
            name = self._parents[name]
        return name

    def _is_map(self, name: str) -> bool:
        shape = self._edit.shape(name)
        return len(shape) == 4 and all(shape) and not self._edit.is_constant(name)

    def _alike(self, node: onnx.NodeProto, maps: Iterable[str]) -> bool:
        """Whether an operator keeps channels apart, its maps having as many as its result or one for all."""
        count = self.channels(node.output[0]) if self._is_map(node.output[0]) else 0
        constants = [value for name in node.input[1:] if (value := self._edit.constant(name)) is not None]
        if node.op_type in ("Add", "Mul", "Sub", "PRelu"):
            constants += [value for value in [self._edit.constant(node.input[0])] if value is not None]
            if any(value.size > 1 and (value.ndim < 3 or value.shape[-3] != value.size) for value in constants):
                return False
            if len(constants) + len(list(maps)) != 3:
                return False
        if node.op_type == "Resize" and "".join(node.input[3:]) and not self._edit.is_constant(node.input[3]):
            return False
        return count > 0 and all(self.channels(name) in (1, count) for name in maps)

    def _cuts_sides(self, node: onnx.NodeProto) -> bool:
        axes = self._edit.constant(node.input[3]) if len(node.input) > 3 else None
        return axes is not None and not {1, -3} & set(axes.tolist())


def kind_of_convolution(edit: Editor, node: onnx.NodeProto) -> str:
    """`dense` or `depthwise` of a Conv whose weights are constants, else nothing."""
    weight = edit.constant(node.input[1]) if node.op_type == "Conv" else None
    bias = node.op_type == "Conv" and len(node.input) > 2 and not edit.is_constant(node.input[2])
    if weight is None or weight.ndim != 4 or bias:
        return ""
    groups = edit.attribute(node, "group", 1)
    return "dense" if groups == 1 else "depthwise" if weight.shape[:2] == (groups, 1) else ""
