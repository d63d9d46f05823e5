"""The networks: the zoo's and the user's own. Importing this loads no framework."""

from __future__ import annotations

import inspect
import re
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from numbers import Integral
from pathlib import Path
from typing import Any

from edgeseg.core import registry
from edgeseg.core.errors import InputError
from edgeseg.core.types import Card, Model, Normalization, Size
from edgeseg.models import third_party, user
from edgeseg.models.adapters import adapter, framework_of
from edgeseg.models.classes import class_names

__all__ = [
    "as_model",
    "build",
    "card",
    "check_name",
    "class_names",
    "has_weights",
    "is_as_shipped",
    "load",
    "name_of",
    "names",
    "unchanged",
]

_ZOO = "edgeseg.models.zoo"
_BUILT_IN = Path(__file__).parent / "weights"
_MOST_CLASSES = 255


def names() -> list[str]:
    """The zoo's networks in alphabetical order."""
    return sorted(registry.declarations(_ZOO, Card))


def card(name: str) -> Card:
    """What a network of the zoo says about itself; InputError for a name that is not known."""
    _check_text(name)
    if third_party.is_third_party(name):
        raise InputError(f"{name} comes from another package and has no card; the networks of the zoo have")
    return _declared(name)[1]


def has_weights(name: str, classes: int | None = None, weights: str | Path | None = None) -> bool:
    """Whether `build` fills a network of the zoo from a file; InputError for built-in weights that there are not."""
    about = card(name)
    return _weights_path(about, classes or about.classes, weights) is not None


def is_as_shipped(name: str, weights_sha256: str | None) -> bool:
    """Whether a network, as a file's facts name it, is of the zoo, with built-in weights or random ones."""
    plain = re.sub(r"_os\d+$", "", name)  # As a network of the zoo of another output stride is called.
    if plain not in names() or weights_sha256 is None:
        return plain in names()
    built_in = card(plain).weights
    return built_in is not None and sha256((_BUILT_IN / built_in).read_bytes()).hexdigest() == weights_sha256


def build(
    name: str,
    classes: int = 19,
    weights: str | Path | None = None,
    size: Size | str | None = None,
    *,
    backbone: str | Path | None = None,
    **options: Any,
) -> Any:
    """A network of the zoo: an `nn.Module` in eval mode, or a `keras.Model`.

    Args:
        name: One of `names()`.
        classes: Number of logits a pixel.
        weights: A file, or a TensorFlow checkpoint by its prefix; `random` for seeded random weights; `builtin` for
            those that come with edgeseg; None for the built-in ones where there are any for this number of classes,
            else random.
        size: Input size, or `HxW`, of a Keras network; by default its card's. A PyTorch network takes any that it can.
        backbone: A file of torchvision's ImageNet weights, which the backbone starts from; the rest of the network is
            random.
        options: Further arguments of the network's builder, such as `aux=True`, `output_stride=8` or
            `cell="cell.json"`.

    Raises:
        InputError: An unknown name or option, or weights that cannot be read or do not fit.
        MissingDependency: The network's framework is not installed.
    """
    _check_text(name)
    if not isinstance(classes, Integral) or not 2 <= classes <= _MOST_CLASSES:
        raise InputError(f"{classes!r} classes: a network has 2 to {_MOST_CLASSES}, a whole number")
    if backbone is not None and weights not in (None, "random"):
        raise InputError(f"{name}: either weights or a backbone to start from; give one of the two")
    stem, about = _declared(name)
    ours = adapter(about.framework)
    module = registry.load(_ZOO, stem)
    if about.framework == "keras":
        options["size"] = Size.of(size) or about.size
    builder = getattr(module, name)
    if unknown := options.keys() - inspect.signature(builder).parameters.keys():
        raise InputError(f"{name} has no {' or '.join(sorted(unknown)).replace('_', ' ')} to choose; leave it out")
    network = ours.seeded(lambda: builder(classes, **options))
    if backbone is not None:
        _weights().load_backbone(network, Path(backbone))
    elif (path := _weights_path(about, classes, weights)) is not None:
        renamed, heads = getattr(module, "RENAMED", {}), getattr(module, "TRAINING_ONLY", ())
        _weights().load_into(network, path, classes=classes, renamed=renamed, ignored=heads)
    return network


def load(
    source: str,
    *,
    classes: int | None = None,
    weights: str | Path | None = None,
    size: Size | str | None = None,
    normalization: Normalization | None = None,
    backbone: str | Path | None = None,
    **options: Any,
) -> Model:
    """A network with what is needed to feed and to read it.

    Args:
        source: A zoo name, `smp:DECODER:ENCODER`, `timm:NAME`, `package.module:callable`, a .keras file or a
            SavedModel folder.
        classes: Number of classes: of a network to build, or to expect of the user's own.
        weights: As for `build`; to the user's own network, a file to fill it from.
        size: Input size, or `HxW`; by default the network's own.
        normalization: Of the pixels; by default the card's, or ImageNet's.
        backbone: As for `build`; networks of the zoo alone have it.
        options: As for `build`; networks of the zoo alone have them.

    Raises:
        InputError: Something that is not there, cannot be read or does not fit.
    """
    _check_text(source)
    size = Size.of(size)
    if source in names():
        return _load_zoo(source, classes, weights, size, normalization, backbone, options)
    check_name(source)
    if backbone is not None:
        raise InputError(f"{source} is not of the zoo; give weights for it, not a backbone")
    if options:
        chosen = " or ".join(sorted(options)).replace("_", " ")
        raise InputError(f"{source} is not of the zoo; build it with the {chosen} that it is to have")
    if third_party.is_third_party(source):
        network = third_party.open_network(source, classes or 19, size)
        return _describe(network, source, classes, weights, size, normalization)
    network = user.open_network(source, size)
    return _describe(network, name_of(source), classes, weights, size, normalization)


def name_of(source: str) -> str:
    """What the network is called that `load` gives."""
    if source in names() or third_party.is_third_party(source):
        return source
    return source if ":" in source else Path(source).stem


def check_name(source: str) -> None:
    """Raise InputError, with the nearest names, for what is neither of the zoo nor in a form that `load` takes."""
    if source.lower().endswith((".onnx", ".tflite")):
        raise InputError(f"{source}: a finished file, where a network is wanted; quantize and bench take files")
    if source in names() or third_party.is_third_party(source):
        return
    user.check_form(source)
    if not user.is_user_model(source):
        raise registry.suggest("model", source, names())


def as_model(thing: Any, *, classes: int | None = None, size: Size | None = None) -> Model:
    """What `load` takes, or a network itself; a Model is returned as it is. See `load`."""
    if isinstance(thing, Model):
        return thing
    if isinstance(thing, str | Path):
        return load(str(thing), classes=classes, size=size)
    if framework_of(thing) is None:
        raise InputError(f"a {type(thing).__name__} is no model; give a name, a torch.nn.Module or a keras.Model")
    name = thing.name if framework_of(thing) == "keras" else type(thing).__name__.lower()
    return _describe(thing, name, classes, None, size, None)


def unchanged(thing: Any) -> AbstractContextManager[None]:
    """Leaves a network that somebody else made, or that a Model holds, in the mode that it is in."""
    network = thing.network if isinstance(thing, Model) else thing
    framework = framework_of(network)
    kept: AbstractContextManager[None] = adapter(framework).unchanged(network) if framework else nullcontext()
    return kept


def _check_text(name: object) -> None:
    if not isinstance(name, str):
        raise InputError(f"model of type {type(name).__name__}: give its name as text, such as fastscnn")


def _declared(name: str) -> tuple[str, Card]:
    known = registry.declarations(_ZOO, Card)
    if name not in known:
        raise registry.suggest("model", name, list(known))
    return known[name]


def _weights() -> Any:
    return registry.load("edgeseg.models", "weights", extra="torch", why="reading and writing weights")


def _weights_path(about: Card, classes: int, wanted: str | Path | None) -> Path | None:
    if wanted == "random":
        return None
    if wanted not in (None, "builtin"):
        return _file(wanted)
    if about.weights is not None and classes == about.classes:
        return _BUILT_IN / about.weights
    if wanted is None:
        return None
    have = f"are for {about.classes} classes, not {classes}" if about.weights else "do not exist"
    raise InputError(f"built-in weights of {about.name} {have}; give a file, or random")


def _file(weights: str | Path | None) -> Path:
    if not str(weights):
        raise InputError("weights: the name of the file is empty; give a file, or random")
    return Path(str(weights))


def _load_zoo(
    name: str,
    classes: int | None,
    weights: str | Path | None,
    size: Size | None,
    normalization: Normalization | None,
    backbone: str | Path | None,
    options: dict[str, Any],
) -> Model:
    about = card(name)
    classes, size = classes or about.classes, size or about.size
    path = None if backbone else _weights_path(about, classes, weights)
    network = build(name, classes, weights, size, backbone=backbone, **options)
    return Model(
        name=_called(name, **options),
        framework=about.framework,
        network=network,
        classes=class_names(classes),
        normalization=normalization or about.normalization,
        size=size,
        params=adapter(about.framework).params(network),
        weights_sha256=_weights().sha256(path) if path else None,
        card=about,
    )


def _called(name: str, output_stride: int | None = None, cell: str | Path | None = None, **others: Any) -> str:
    """A name that tells networks of unlike choices apart."""
    stride = f"_os{output_stride}" if output_stride else ""
    return f"{name}{stride}{f'_{Path(cell).stem}' if cell else ''}"


def _describe(
    network: Any,
    name: str,
    classes: int | None,
    weights: str | Path | None,
    size: Size | None,
    normalization: Normalization | None,
) -> Model:
    framework = framework_of(network)
    assert framework is not None
    if weights == "builtin":
        raise InputError(f"{name} is not of the zoo and has no built-in weights; give a file")
    path = None if weights in (None, "random") else _file(weights)
    if path is not None:
        adapter(framework).complete(network, size)
        _weights().load_into(network, path)
    whole, found, size = adapter(framework).describe(network, size)
    if found > _MOST_CLASSES:
        raise InputError(f"{name} has {found} classes, and labels of a byte tell {_MOST_CLASSES} apart")
    if classes not in (None, found):
        raise InputError(f"{name} has {found} classes, not {classes}")
    return Model(
        name=name,
        framework=framework,
        network=whole,
        classes=class_names(found),
        normalization=normalization or Normalization(),
        size=size,
        params=adapter(framework).params(whole),
        weights_sha256=_weights().sha256(path) if path else None,
        float32_copy=whole is not network,
    )
