"""Converters that print from C are kept quiet."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from edgeseg.core.quiet import quiet


def test_nothing_reaches_the_terminal() -> None:
    code = (
        "import logging, os\n"
        "from edgeseg.core.quiet import quiet\n"
        "print('before')\n"
        "with quiet():\n"
        "    os.write(1, b'from C')\n"
        "    os.write(2, b'to standard error')\n"
        "    print('from Python')\n"
        "    logging.getLogger('converter').warning('chatter')\n"
        "print('after')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("before\nafter\n", "")


def test_everything_is_let_through_for_debugging(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "edgeseg"), quiet():
        os.write(2, b"the reason\n")
    assert capfd.readouterr().err == "the reason\n"


def test_a_failure_gives_the_terminal_back(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), quiet():
        raise RuntimeError
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "after\n"
