"""Ctrl-C as a way to end calibration rather than the command."""

from __future__ import annotations

import signal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from edgeseg.cli.console import warn

if TYPE_CHECKING:
    from edgeseg.core.protocols import Progress

__all__ = ["EndByCtrlC"]


class EndByCtrlC:
    """While entered, the first Ctrl-C between calibration images ends calibration; any other stops everything."""

    def __init__(self, show: Progress) -> None:
        self._show = show
        self._done = 0
        self._total = 0
        self._asked = self._told = False
        self._before: Any = None

    def progress(self, what: str, done: int, total: int) -> None:
        """A Progress, passed on to the one given."""
        if what == "calibrate":
            self._done, self._total = done, total
        self._show(what, done, total)

    def enough(self) -> bool:
        """Whether Ctrl-C was pressed, which is then told in one line on standard error."""
        if self._asked and not self._told:
            self._told = True
            warn(f"edgeseg: calibration ended after {self._done} of {self._total} images; quantizing with those")
        return self._asked

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is signal.default_int_handler:  # What a shell starts in the background stays deaf to it.
            signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _interrupt(self, *_: Any) -> None:
        if self._asked or not 0 < self._done < self._total:
            raise KeyboardInterrupt
        self._asked = True
