"""The command line: parses, calls the pipeline, prints."""

from __future__ import annotations

import os
import signal
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from edgeseg.cli import bench, compare, data, doctor, export, gate, models, quantize, run, train
from edgeseg.cli.console import warn
from edgeseg.core.errors import EdgesegError, first_line

__all__ = ["app", "main"]

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What the parser raises: click's own class, or that of the copy of click that newer versions of typer carry."""

_INTERRUPTED = 130
"""What newer versions of typer return after Ctrl-C, where older ones raise Abort."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Export, int8-quantize and benchmark semantic-segmentation networks for edge devices.",
)
for command in (export, quantize, bench, compare, gate, run, train, models, data, doctor):
    command.add_to(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"edgeseg {version('edgeseg')}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and what converters print.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if debug:
        import logging

        logging.basicConfig(level=logging.WARNING)
        logging.getLogger("edgeseg").setLevel(logging.DEBUG)


def main() -> None:
    """Run the command line; ends the process with 0, 1 (work failed) or 2 (input cannot be used).

    A gate ends with 2 whatever goes wrong, for its 1 is a regression.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # A CI job that is cancelled stops as by Ctrl-C.
    if isinstance(sys.stdout, TextIOWrapper):  # Or a name that the terminal has no letters for is an error.
        sys.stdout.reconfigure(errors="backslashreplace")
    debug = "--debug" in sys.argv
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    failed = 2 if command == "gate" else 1
    try:
        code = app(standalone_mode=False)
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
    except _UsageError as error:
        code = _report(_usage(error), error, debug, 2)
    except (KeyboardInterrupt, typer.Abort):
        warn("edgeseg: stopped; files that were written are whole, what was unfinished was left out")
        code = failed
    except EdgesegError as error:
        code = _report(str(error), error, debug, max(error.exit_code, failed))
    except (BrokenPipeError, SystemExit):  # Nobody reads what is printed, for which the parser and rich exit with 1.
        code = failed
    except Exception as error:
        message = f"{type(error).__name__}: {first_line(error)}; please report this with the output of --debug"
        code = _report(message, error, debug, failed)
    sys.exit(code)


def _usage(error: Exception) -> str:
    message = getattr(error, "format_message", error.__str__)().replace("Value error, ", "").rstrip(" .")
    return f"{message}; see edgeseg --help"


def _report(message: str, error: BaseException, debug: bool, code: int) -> int:
    if debug:
        import traceback

        traceback.print_exception(error)
    warn(f"edgeseg: {message}")
    return code
