from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeseg.core.errors import InputError, TrainError
from edgeseg.core.types import Framework, Model, Size
from edgeseg.train import TrainOptions, TrainResult, train
from tests.train.tiny import OPTIONS, Squares, model, weights

both = pytest.mark.parametrize("framework", ["torch", "keras"])


def silent(_what: str, _done: int, _total: int) -> None:
    pass


def run(trained: Model, path: Path, options: TrainOptions = OPTIONS) -> TrainResult:
    return train(trained, Squares(), options, path, silent)


class Stop:
    """A progress display that presses Ctrl-C, or sends another signal, at one step."""

    def __init__(self, step: int, number: signal.Signals = signal.SIGINT) -> None:
        self.step, self.number = step, number

    def __call__(self, _what: str, done: int, _total: int) -> None:
        if done == self.step:
            os.kill(os.getpid(), self.number)


@both
def test_the_loss_falls_and_the_network_comes_back_for_inference(framework: Framework, tmp_path: Path) -> None:
    trained = model(framework)
    told: list[tuple[str, int, int]] = []
    result = train(trained, Squares(), OPTIONS, tmp_path / "c.npz", lambda *now: told.append(now))
    assert result.steps == len(result.losses) == OPTIONS.steps
    assert np.mean(result.losses[-5:]) < 0.4 * result.losses[0]
    assert [(done, total) for _, done, total in told] == [(i + 1, OPTIONS.steps) for i in range(OPTIONS.steps)]
    assert told[-1][0].startswith("loss 0.")
    if framework == "torch":
        assert not trained.network.training
    else:
        assert trained.network.layers[1].momentum == 0.999


@both
def test_the_same_seed_gives_the_same_losses(framework: Framework, tmp_path: Path) -> None:
    options = replace(OPTIONS, steps=3)
    first, second = (run(model(framework), tmp_path / name, options).losses for name in ("a.npz", "b.npz"))
    assert first == pytest.approx(second, rel=0 if framework == "torch" else 1e-5)
    assert run(model(framework), tmp_path / "c.npz", replace(options, seed=5)).losses[0] != first[0]


def test_what_is_terminated_is_kept_too(tmp_path: Path) -> None:
    def unheard(*_: object) -> None:
        raise AssertionError("SIGTERM went past the training")

    before = signal.signal(signal.SIGTERM, unheard)
    try:
        with pytest.raises(TrainError, match=r"stopped at step 4 of .*, kept in .*cut\.npz"):
            train(model("torch"), Squares(), OPTIONS, tmp_path / "cut.npz", Stop(4, signal.SIGTERM))
        assert signal.getsignal(signal.SIGTERM) is unheard
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (tmp_path / "cut.npz").is_file()


@both
def test_ctrl_c_leaves_a_run_that_goes_on_as_if_nothing_had_been(framework: Framework, tmp_path: Path) -> None:
    options = replace(OPTIONS, steps=10)
    straight = model(framework)
    whole = run(straight, tmp_path / "whole.npz", options)

    path = tmp_path / "cut.npz"
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainError, match=r"stopped at step 4 of 10, kept in .*cut\.npz"):
        train(model(framework), Squares(), options, path, Stop(4))
    assert signal.getsignal(signal.SIGINT) is before
    assert [entry.name for entry in tmp_path.iterdir() if "cut" in entry.name] == ["cut.npz"]

    resumed = model(framework)
    rest = run(resumed, path, options)
    exact = framework == "torch"
    assert rest.losses == pytest.approx(whole.losses[4:], rel=0 if exact else 1e-4)
    assert rest.loss == pytest.approx(whole.loss, rel=1e-12 if exact else 1e-4)
    for kept, wanted in zip(weights(resumed), weights(straight), strict=True):
        np.testing.assert_allclose(kept, wanted, rtol=0 if exact else 1e-3, atol=0 if exact else 1e-4)


@both
def test_a_finished_run_gives_its_weights_and_does_nothing(framework: Framework, tmp_path: Path) -> None:
    options = replace(OPTIONS, steps=3)
    straight, again = model(framework), model(framework)
    done = run(straight, tmp_path / "c.npz", options)
    stored = (tmp_path / "c.npz").read_bytes()
    result = run(again, tmp_path / "c.npz", options)
    assert result == replace(done, losses=(), wall_s=result.wall_s)
    assert (tmp_path / "c.npz").read_bytes() == stored
    assert all(np.array_equal(a, b) for a, b in zip(weights(again), weights(straight), strict=True))


@both
def test_class_weights_change_what_is_learned(framework: Framework, tmp_path: Path) -> None:
    bright = {}
    for balance in (0.0, 4.0):
        trained = model(framework)
        run(trained, tmp_path / f"{balance}.npz", replace(OPTIONS, steps=8, balance=balance))
        bright[balance] = weights(trained)[-1][1] - weights(trained)[-1][0]
    assert bright[4.0] > bright[0.0]


@both
def test_images_without_a_single_label_teach_nothing(framework: Framework, tmp_path: Path) -> None:
    options = replace(OPTIONS, steps=2)
    losses = train(model(framework), Squares(highest=255, lowest=255), options, tmp_path / "c.npz", silent).losses
    assert losses == (0.0, 0.0)


def test_auxiliary_logits_are_learned_from_too(tmp_path: Path) -> None:
    from torch import Tensor, nn

    class WithAuxiliary(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.main, self.auxiliary = nn.Conv2d(3, 2, 3, padding=1), nn.Conv2d(3, 2, 3, stride=4)

        def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
            return (self.main(image), self.auxiliary(image)) if self.training else self.main(image)

    network = WithAuxiliary()
    before = network.auxiliary.weight.detach().clone()
    result = run(replace(model("torch"), network=network), tmp_path / "c.npz", replace(OPTIONS, steps=4))
    assert result.losses[0] > 1.0
    assert not np.array_equal(before.numpy(), network.auxiliary.weight.detach().numpy())


def _many(framework: Framework) -> Model:
    """Logits among others: in a dict, at a quarter of the size too, and features that are no logits."""
    if framework == "torch":
        from torch import Tensor, nn

        class Many(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.main, self.small, self.features = (nn.Conv2d(3, n, 3, s, 1) for n, s in ((2, 1), (2, 4), (5, 1)))

            def forward(self, image: Tensor) -> dict[str, Tensor | list[Tensor]]:
                return {"features": self.features(image), "out": self.main(image), "aux": [self.small(image)]}

        return replace(model("torch"), network=Many())
    import keras

    image = keras.Input((16, 24, 3))
    main, small, features = (keras.layers.Conv2D(n, 3, s, "same")(image) for n, s in ((2, 1), (2, 4), (5, 1)))
    return replace(model("keras"), network=keras.Model(image, {"features": features, "out": main, "aux": [small]}))


@both
def test_every_logits_of_a_dict_are_learned_from_and_nothing_else(framework: Framework, tmp_path: Path) -> None:
    trained = _many(framework)
    before = [value.copy() for value in weights(trained)]
    run(trained, tmp_path / "c.npz", replace(OPTIONS, steps=2))
    changed = {value.shape: not np.array_equal(value, old) for value, old in zip(weights(trained), before, strict=True)}
    kernels = {shape: moved for shape, moved in changed.items() if len(shape) == 4}
    assert {max(set(shape) - {3}): moved for shape, moved in kernels.items()} == {2: True, 5: False}


@both
def test_a_network_in_which_nothing_is_to_learn_is_refused(framework: Framework, tmp_path: Path) -> None:
    frozen = model(framework)
    if framework == "torch":
        frozen.network.requires_grad_(False)
    else:
        frozen.network.trainable = False
    with pytest.raises(InputError, match=r"of the network (has requires_grad|is trainable)"):
        run(frozen, tmp_path / "c.npz")


def test_weights_that_are_no_numbers_are_not_kept(tmp_path: Path) -> None:
    broken, path = model("torch"), tmp_path / "c.npz"

    def break_it(_what: str, done: int, _total: int) -> None:
        if done == 2:
            broken.network[0].weight.data.fill_(float("nan"))

    options = replace(OPTIONS, checkpoint_seconds=0, steps=3)
    with pytest.raises(TrainError, match=r"after step 2 the weights are no numbers .* below 0.02, and delete .*c\.npz"):
        train(broken, Squares(), options, path, break_it)
    with np.load(path) as kept:
        assert not any(np.isnan(kept[name]).any() for name in kept.files if kept[name].dtype.kind == "f")


def test_a_time_limit_ends_the_run_and_the_next_call_finds_it_finished(tmp_path: Path) -> None:
    options = replace(OPTIONS, steps=10**9, minutes=0.02)
    result = run(model("torch"), tmp_path / "c.npz", options)
    assert 1 <= result.steps < 10**6
    assert 1.2 <= result.wall_s < 20
    assert run(model("torch"), tmp_path / "c.npz", options).losses == ()


def test_a_run_of_no_time_at_all_makes_one_step(tmp_path: Path) -> None:
    assert run(model("torch"), tmp_path / "c.npz", replace(OPTIONS, minutes=1e-9)).steps == 1


def test_a_batch_that_the_network_cannot_take_is_one_message(tmp_path: Path) -> None:
    from torch import nn

    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1))
    with pytest.raises(TrainError, match=r"refused 1 images of 16x24: .*; try another batch or another crop"):
        run(replace(model("torch"), network=pooled), tmp_path / "c.npz", replace(OPTIONS, batch=1))


@both
@pytest.mark.parametrize("part", [0, -1])
def test_weights_that_are_no_numbers_to_begin_with_are_told_of(framework: Framework, part: int, tmp_path: Path) -> None:
    broken = model(framework)
    layer = broken.network[part] if framework == "torch" else broken.network.layers[part]
    if framework == "torch":
        layer.weight.data.fill_(float("nan"))
    else:
        layer.set_weights([np.full_like(value, np.nan) for value in layer.get_weights()])
    with pytest.raises(TrainError, match="the weights that training began with give no numbers: some are NaN"):
        run(broken, tmp_path / "c.npz")
    assert not (tmp_path / "c.npz").exists()


def test_a_loss_that_is_infinite_before_the_first_step_is_no_matter_of_the_learning_rate(tmp_path: Path) -> None:
    huge = model("torch")
    huge.network[-1].bias.data.copy_(huge.network[-1].bias.new_tensor([3e38, -3e38]))
    with pytest.raises(TrainError, match="began with give no numbers: the loss is inf before the first step"):
        run(huge, tmp_path / "c.npz")


def test_a_subclassed_keras_network_learns(tmp_path: Path) -> None:
    import keras

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = (keras.layers.Conv2D(n, 3, padding="same") for n in (8, 2))

        def call(self, image, training=False):
            return self.last(keras.ops.relu(self.first(image)))

    own = Own()
    own(np.zeros((1, 16, 24, 3), np.float32))
    losses = run(replace(model("keras"), network=own), tmp_path / "c.npz").losses
    assert np.mean(losses[-5:]) < 0.5 * losses[0]


def test_checkpoints_are_written_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    seen: list[bool] = []
    options = replace(OPTIONS, steps=3, checkpoint_seconds=0)
    train(model("torch"), Squares(), options, path, lambda *_now: seen.append(path.exists()))
    assert seen == [False, True, True]


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_no_broken_weights(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"the loss at step \d+ is nan; try a learning rate below 1e\+30"):
        run(model("torch"), tmp_path / "c.npz", replace(OPTIONS, learning_rate=1e30, warmup=0))
    assert not (tmp_path / "c.npz").exists()


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    options = replace(OPTIONS, steps=2)
    run(model("torch"), path, options)
    with pytest.raises(InputError, match=r"c\.npz: a run with batch 4, not 5; repeat its options to go on"):
        run(model("torch"), path, replace(options, batch=5))
    with pytest.raises(InputError, match="a run with model tiny, not other"):
        run(replace(model("torch"), name="other"), path, options)
    with pytest.raises(InputError, match=r"c\.npz: a run with start None, not a file"):
        train(model("torch"), Squares(), options, path, silent, {"start": "a file"})
    with pytest.raises(InputError, match="a run with framework torch, not keras"):
        run(model("keras"), path, options)
    assert run(model("torch"), path, replace(options, workers=0, cache_mib=0)).losses == ()


@both
def test_weights_of_another_network_are_refused(framework: Framework, tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    options = replace(OPTIONS, steps=2)
    run(model(framework), path, options)
    if framework == "torch":
        from torch import nn

        other = nn.Conv2d(3, 2, 1)
    else:
        import keras

        other = keras.Sequential([keras.Input((16, 24, 3)), keras.layers.Conv2D(2, 1)])
    with pytest.raises(InputError, match=r"c\.npz: its weights are of another network"):
        run(replace(model(framework), network=other), path, options)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"not a checkpoint"])
def test_a_damaged_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"c\.npz: no whole training checkpoint"):
        run(model("torch"), path)
    assert path.read_bytes() == content


def test_a_model_for_other_classes_or_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tiny tells 3 classes apart, dataset squares has 2"):
        run(replace(model("torch"), classes=("a", "b", "c")), tmp_path / "c.npz")
    with pytest.raises(InputError, match="tiny takes 16x24 and the crop is 32x32"):
        run(model("keras"), tmp_path / "c.npz", replace(OPTIONS, crop=Size(32, 32)))
