"""onnxsim over a file that was just exported."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnxsim

from edgeseg.core.errors import first_line
from edgeseg.core.quiet import quiet

__all__ = ["simplify"]


def simplify(path: Path) -> tuple[str, ...]:
    """Fold constants and BatchNorms in place; what went wrong, if anything, as notes for the file's facts."""
    model = onnx.load(path)
    try:
        with quiet():
            simplified, sound = onnxsim.simplify(model, check_n=1)
    except Exception as error:
        return (f"not simplified: onnxsim failed with {first_line(error)}",)
    if not sound:
        return ("not simplified: onnxsim's result was not the same function",)
    onnx.save(simplified, path)
    return ()
