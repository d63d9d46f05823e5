"""What is said of a MODEL is said to one that takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.core.errors import InputError
from edgeseg.core.source import Source
from edgeseg.pipeline.sources import check, check_apart
from tests.small import small_onnx

BLACK = (0.0, 0.0, 0.0)


def test_one_model_that_takes_it_is_enough(tmp_path: Path, workspace: Path) -> None:
    ours, theirs = str(workspace / "fastscnn_64x128_fp32.onnx"), str(small_onnx(tmp_path / "theirs.onnx"))
    for targets in ([theirs], [ours, theirs], ["fastscnn"], ["fastscnn", ours]):
        check([Source(target, mean=BLACK, classes=19) for target in targets])
    check([Source(target, weights="random", layout="NCHW") for target in ("fastscnn", theirs)])
    check([Source(target) for target in (ours, theirs)])
    for source in (Source(theirs, weights="random"), Source(ours, mean=BLACK), Source("fastscnn", align_corners=False)):
        with pytest.raises(InputError, match=rf"^{source.target}: there is nothing for --"):
            check([source])
    with pytest.raises(InputError, match=r"^2 models: there is nothing for --std to do"):
        check([Source(ours, std=BLACK), Source(ours, std=BLACK)])


@pytest.mark.parametrize("targets", [("a/net.keras", "b/net.keras"), ("a/net.onnx", "b/net_fp32.onnx")])
def test_two_that_would_overwrite_each_other_are_refused(targets: tuple[str, str]) -> None:
    with pytest.raises(InputError, match=rf"^{targets[0]} and {targets[1]}: files of the same name"):
        check_apart([Source("fastscnn"), *map(Source, targets)])
    with pytest.raises(InputError, match=r"^fastscnn: given twice"):
        check_apart([Source("fastscnn"), Source("fastscnn")])
    check_apart([Source("net.onnx"), Source("net.tflite"), Source("mine:build"), Source("other:build")])
