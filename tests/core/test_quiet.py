"""Converters that print from C are kept quiet, and what they said is there when they fail."""

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


def test_what_was_said_before_a_failure_is_logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "edgeseg"), pytest.raises(RuntimeError), quiet():
        os.write(2, b"the reason\n")
        raise RuntimeError("no details")
    assert "the reason" in caplog.text
    assert capfd.readouterr().out == ""
