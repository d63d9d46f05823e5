"""The user's own networks: code, a .keras file or a SavedModel folder."""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from edgeseg.core import registry
from edgeseg.core.errors import EdgesegError, InputError, first_line
from edgeseg.core.types import Size
from edgeseg.models.adapters import adapter, framework_of

__all__ = ["check_form", "is_user_model", "open_network"]

_CHECKPOINTS = (".pth", ".pt", ".ckpt", ".bin", ".tar", ".safetensors")
_OLDER_KERAS = (".h5", ".hdf5")


def is_user_model(text: str) -> bool:
    """Whether a MODEL is in one of the forms read here, be it there or not."""
    return ":" in text or text.endswith(".keras") or Path(text).is_dir()


def check_form(text: str) -> None:
    """Raise InputError, with what would work, for a file of code or of weights in the place of a network."""
    file, _, name = text.partition(":")
    path = Path(file)
    if path.is_dir():
        return
    match path.suffix.lower():
        case ".py":
            apart = path.is_absolute() or ".." in path.parts
            module = path.stem if apart else ".".join(path.with_suffix("").parts)
            where = f", in the folder {path.parent}" if apart else ""
            raise InputError(f"{text}: a file, where a module is wanted; give {module}:{name or 'CALLABLE'}{where}")
        case suffix if suffix in _CHECKPOINTS:
            remedy = f"give NETWORK --weights {text}, NETWORK being a zoo name or package.module:callable"
            raise InputError(f"{text}: a checkpoint needs its network's code; {remedy}")
        case suffix if suffix in _OLDER_KERAS:
            raise InputError(f"{text}: Keras' older format; load it in Keras, save it as .keras and give that file")


def open_network(text: str, size: Size | None = None) -> Any:
    """The network that `package.module:callable`, a .keras file or a SavedModel folder stands for.

    `size` decides the input size of a SavedModel that leaves it open. Raises InputError.
    """
    path = Path(text)
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise InputError(f"{path}: no SavedModel, since it has no saved_model.pb")
        return adapter("keras").open_saved_model(path, size)
    if text.endswith(".keras"):
        if not path.is_file():
            raise InputError(f"{path}: no such file; give the path of a saved Keras model")
        return adapter("keras").open_file(path)
    with _current_folder_importable():
        return _from_code(text)


def _from_code(text: str) -> Any:
    module_name, _, attribute = text.partition(":")
    module = _import(text, module_name)
    found = getattr(module, attribute, None)
    if found is None:
        raise registry.suggest(f"name in {module_name}", attribute, [n for n in vars(module) if not n.startswith("_")])
    if framework_of(found) is None and callable(found):
        try:
            with _seeded(), _named_anew(), _without_arguments(module_name):
                found = found()
        except EdgesegError:
            raise
        except SystemExit as error:
            raise InputError(f"{text}() ends the program; it must build a network without arguments") from error
        except Exception as error:
            what = f"{type(error).__name__}: {first_line(error)}"
            raise InputError(f"{text}() failed with {what}; it must build a network without arguments") from error
    if framework_of(found) is None:
        raise InputError(f"{text} gives a {type(found).__name__}, which is neither a torch.nn.Module nor a keras.Model")
    return found


@contextmanager
def _seeded() -> Iterator[None]:
    """What draws random weights draws the same every time, so that all formats hold one network."""
    state = random.getstate()
    random.seed(0)  # Keras draws the seeds of its initializers from here.
    torch = sys.modules.get("torch")
    try:
        with torch.random.fork_rng(devices=[]) if torch else nullcontext():
            if torch:
                torch.manual_seed(0)
            yield
    finally:
        random.setstate(state)


def _named_anew() -> AbstractContextManager[None]:
    """What names its layers itself names them the same every time, so that weights are found by name."""
    return adapter("keras").named_anew() if "keras" in sys.modules else nullcontext()


@contextmanager
def _without_arguments(name: str) -> Iterator[None]:
    """Those of the process are edgeseg's, and none of a script's that reads its own."""
    given = sys.argv
    sys.argv = [name]
    try:
        yield
    finally:
        sys.argv = given


def _import(text: str, module_name: str) -> Any:
    try:
        with _without_arguments(module_name):
            return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            remedy = "run edgeseg in the folder that holds it, or install it"
            raise InputError(f"{text}: there is no module {error.name}; {remedy}") from error
        raise InputError(f"{text}: its code needs the module {error.name}, which is not installed") from error
    except EdgesegError:
        raise
    except SystemExit as error:
        remedy = 'let it do so only under `if __name__ == "__main__"`'
        raise InputError(f"{text}: importing it ends the program, as a script does; {remedy}") from error
    except Exception as error:
        raise InputError(f"{text}: importing it failed with {type(error).__name__}: {first_line(error)}") from error


@contextmanager
def _current_folder_importable() -> Iterator[None]:
    """Before all else in here, and afterwards behind it, for what the network imports when it runs."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        if folder not in sys.path:
            sys.path.append(folder)
