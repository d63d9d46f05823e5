from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import edgeseg
from edgeseg import models
from edgeseg.core import registry
from edgeseg.core.errors import InputError, MissingDependency
from edgeseg.core.types import Size

SMALL = Size(64, 128)
MODELS = ("smp:unet:resnet18", "timm:mobilenetv3_large_100")


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not registry.installed(package), reason=f"{package} is not installed")


needs_smp, needs_timm = needs("segmentation_models_pytorch"), needs("timm")


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose packages are found before those that are installed."""
    for name in ("timm", "torchvision", "segmentation_models_pytorch"):
        for loaded in [loaded for loaded in sys.modules if loaded.partition(".")[0] == name]:
            monkeypatch.delitem(sys.modules, loaded)
        (tmp_path / f"{name}.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", MODELS)
def test_refused_where_it_is_not_installed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = {"smp": "segmentation_models_pytorch", "timm": "timm"}[text.partition(":")[0]]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependency) as error:
        models.load(text)
    assert str(error.value) == f"{text} needs the package {package}: pip install 'edgeseg[smp]'"


@pytest.mark.parametrize("text", MODELS)
def test_refused_without_torchvision(text: str, stand_ins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(MissingDependency, match=r"needs the package torchvision: pip install 'edgeseg\[smp\]'"):
        models.load(text)


@pytest.mark.parametrize("text", MODELS)
def test_refused_where_the_import_fails(text: str, stand_ins: Path) -> None:
    (stand_ins / "torchvision.py").write_text("raise RuntimeError('built for another PyTorch\\nsecond line')")
    with pytest.raises(InputError, match="failed with RuntimeError: built for another PyTorch; install") as error:
        models.load(text)
    assert str(error.value).startswith(text)
    assert "\n" not in str(error.value)


def test_torchvision_without_its_operators(stand_ins: Path) -> None:
    (stand_ins / "torchvision.py").write_text(
        "from torch import library\n"
        "for operator in ('nms', 'qnms'):\n"
        "    library.register_fake(f'torchvision::{operator}')(lambda boxes, scores, threshold: scores)\n"
    )
    code = "from edgeseg.models.third_party.torchvision import prepare; prepare(); prepare(); import torchvision"
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={"PYTHONPATH": f"{stand_ins}:{Path(edgeseg.__file__).parents[1]}"}
    )


@pytest.mark.parametrize("text", MODELS)
def test_it_has_no_card(text: str) -> None:
    with pytest.raises(InputError, match="comes from another package and has no card"):
        models.card(text)


@needs_smp
@pytest.mark.parametrize(
    ("decoder", "params_millions"),
    [
        ("deeplabv3", 15.90),
        ("deeplabv3plus", 12.33),
        ("fpn", 13.05),
        ("linknet", 11.66),
        ("manet", 21.68),
        ("pan", 11.37),
        ("pspnet", 11.41),
        ("unet", 14.33),
        ("unetplusplus", 15.97),
    ],
)
def test_decoders_of_smp(decoder: str, params_millions: float) -> None:
    model = models.load(f"smp:{decoder}:resnet18", size=Size(128, 128))
    assert model.name == f"smp:{decoder}:resnet18"
    assert (len(model.classes), model.classes[0], model.network.training) == (19, "road", False)
    assert model.params is not None
    assert round(model.params / 1e6, 2) == params_millions


@needs_timm
@pytest.mark.parametrize(
    "name",
    [
        "mobilenetv3_large_100",
        "resnet18.a1_in1k",
        "swin_tiny_patch4_window7_224",  # channels last, built for one size
        "vit_tiny_patch16_224",  # one stride only
        "xcit_nano_12_p16_224",  # said to be of one size, but without an option for it
        "efficientvit_m0",  # coarse maps only
    ],
)
def test_backbones_of_timm(name: str) -> None:
    model = models.load(f"timm:{name}", classes=5, size=Size(128, 256))
    assert (model.name, len(model.classes), model.size) == (f"timm:{name}", 5, Size(128, 256))
    with torch.inference_mode():
        assert model.network(torch.rand(2, 3, 128, 256)).shape == (2, 5, 128, 256)


@needs_smp
@pytest.mark.parametrize("text", MODELS)
def test_the_same_weights_every_time_or_those_of_a_file(text: str, tmp_path: Path) -> None:
    first, second = (models.load(text, classes=4, size=SMALL) for _ in range(2))
    entries = first.network.state_dict()
    assert all(torch.equal(value, entries[name]) for name, value in second.network.state_dict().items())
    path = tmp_path / "weights.pth"
    torch.save({name: value + 1 for name, value in entries.items()}, path)
    filled = models.load(text, classes=4, size=SMALL, weights=path)
    assert filled.weights_sha256 is not None
    assert all(torch.equal(value, entries[name] + 1) for name, value in filled.network.state_dict().items())
    with pytest.raises(InputError, match="it looks like a network of 4 classes, and this one has 19"):
        models.load(text, size=SMALL, weights=path)


@needs_smp
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("smp:unet", "give smp:DECODER:ENCODER, for example smp:unet:resnet18"),
        ("smp:unetplus:resnet18", "no decoder of smp 'unetplus'; did you mean unetplusplus"),
        ("smp:unet:resnet17", "no encoder of smp 'resnet17'; did you mean resnet18"),
        ("smp:unet:tu-resnet17", "no encoder of smp 'tu-resnet17'; did you mean tu-resnet18"),
        ("smp:dpt:resnet18", "cannot build it: Only Timm encoders are supported for DPT"),
        ("smp:fpn:resnet18", "FPN fails on an image of 50x70: .* divisible by 32.*; try another --size"),
        ("timm:resnet17", "no model of timm 'resnet17'; did you mean resnet18"),
        ("timm:hf-hub:timm/resnet18", "no model of timm 'hf-hub:timm/resnet18'; "),
        ("timm:resnet18.nobody", "timm cannot build it: Invalid pretrained tag"),
    ],
)
def test_what_cannot_be_built(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as error:
        models.load(text, size=Size(50, 70))
    assert "\n" not in str(error.value)


@needs_smp
@pytest.mark.parametrize(("text", "target"), list(zip(MODELS, ("tflite", "onnx"), strict=True)))
def test_exports(text: str, target: str, tmp_path: Path) -> None:
    artifact = edgeseg.export(text, target, size="64x128", folder=tmp_path)
    assert artifact.path.name == f"{text.replace(':', '.')}_64x128_fp32.{target}"
    assert artifact.facts.model == text
    assert artifact.facts.parity is not None
