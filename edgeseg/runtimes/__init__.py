"""One runtime per file, found by what it declares. Importing this loads none of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from edgeseg.core import registry
from edgeseg.core.container import file_format, read_facts
from edgeseg.core.cpu import check_threads
from edgeseg.core.errors import InputError, MeasureError, MissingDependency
from edgeseg.core.protocols import Runtime, RuntimeDeclaration, Session
from edgeseg.core.types import Artifact, Facts, Format, Layout, Model, Normalization, Precision, Size

__all__ = ["check_device", "declarations", "describe", "devices", "for_format", "open_session", "precision_of"]

_ROOM = "edgeseg.runtimes"


def declarations() -> dict[str, RuntimeDeclaration]:
    """Every runtime by the name of its file."""
    return {name: declared for name, (_, declared) in registry.declarations(_ROOM, RuntimeDeclaration).items()}


def for_format(format: Format) -> str:
    """The default runtime for a format; InputError where there is none."""
    for name, declared in declarations().items():
        if declared.format == format and declared.default:
            return name
    raise InputError(f"no runtime for {format}; there are: {_listed()}")


def devices() -> dict[str, tuple[str, ...]]:
    """The devices that each runtime offers on this machine; none where its package is not installed."""
    found: dict[str, tuple[str, ...]] = {}
    for name, declared in declarations().items():
        try:
            found[name] = _devices(name, declared)
        except MissingDependency:
            found[name] = ()
    return found


def check_device(device: str, runtime: str) -> None:
    """Raise InputError for a device that a runtime does not offer here, MissingDependency where it is not installed."""
    if device not in (offered := _devices(runtime, declarations()[runtime])):
        raise InputError(f"no device {device!r} on runtime {runtime}, which offers here: {', '.join(offered)}")


def open_session(
    source: Artifact | Model,
    *,
    threads: int = 2,
    runtime: str | None = None,
    device: str = "cpu",
    tensors: bool = False,
    watch: tuple[str, ...] = (),
) -> Session:
    """Open a file or a network to run it.

    Args:
        source: An artifact, or a network in its framework.
        threads: Threads that the runtime may use.
        runtime: Name of a runtime; by default the one for the source's format.
        device: One of those that the runtime offers.
        tensors: Whether `Session.tensors` will be called, which costs speed.
        watch: Names of the only tensors that it shall give, as an ordinary run computes them; `tensors` gives all, for
            which some optimizations are left out.

    Raises:
        InputError: An unknown runtime, device or name of a tensor, or one that does not suit the source, or a file
            that cannot be used.
        MissingDependency: The runtime is not installed.
    """
    format = source.facts.format if isinstance(source, Artifact) else source.framework
    name = runtime or for_format(format)
    declared = declarations().get(name)
    if declared is None:
        raise InputError(f"no runtime {name!r}; there are: {_listed()}")
    what = source.path if isinstance(source, Artifact) else source.name
    if declared.format != format:
        raise InputError(f"{what}: runtime {name} runs {declared.format}, not {format}; use {for_format(format)}")
    check_threads(threads)
    module = _load(name, declared)
    try:
        check_device(device, name)
    except InputError as error:
        raise InputError(f"{what}: {error}") from error
    if isinstance(source, Artifact):
        read_facts(source.path)  # refuses a damaged file, on which a runtime may crash
    opening: Runtime = module.open_session
    return opening(source, threads, device=device, tensors=tensors, watch=watch)


def describe(
    path: Path,
    *,
    size: Size | None = None,
    normalization: Normalization | None = None,
    layout: Layout | None = None,
    align_corners: bool | None = None,
    classes: Sequence[str] | None = None,
) -> Facts:
    """The facts of a file that has none of its own, found by looking at it and running it once.

    Args:
        path: An .onnx or .tflite file with one image input.
        size: Input size, where the file leaves it open.
        normalization: Of the pixels; by default ImageNet's for a float input and none for an integer one.
        layout: Of the input; by default by where its 3 channels are.
        align_corners: Of the upsampling of low-resolution scores; by default not.
        classes: Class names; by default `class_0` and so on, as many as the output has channels.

    Raises:
        InputError: A file that cannot be used, or of which more must be given.
        MissingDependency: The format's runtime is not installed.
    """
    import numpy as np

    from edgeseg.runtimes import foreign

    read_facts(path)
    format = file_format(path)
    name = for_format(format)
    module = _load(name, declarations()[name])
    given = foreign.Given(size, layout, normalization, align_corners, tuple(classes) if classes else None)
    facts = foreign.draft(path, format, module.signature(path), given)
    opening: Runtime = module.open_session
    with opening(Artifact(path, facts), 1, device="cpu", tensors=False, watch=()) as session:
        try:
            output = session.run(np.zeros(facts.input.shape, facts.input.dtype))
        except MeasureError as error:
            raise InputError(f"{error}; try another --size") from error
    return foreign.finish(path, facts, output, given)


def precision_of(path: Path) -> Precision:
    """What a file computes in, as its operators and weights tell; InputError for one that its runtime cannot load."""
    read_facts(path)  # refuses a damaged file, on which a runtime may crash
    name = for_format(file_format(path))
    found: Precision = _load(name, declarations()[name]).precision(path)
    return found


def _load(name: str, declared: RuntimeDeclaration) -> ModuleType:
    why = f"running {declared.format} models"
    return registry.load(_ROOM, name, package=declared.package, extra=declared.extra, why=why)


def _devices(name: str, declared: RuntimeDeclaration) -> tuple[str, ...]:
    """A runtime that declares more than one device says itself which are here; MissingDependency if it is not."""
    if len(declared.devices) == 1 and registry.installed(declared.package):
        return declared.devices
    module = _load(name, declared)
    offered: tuple[str, ...] = module.devices() if len(declared.devices) > 1 else declared.devices
    return offered


def _listed() -> str:
    return ", ".join(declarations())
