"""Datasets, label maps and preprocessing. A dataset is one file with DECLARATION and `open_dataset(options)`."""

from __future__ import annotations

from numbers import Integral
from pathlib import Path

from edgeseg.core import registry
from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Dataset, DatasetDeclaration, DatasetOptions
from edgeseg.core.types import Size

__all__ = ["declarations", "open_dataset"]


def declarations() -> dict[str, DatasetDeclaration]:
    """Every dataset by name, without importing it."""
    return {name: declared for name, (_, declared) in registry.declarations(__name__, DatasetDeclaration).items()}


def open_dataset(
    text: str,
    *,
    split: str | None = None,
    size: Size | str | None = None,
    limit: int | None = None,
    spread: bool = False,
    seed: int = 0,
) -> Dataset:
    """Open `NAME` or `NAME:PATH`, for example `scenes` or `cityscapes:/data/cityscapes`.

    `split` and `size` of None mean the dataset's own; `limit` takes the first so many samples, or, of files, as many at
    even distances where they are to be `spread`. Raises InputError for a name, path, split or content that cannot be
    used, MissingDependency where reading it needs an absent package.
    """
    if not isinstance(text, str):
        raise InputError(f"dataset of type {type(text).__name__}: give its name, such as folder:PATH")
    name, _, path = text.partition(":")
    found = registry.declarations(__name__, DatasetDeclaration)
    if name not in found:
        raise registry.suggest("dataset", name, list(found))
    if limit is not None and (not isinstance(limit, Integral) or limit < 1):
        raise InputError(f"limit {limit!r}: a number of samples is needed, at least 1")
    stem, declared = found[name]
    module = registry.load(
        __name__, stem, package=declared.package, extra=declared.extra or "all", why=f"reading {name}"
    )
    options = DatasetOptions(Path(path).expanduser() if path else None, split, Size.of(size), limit, spread, seed)
    dataset: Dataset = module.open_dataset(options)
    return dataset
