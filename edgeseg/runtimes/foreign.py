"""Facts of a file that somebody else made, read off its input and output and the user's options."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.types import Facts, Format, InputFacts, Layout, Normalization, OutputFacts, Size
from edgeseg.runtimes.engine import Port, Signature

__all__ = ["Given", "draft", "finish"]

_FLOATS = ("float32", "float16", "float64")
_INTEGERS = ("uint8", "int8")


@dataclass(frozen=True)
class Given:
    """What the user says about a file; None where the file is to be asked."""

    size: Size | None = None
    layout: Layout | None = None
    normalization: Normalization | None = None
    align_corners: bool | None = None
    classes: tuple[str, ...] | None = None


def draft(path: Path, target: Format, signature: Signature, given: Given) -> Facts:
    """The facts as far as they are known before the file has run: all but output and classes.

    What the input leaves open is filled from `given`; an open batch is 1. An integer input takes raw pixels, unless a
    normalization is given: then it takes floats, quantized by its scale. Raises InputError where this is no image
    input, or more must be given.
    """
    if len(signature.inputs) != 1:
        names = ", ".join(port.name for port in signature.inputs)
        raise InputError(
            f"{path}: {len(signature.inputs)} inputs ({names}); only files with one image input can be used"
        )
    port = signature.inputs[0]
    layout = _input_layout(path, port, given.layout)
    batch, *rest = port.shape
    height, width = rest[1:] if layout == "NCHW" else rest[:2]
    size = _input_size(path, height, width, given.size)
    if port.dtype not in (*_FLOATS, *_INTEGERS):
        raise InputError(f"{path}: input of dtype {port.dtype}; it must be one of {', '.join((*_FLOATS, *_INTEGERS))}")
    dtype = "float32" if port.dtype in _FLOATS or given.normalization else port.dtype
    outputs, notes = signature.outputs, []
    if len(outputs) > 1:
        notes.append(f"the first of {len(outputs)} outputs is used: {outputs[0].name}")
    if batch is None:
        notes.append("the number of images a batch is open in the file; 1 is taken")
    return Facts(
        model=path.stem,
        format=target,
        precision=signature.precision,
        input=InputFacts(size, batch or 1, layout, dtype, given.normalization or Normalization()),
        output=OutputFacts("logits", size, layout),
        classes=(),
        notes=tuple(notes),
    )


def _input_layout(path: Path, port: Port, given: Layout | None) -> Layout:
    if len(port.shape) == 4:
        if given:
            side = port.shape[1 if given == "NCHW" else 3]
            if side not in (None, 3):
                raise InputError(
                    f"{path}: input {port.name} of shape {_text(port.shape)} is not {given}; leave --layout out"
                )
            return given
        if port.shape[1] == 3:
            return "NCHW"
        if port.shape[3] == 3:
            return "NHWC"
        if None in (port.shape[1], port.shape[3]):
            raise InputError(f"{path}: input {port.name} does not say where its channels are; give --layout")
    raise InputError(
        f"{path}: input {port.name} of shape {_text(port.shape)} takes no RGB images (N, 3, H, W or N, H, W, 3)"
    )


def _input_size(path: Path, height: int | None, width: int | None, given: Size | None) -> Size:
    if height and width:
        size = Size(height, width)
        if given and given != size:
            raise InputError(f"{path}: made for {size}, not {given}; leave out --size or export it again")
        return size
    if given is None:
        raise InputError(f"{path}: leaves its input size open; give --size HxW")
    return given


def finish(path: Path, facts: Facts, output: NDArray[Any], given: Given) -> Facts:
    """The whole facts of a file that gave `output` for one batch. Raises InputError where that is no segmentation."""
    image = facts.input
    if _is_classmap(output, image):
        if given.classes is None:
            raise InputError(f"{path}: a class map does not say how many classes there are; give --classes")
        head = OutputFacts("classmap", image.size, image.layout, output.dtype.name)
        return replace(facts, output=head, classes=given.classes)
    head = _scores(path, output, image, given)
    count = output.shape[1 if head.layout == "NCHW" else 3]
    return replace(facts, output=head, classes=given.classes or tuple(f"class_{i}" for i in range(count)))


def _is_classmap(output: NDArray[Any], image: InputFacts) -> bool:
    n, h, w = image.batch, image.size.height, image.size.width
    return output.dtype.kind in "iu" and output.shape in ((n, h, w), (n, 1, h, w), (n, h, w, 1))


def _scores(path: Path, output: NDArray[Any], image: InputFacts, given: Given) -> OutputFacts:
    layouts: tuple[Layout, ...] = ("NCHW", "NHWC") if image.layout == "NCHW" else ("NHWC", "NCHW")
    for layout in layouts:
        if (size := _score_size(output.shape, layout, image, given.classes)) is None:
            continue
        if size == image.size:
            if given.align_corners is not None:
                raise InputError(f"{path}: gives full-size scores, which nothing upsamples; leave --align-corners out")
            return OutputFacts("logits", size, layout, output.dtype.name)
        return OutputFacts("scores", size, layout, output.dtype.name, bool(given.align_corners))
    if any(_score_size(output.shape, layout, image, ("foreground",)) for layout in layouts):
        raise InputError(
            f"{path}: one output channel, where edgeseg wants scores of 2 classes or more; of one logit x (no "
            "sigmoid), export concat(-x, x), which are background and foreground, and a class map as integers"
        )
    wanted = f"{len(given.classes)} classes" if given.classes else "classes"
    raise InputError(
        f"{path}: output of shape {_text(output.shape)} and dtype {output.dtype} is neither scores of {wanted} nor a "
        f"class map for an image of {image.size}; give --classes, or a segmentation network"
    )


def _score_size(
    shape: tuple[int, ...], layout: Layout, image: InputFacts, classes: tuple[str, ...] | None
) -> Size | None:
    """The size of scores in this layout; None where they would have another shape than the image, up to rounding."""
    if len(shape) != 4 or shape[0] != image.batch:
        return None
    _, first, second, third = shape
    count, h, w = (first, second, third) if layout == "NCHW" else (third, first, second)
    height, width = image.size.height, image.size.width
    alike = h <= height and w <= width and abs(h * width - w * height) <= height + width
    if h * w == 1 < height * width:  # A classifier's.
        return None
    return Size(h, w) if alike and (count == len(classes) if classes else count > 1) else None


def _text(shape: tuple[int | None, ...]) -> str:
    return "x".join("?" if side is None else str(side) for side in shape)
