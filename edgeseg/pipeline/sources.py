"""What the user may give as MODEL: a zoo name, code of her own, a saved model, a finished file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeseg import models, runtimes
from edgeseg.core.container import read_facts
from edgeseg.core.errors import InputError
from edgeseg.core.json_values import is_text
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact, Model, Normalization

__all__ = ["as_artifact", "as_model", "check", "check_apart", "given_path", "is_file", "resolve", "runtime_of"]

_SUFFIXES = (".onnx", ".tflite")

_NETWORKS, _FOREIGN = "networks", "files that edgeseg did not write"
_TAKEN_BY = {
    **dict.fromkeys(("weights", "output_stride", "cell"), (_NETWORKS,)),
    **dict.fromkeys(("layout", "align_corners"), (_FOREIGN,)),
    **dict.fromkeys(("classes", "mean", "std", "channels"), (_NETWORKS, _FOREIGN)),
}
"""What of a Source is said of which kind of MODEL."""


def is_file(target: str) -> bool:
    """Whether a MODEL names a finished file."""
    return Path(target).suffix.lower() in _SUFFIXES


def check(sources: Sequence[Source]) -> None:
    """Raise InputError, before long work, for the first MODEL that is nothing and for what is said to none of them."""
    for target in (source.target for source in sources):
        if not is_text(target):
            raise InputError(f"{target}: its name is not UTF-8, in which results are written; rename it")
        if not is_file(target):
            models.check_name(target)
        elif not Path(target).is_file():
            raise InputError(f"{target}: no such file; give the path of an .onnx or .tflite file")
    _check_use(sources)


def given_path(given: Artifact | Path | str) -> Path:
    """The file that a function of the Python API was given.

    Raises InputError for an Artifact whose file another one has replaced, and for what is none of these.
    """
    if not isinstance(given, Artifact):
        if not isinstance(given, Path | str):
            raise InputError(f"a {type(given).__name__} is no file; give a path, or what edgeseg.export returns")
        return Path(given)
    if given.written_sha256 and given.path.is_file() and given.sha256 != given.written_sha256:
        raise InputError(
            f"{given.path}: another file than when this Artifact was made; make each with a path= of its own, or give "
            "the path for what is there now"
        )
    return given.path


def _made_name(target: str) -> str:
    path = Path(target)
    return f"{path.stem.removesuffix('_fp32')}{path.suffix}" if is_file(target) else models.name_of(target)


def check_apart(sources: Sequence[Source], name_of: Callable[[str], str] = _made_name) -> None:
    """Raise InputError, before long work, for two MODELs of which files of the same name would be made."""
    seen: dict[str, str] = {}
    for target in (source.target for source in sources):
        name = name_of(target)
        if seen.get(name) == target:
            raise InputError(f"{target}: given twice; once is enough")
        if name in seen:
            raise InputError(f"{seen[name]} and {target}: files of the same name are made of both; give each an --out")
        seen[name] = target


def _check_use(sources: Sequence[Source]) -> None:
    """Raise InputError for what is said of MODELs where none of them takes it."""
    said = [name for name in _TAKEN_BY if any(getattr(source, name) is not None for source in sources)]
    kinds = {_kind(source) for source in sources} if said else set()
    for name in said:
        if not kinds & set(_TAKEN_BY[name]):
            subject = sources[0].target if len(sources) == 1 else f"{len(sources)} models"
            what = f"--{name.replace('_', '-')} to do, which is said of {' and '.join(_TAKEN_BY[name])}"
            raise InputError(f"{subject}: there is nothing for {what}; leave it out")


def _kind(source: Source) -> str:
    if not is_file(source.target):
        return _NETWORKS
    return _FOREIGN if read_facts(Path(source.target)) is None else "files of edgeseg"


def as_artifact(source: Source) -> Artifact:
    """A finished file with its own facts, or, where it has none, those read off its graph and the user's options."""
    path = Path(source.target)
    facts = read_facts(path)
    if facts is None:
        facts = runtimes.describe(
            path,
            size=source.size,
            normalization=source.normalized(Normalization()) if source.mean or source.std else None,
            layout=source.layout,
            align_corners=source.align_corners,
            classes=models.class_names(source.classes) if source.classes else None,
        )
        given = replace(facts.input, normalization=source.normalized(facts.input.normalization))
        facts = replace(facts, input=given)
    elif source.size and source.size != facts.input.size:
        raise InputError(f"{path}: made for {facts.input.size}, not {source.size}; export it again with --size")
    return Artifact(path, facts)


def as_model(source: Source) -> Model:
    """A network in its framework."""
    given: dict[str, Any] = {"output_stride": source.output_stride, "cell": source.cell}
    model = models.load(
        source.target,
        classes=source.classes,
        weights=source.weights,
        size=source.size,
        **{name: choice for name, choice in given.items() if choice is not None},
    )
    return replace(model, normalization=source.normalized(model.normalization))


def resolve(source: Source) -> Artifact | Model:
    """Whatever MODEL is; InputError where it is nothing."""
    return as_artifact(source) if is_file(source.target) else as_model(source)


def runtime_of(subject: Artifact | Model) -> str:
    """The name of the runtime that runs it where none is asked for."""
    return runtimes.for_format(subject.facts.format if isinstance(subject, Artifact) else subject.framework)
