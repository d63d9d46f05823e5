"""Mixed precision on a budget, on a network of which one layer does not survive int8."""

from __future__ import annotations

import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeseg import data
from edgeseg.bench.profiles.operators import Profile
from edgeseg.bench.times.contest import Contest
from edgeseg.core.container import read_facts, write_facts
from edgeseg.core.errors import InputError, QuantizeError
from edgeseg.core.protocols import Keep, Recipe
from edgeseg.core.types import Artifact, Facts, InputFacts, Normalization, OutputFacts, Size
from edgeseg.data.images import write_png
from edgeseg.data.unlabelled import as_dataset
from edgeseg.pipeline.worth.again import Again
from edgeseg.pipeline.worth.fidelity import sqnr_db
from edgeseg.pipeline.worth.mixing import Budget, Mixture, mix
from edgeseg.pipeline.worth.sensitivity import measure_layers, noise, scores_of
from edgeseg.pipeline.worth.verdict import Verdict
from tests.quantize import nets

SIZE = Size(32, 64)


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Classes by colour. `mixed` adds a thousand times the red of a pixel to its colours, which `parted` takes away."""
    dataset = data.open_dataset("scenes", size=SIZE, limit=8)
    facts = Facts("fragile", "onnx", "fp32", InputFacts(SIZE), OutputFacts("logits", SIZE), dataset.classes)
    norm = facts.input.normalization
    pixels = np.concatenate([(image / 255 - norm.mean) / norm.std for image, _ in dataset]).reshape(-1, 3)
    labels = np.concatenate([label for _, label in dataset]).reshape(-1)
    means = np.array([pixels[labels == k].mean(0) if (labels == k).any() else [9] * 3 for k in range(19)])
    red = np.array([[1000.0, 0, 0]])
    weights = {
        "mixed": np.concatenate([np.eye(3) + red, red]),
        "parted": np.concatenate([np.eye(3), -np.ones((3, 1))], 1),
        "logits": 2 * means,
    }
    nodes, given, constants = [], "image", []
    for name, weight in weights.items():
        bias = -np.square(means).sum(1) if name == "logits" else np.zeros(len(weight))
        for kind, value in (("weight", weight[:, :, None, None]), ("bias", bias)):
            constants.append(numpy_helper.from_array(value.astype(np.float32), f"{name}.{kind}"))
        nodes.append(helper.make_node("Conv", [given, f"{name}.weight", f"{name}.bias"], [name], f"node_{name}"))
        given = name
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, count, 32, 64])
        for name, count in (("image", 3), ("logits", 19))
    ]
    path = tmp_path_factory.mktemp("fragile") / "fragile_fp32.onnx"
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    write_facts(path, facts)
    return Artifact(path, facts)


@pytest.fixture(scope="module")
def again(fragile: Artifact) -> Again:
    return Again(fragile, "scenes", Recipe(), 4, None, Keep(fragile.path.with_name("seen.npz"), add=True))


@pytest.fixture(scope="module")
def once(again: Again) -> tuple[Path, Mixture]:
    """What was found for a budget of one point, and the file that keeps it."""
    known = again.source.path.with_name("known.json")
    return known, mix(again, Budget(1.0, "scenes", 4), known, 1)


@pytest.fixture
def known(once: tuple[Path, Mixture], tmp_path: Path) -> Path:
    """A copy of that file."""
    return Path(shutil.copy(once[0], tmp_path))


def as_if_float_were_better(known: Path) -> None:
    values = json.loads(known.read_text())
    (miou,) = (what for what in values["found"]["float"] if what.startswith("mIoU % on 4 images of scenes"))
    values["found"]["float"][miou] = 99.0
    known.write_text(json.dumps(values))


def test_the_fewest_layers_that_keep_the_budget_and_nothing_twice(again: Again, once, known: Path) -> None:
    _, found = once
    assert 1 <= found.count < len(found.layers) == 3
    assert {layer.name for layer in found.layers[: found.count]} <= {"mixed", "parted"}
    assert found.cost.drop_points <= 1
    assert found.cost.sqnr_db is None
    worst = min(found.layers, key=lambda layer: layer.sqnr_db)
    assert worst.name == "mixed"
    before = known.read_bytes()
    repeated = mix(again, Budget(1.0, "scenes", 4), known, 1)
    assert (repeated.layers, repeated.count, repeated.evaluations) == (found.layers, found.count, 0)
    assert known.read_bytes() == before
    wide = mix(again, Budget(100.0, "scenes", 4), known, 1)
    assert (wide.count, wide.evaluations) == (0, 0)
    other = mix(again.without(["mixed"]), Budget(100.0, "scenes", 4), known, 1)
    assert other.evaluations == 2


def test_budgets_that_cannot_be(again: Again, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a drop of -1 points"):
        mix(again, Budget(-1, "scenes"), tmp_path / "known.json", 1)
    (tmp_path / "known.json").write_text("{")
    with pytest.raises(InputError, match=r"known.json: cannot be read to go on from; delete it"):
        mix(again, Budget(1, "scenes"), tmp_path / "known.json", 1)


def test_it_is_measured_on_the_data_of_calibration_unless_told(again: Again, tmp_path: Path) -> None:
    write_png(tmp_path / "images" / "a.png", np.zeros((32, 64, 3), np.uint8))
    write_png(tmp_path / "masks" / "a.png", np.zeros((32, 64), np.uint8))
    (tmp_path / "classes.txt").write_text("\n".join(again.source.facts.classes))
    ours = replace(again, samples=f"folder:{tmp_path}")
    cost = mix(ours, Budget(100.0), tmp_path / "known.json", 1).cost
    assert cost.data == ours.samples
    assert str(cost).endswith(f"points on {ours.samples}")
    assert mix(ours, Budget(100.0, "scenes", 2), tmp_path / "known.json", 1).cost.data == "scenes"
    in_memory = replace(again, samples=as_dataset([np.zeros((32, 64, 3), np.uint8)]))
    with pytest.raises(InputError, match="drop within 100 points on images in memory: give the budget the name of"):
        mix(in_memory, Budget(100.0), tmp_path / "known.json", 1)


def test_labels_of_other_classes_are_refused_and_changed_ones_measured_anew(
    again: Again, known: Path, tmp_path: Path
) -> None:
    def write(root: Path, classes: tuple[str, ...], label: int) -> str:
        write_png(root / "images" / "a.png", np.zeros((32, 64, 3), np.uint8))
        write_png(root / "masks" / "a.png", np.full((32, 64), label, np.uint8))
        (root / "classes.txt").write_text("\n".join(classes))
        return f"folder:{root}"

    other = write(tmp_path / "other", ("ground", "sky"), 1)
    with pytest.raises(InputError, match=r"other: 2 classes, but fragile was made for 19; give --data"):
        mix(again, Budget(100.0, other), known, 1)
    same = tmp_path / "same"
    budget = Budget(100.0, write(same, again.source.facts.classes, 0))
    assert [mix(again, budget, known, 1).evaluations for _ in range(2)] == [2, 0]
    write(same, again.source.facts.classes, 2)
    os.utime(same / "masks" / "a.png", (1, 1))
    assert mix(again, budget, known, 1).evaluations == 2
    facts = replace(
        again.source.facts, input=replace(again.source.facts.input, normalization=Normalization((0.5,) * 3))
    )
    elsewise = replace(again, source=Artifact(again.source.path, facts), keep=None)
    assert mix(elsewise, budget, known, 1).evaluations == 2


def test_figures_of_another_calibration_are_measured_anew(again: Again, known: Path, tmp_path: Path) -> None:
    keep = Keep(tmp_path / "dark.npz", add=True)
    dark = replace(again, samples=as_dataset([np.zeros((32, 64, 3), np.uint8)]), keep=keep)
    dark((), tmp_path / "dark.onnx")
    budget = Budget(100.0, "scenes", 4)
    assert mix(replace(again, keep=replace(keep, add=False)), budget, known, 1).evaluations == 2


def test_a_budget_goes_on_with_the_images_that_calibration_saw(again: Again, known: Path, tmp_path: Path) -> None:
    done = list[int]()
    keep = Keep(tmp_path / "seen.npz", add=True, lasting=False)
    few = replace(again, keep=keep, enough=lambda: len(done) > 2)

    def progress(what: str, images: int, total: int) -> None:
        done.extend([images] * (what == "calibrate"))

    budget = Budget(100.0, "scenes", 4, min_sqnr_db=0)
    found = mix(few, budget, known, 1, progress)
    assert found.evaluations == 2
    assert done[-1] == 2
    int8, _ = replace(again, keep=keep)(found.floating, tmp_path / "few.onnx")
    assert str(int8.facts.calibration) == "2 images of scenes"
    expected, given = (scores_of(each, again, 1, 2) for each in (again.source, int8))
    assert found.cost.sqnr_db == pytest.approx(sqnr_db(expected, given))
    assert mix(again, budget, known, 1).evaluations == 2


def test_costs_of_another_number_of_threads_are_measured_anew(again: Again, known: Path) -> None:
    assert [mix(again, Budget(100.0, "scenes", 4), known, 2).evaluations for _ in range(2)] == [2, 0]


def test_a_budget_that_no_file_keeps(again: Again, known: Path) -> None:
    as_if_float_were_better(known)
    with pytest.raises(QuantizeError, match=r"keeps the drop within 1 points; the best found, with 2 layers in float"):
        mix(again, Budget(1.0, "scenes", 4), known, 1)


def test_a_budget_of_noise_needs_no_labels(again: Again, known: Path) -> None:
    found = mix(again, Budget(None, "no such data", min_sqnr_db=25), known, 1)
    assert 1 <= found.count < 3
    assert found.cost.drop_points is None
    assert found.cost.sqnr_db >= 25
    expected, actual = (scores_of(each, again, 1) for each in (again.source, _int8(again, found, known.parent)))
    each_image = [-10 * np.log10(noise([one], [other])) for one, other in zip(expected, actual, strict=True)]
    assert min(each_image) == pytest.approx(found.cost.sqnr_db)
    assert max(each_image) > found.cost.sqnr_db
    both = mix(again, Budget(1.0, "scenes", 4, min_sqnr_db=25), known, 1)
    assert both.cost.drop_points <= 1
    assert both.cost.sqnr_db >= 25
    with pytest.raises(QuantizeError, match=r"keeps the SQNR at 150 dB; the best found, with 2 layers in float: SQNR "):
        mix(again, Budget(None, "scenes", min_sqnr_db=150), known, 1)


def _int8(again: Again, found: Mixture, folder: Path) -> Artifact:
    return again(found.floating, folder / "found.onnx")[0]


def test_a_file_without_convolutions_in_int8_is_only_tried(again: Again, tmp_path: Path) -> None:
    floating = again.without(["logits"])
    found = mix(floating, Budget(None, "scenes", min_sqnr_db=25), tmp_path / "known.json", 1)
    assert 1 <= found.count < len(found.layers)
    assert found.cost.sqnr_db >= 25


def test_a_class_map_has_no_noise(again: Again, tmp_path: Path) -> None:
    facts = replace(again.source.facts, output=replace(again.source.facts.output, head="classmap"))
    mapped = replace(again, source=replace(again.source, facts=facts))
    with pytest.raises(InputError, match=r"gives a class map, without scores for --min-sqnr; leave that out"):
        mix(mapped, Budget(None, "scenes", min_sqnr_db=9), tmp_path / "known.json", 1)


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_layers_cover_the_network_in_either_format(tmp_path: Path, format: str) -> None:
    source = nets.artifact(tmp_path, format)
    data_ = data.open_dataset("scenes", size=nets.SIZE, limit=2)
    again = Again(source, data_, Recipe(), 2, None, Keep(tmp_path / "seen.npz", add=True))
    empty = Profile("net", "some", 1, 1, 1.0, ())
    verdict = Verdict(Contest((1.0, 1.0), (1.0, 1.0)), empty, empty)
    layers = measure_layers(again, verdict, 1, lambda what, done, total: None)
    assert len(layers) == {"onnx": 7, "tflite": 6}[format]
    assert all(0 < layer.noise < 0.1 and layer.cost_ms > 0 for layer in layers)
    tensors = [tensor for layer in layers for tensor in layer.tensors]
    assert len(tensors) == len(set(tensors))


def test_min_sqnr_on_the_command_line(cli, tmp_path: Path, fragile: Artifact) -> None:
    command = ("quantize", "--int8", fragile.path, "--samples", "4", "--threads", "1", "--no-profile")
    command = (*command, "--calibration", "seen.npz", "--min-sqnr")
    done = cli(*command, "25")
    assert done.returncode == 0, done.stderr
    assert "dB at the scores of the worst image with" in done.stdout
    assert "of 3 layers in float" in done.stdout
    facts = read_facts(tmp_path / "edgeseg-out" / "fragile_int8.onnx")
    assert facts is not None
    assert "left in float" in str(facts.recipe)
    done = cli(*command, "150")
    assert done.returncode == 2
    assert "seen.npz: holds no images, which --min-sqnr needs; name them with --data" in done.stderr
    done = cli(*command, "150", "--data", "scenes")
    assert done.returncode == 1
    assert "no int8 file keeps the SQNR at 150 dB" in done.stderr


def test_max_drop_on_the_command_line(cli, tmp_path: Path, fragile: Artifact) -> None:
    command = ("quantize", "--int8", fragile.path, "--samples", "4", "--images", "4", "--threads", "1", "--no-profile")
    done = cli(*command, "--max-drop", "1")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "edgeseg-out"
    facts = read_facts(out / "fragile_int8.onnx")
    assert facts is not None
    assert "left in float" in str(facts.recipe)
    rows = list(csv.DictReader((out / "fragile_int8.onnx.layers.csv").read_text().splitlines()))
    assert sorted(row["layer"] for row in rows) == ["logits", "mixed", "parted"]
    assert {row["precision"] for row in rows} == {"float", "int8"}
    assert "of 3 layers in float" in done.stdout
    known = out / "fragile_int8.onnx.sensitivity.json"
    elsewhere = cli(*command[:2], "--float", "mixed", *command[2:], "--max-drop", "100")
    assert "wholly in int8" in elsewhere.stdout
    assert not list(out.glob("*.layers.*"))
    assert cli(*command, "--max-drop", "1").returncode == 0
    as_if_float_were_better(known)
    written = (out / "fragile_int8.onnx").read_bytes()
    done = cli(*command, "--max-drop", "1")
    assert done.returncode == 1
    assert "no int8 file keeps the drop within 1 points" in done.stderr
    assert (out / "fragile_int8.onnx").read_bytes() == written
