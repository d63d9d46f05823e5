"""Operators that a recipe leaves in float, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from edgeseg.core.errors import InputError

__all__ = ["floating_text", "left_in_float"]


def left_in_float(
    names: Iterable[str], operators: Mapping[str, str], fused: Mapping[str, str], path: Path
) -> tuple[str, ...]:
    """The tensors that the named operators give, and those of the activations that a runtime fuses with them.

    Args:
        names: As the user gave them.
        operators: Every name that an operator can be called by -> the first tensor that it gives.
        fused: Tensors that an activation alone reads -> what that one makes of them.
        path: The float file, for the message.

    Raises InputError for a name that no operator has once the file is prepared.
    """
    found: list[str] = []
    for name in names:
        if name not in operators:
            near = get_close_matches(name, operators, 3, 0.0)
            raise InputError(
                f"{path}: no operator {name!r} to leave in float; the nearest are {', '.join(near)} "
                "(an operator is called by the tensor that it gives; those that are folded into others are gone)"
            )
        tensor = operators[name]
        found.append(tensor)
        while tensor in fused:
            tensor = fused[tensor]
            found.append(tensor)
    return tuple(dict.fromkeys(found))


def floating_text(names: Iterable[str]) -> str:
    """How many operators a recipe leaves in float, as the end of a sentence."""
    count = len(tuple(names))
    return f"; {count} operator{'s' * (count != 1)} left in float" if count else ""
