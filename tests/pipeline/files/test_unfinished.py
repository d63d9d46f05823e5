"""What a stopped `quantize` leaves to go on with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.core.container import write_facts
from edgeseg.core.files import atomic_write
from edgeseg.core.protocols import Keep
from edgeseg.core.types import Artifact
from edgeseg.pipeline.files.unfinished import Unfinished
from edgeseg.pipeline.sources import Source, as_artifact
from tests.small import small_onnx


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    made = as_artifact(Source(str(small_onnx(tmp_path / "net.onnx"))))
    write_facts(made.path, made.facts)
    return made


def test_what_was_seen_of_a_file_goes_when_it_is_through(tmp_path: Path, artifact: Artifact) -> None:
    unfinished = stopped(tmp_path, "quantize a", artifact)
    unfinished.put(artifact, artifact)
    assert not unfinished.seen.exists()


def stopped(folder: Path, command: str, artifact: Artifact) -> Unfinished:
    unfinished = Unfinished(folder, command, "images")
    unfinished.put(artifact, artifact)
    atomic_write(unfinished.seen, "seen")
    return unfinished


def test_a_command_forgets_its_own_and_leaves_those_of_others(tmp_path: Path, artifact: Artifact) -> None:
    one, other = (stopped(tmp_path, command, artifact) for command in ("quantize a", "quantize b"))
    one.begin(resume=True)
    assert one.get(artifact) == artifact
    assert one.seen.exists()
    assert replace(one, images="others").get(artifact) is None
    one.begin(resume=False)
    assert one.get(artifact) is None
    other.begin(resume=True)
    assert (other.get(artifact), other.seen.exists()) == (artifact, True)
    other.end()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.onnx"]


def test_nothing_is_gone_on_with_beside_other_labels_another_calibration_file_or_other_threads(
    tmp_path: Path, artifact: Artifact
) -> None:
    keep = Keep(tmp_path / "seen.npz", add=False)
    keep.path.write_bytes(b"seen")
    plain = Unfinished(tmp_path, "quantize a", "images")
    asked = plain.including(keep, "labels", 1)
    asked.put(artifact, artifact)
    assert plain.including(keep, "labels", 1).get(artifact) == artifact
    assert plain.including(keep, "others", 1).get(artifact) is None
    assert plain.including(keep, "labels", 2).get(artifact) is None
    keep.path.write_bytes(b"seen anew")
    assert plain.including(keep, "labels", 1).get(artifact) is None
    assert plain.including(replace(keep, add=True), "labels", 1).get(artifact) is None


def test_a_calibration_file_is_added_to_by_the_command_that_began_it_alone(tmp_path: Path, artifact: Artifact) -> None:
    began, found = Keep(tmp_path / "seen.npz", add=True), Keep(tmp_path / "seen.npz", add=False)
    one, other = (stopped(tmp_path, command, artifact) for command in ("quantize a", "quantize b"))
    assert other.owned(found) == found
    one.begin(resume=True, keep=began)
    assert one.owned(began) == one.owned(found) == began
    assert other.owned(found) == found
    one.begin(resume=True)
    assert one.owned(found) == began
    one.begin(resume=False)
    assert one.owned(found) == found
