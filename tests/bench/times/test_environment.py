from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeseg.bench.times import environment as environment_room
from edgeseg.bench.times.environment import environment
from edgeseg.core.cpu import int8_features, speed_flags


def test_everything_is_plain_json() -> None:
    found = environment(threads=3)
    assert json.loads(json.dumps(found)) == found
    assert found["threads"] == 3
    assert found["libraries"]["numpy"]
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["int8_features"] == list(int8_features().present)
    assert found["cpu_flags"] == list(speed_flags())


def test_the_governor_is_that_of_the_cores_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for core, governor in enumerate(("powersave", "performance", "performance")):
        file = tmp_path / f"cpu{core}" / "cpufreq" / "scaling_governor"
        file.parent.mkdir(parents=True)
        file.write_text(f"{governor}\n")
    monkeypatch.setattr(environment_room, "_CORES", tmp_path)
    told = {}
    for cores in ((0,), (1, 2), (0, 1), (7,)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process, cores=cores: set(cores))
        told[cores] = environment(threads=1)["governor"]
    assert told == {(0,): "powersave", (1, 2): "performance", (0, 1): "mixed", (7,): None}


def test_no_library_is_imported_for_its_version() -> None:
    code = (
        "import sys, edgeseg.bench.times.environment as e; e.environment(1); print({'torch', 'PIL'} & {*sys.modules})"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
