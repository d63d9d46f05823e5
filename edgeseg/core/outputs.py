"""What a network returns: its logits, alone or among others in tuples, lists and dicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["all_outputs", "main_output", "which_output"]

_MAIN = "out"
"""The entry of a dict that holds the logits, as in torchvision."""


def main_output(output: Any) -> Any:
    """The logits among what a network returns: the entry `out`, or the first."""
    while isinstance(output, Mapping | tuple | list):
        output = output.get(_MAIN, next(iter(output.values()))) if isinstance(output, Mapping) else output[0]
    return output


def which_output(output: Any) -> str | None:
    """Which of several outputs `main_output` takes, in words; None where there is but one."""
    if not isinstance(output, Mapping | tuple | list) or len(output) < 2:
        return None
    which = f"'{_MAIN}'" if isinstance(output, Mapping) and _MAIN in output else "the first"
    return f"{which} of {len(output)} outputs is used"


def all_outputs(output: Any) -> Iterator[Any]:
    """Every tensor that a network returns, in their order."""
    if isinstance(output, Mapping | tuple | list):
        for part in output.values() if isinstance(output, Mapping) else output:
            yield from all_outputs(part)
    else:
        yield output
