from __future__ import annotations

import json
import subprocess
import sys

from edgeseg.bench.times.environment import environment
from edgeseg.core.cpu import int8_features


def test_everything_is_plain_json() -> None:
    found = environment(threads=3)
    assert json.loads(json.dumps(found)) == found
    assert found["threads"] == 3
    assert found["libraries"]["numpy"]
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["int8_features"] == list(int8_features().present)


def test_no_library_is_imported_for_its_version() -> None:
    code = (
        "import sys, edgeseg.bench.times.environment as e; e.environment(1); print({'torch', 'PIL'} & {*sys.modules})"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
