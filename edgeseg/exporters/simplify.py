"""onnxsim over a file that was just exported."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnxsim

from edgeseg.core.errors import first_line
from edgeseg.core.quiet import quiet

__all__ = ["simplify"]


def simplify(path: Path) -> tuple[str, ...]:
    """Fold constants and BatchNorms in place; what went wrong, if anything, as notes for the file's facts.

    Whether the result is the same function is for the parity check to say, which every exported file goes through.
    """
    model = onnx.load(path)
    try:
        with quiet():
            simplified, _ = onnxsim.simplify(model)
    except Exception as error:
        return (f"not simplified: onnxsim failed with {first_line(error)}",)
    onnx.save(simplified, path)
    return ()
