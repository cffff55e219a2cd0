"""What assets/ carries fits the code that shows it, and the default preset's claim comes out again."""

import pytest
import torch

from app.distillation.bundled import all_labels
from app.results.bundled import ASSETS, gallery, recorded, recorded_preset, recorded_with
from app.transfer.bundled import recorded_curve
from assets.presets import settings_of_presets
from kd_core.data.digits import pixels
from kd_core.distillation import trainer as distillation
from kd_core.distillation.settings import DistillationSettings
from kd_core.nn import teachers
from kd_core.nn.evaluation import predict
from kd_core.nn.networks import build
from kd_core.runs.assemble import trainer_of
from kd_core.runs.queue import Queue
from kd_core.settings.common import SCRATCH
from kd_core.techniques import TECHNIQUES
from kd_core.transfer import trainer as transfer
from kd_core.transfer.settings import TUNED, TransferSettings

WITHOUT = {("transfer", "listing")}  # VGG16's weights are half a gigabyte, and not to be had everywhere


def test_recorded_result_is_that_of_the_default_settings():
    result = recorded("distillation")
    assert result.version == distillation.VERSION
    resolved = ("precision", "device")
    assert {k: v for k, v in result.settings.items() if k not in resolved} == {
        k: v for k, v in DistillationSettings().model_dump().items() if k not in resolved
    }
    assert result.verdict.kind == "better"
    assert len(result.arm(distillation.DISTILLED).trials) == 5


def test_recorded_transfer_and_its_curve_are_those_of_the_default_settings():
    result, curve = recorded("transfer"), recorded_curve()
    for made, varied in ((result.settings, set()), (curve["settings"], {"labels_per_class", "seeds"})):
        left_out = {"precision", "device", *varied}
        expected = {k: v for k, v in TransferSettings().model_dump().items() if k not in left_out}
        meant = TransferSettings.parse(made).model_dump()  # what came later is at its default
        assert {k: v for k, v in meant.items() if k not in left_out} == expected
    assert result.version == transfer.VERSION
    assert curve["version"] in (2, transfer.VERSION)  # 3 changed after which epochs is evaluated, and no training
    assert result.data.name == curve["data"] == "MNIST 5-9"
    kept = {arm.name for arm in result.arms if arm.trials[0].weights}
    assert kept == {TUNED, SCRATCH}  # all five would be most of what is bundled


def test_curve_agrees_with_itself():
    curve = recorded_curve()
    assert curve["labels"] == sorted(set(curve["labels"]))
    assert (ASSETS / "recorded-transfer-labels.json").stat().st_size < 20_000
    for at, gain in enumerate(curve["gain"]):
        tuned, scratch = (curve["arms"][name]["mean"][at] for name in (TUNED, SCRATCH))
        assert gain["points"] == pytest.approx((scratch - tuned) / 100, abs=1e-3)
        if gain["low"] is not None:
            below, above = gain["low"] > 0, gain["high"] < 0
            assert gain["kind"] == ("better" if below else "worse" if above else "undetectable")


def test_gallery_is_mnists_test_images_with_the_bundled_teachers_logits(mnist):
    path = teachers.bundled_path("article", mnist, DistillationSettings().teacher_epochs)
    model = build("article", "teacher", torch.Generator())
    assert path.parent == ASSETS
    assert teachers.find(model, teachers.digest(mnist), path) is not None
    indices = [digit["index"] for digit in gallery()]
    assert tuple(indices) == mnist.gallery
    images = mnist.test.images[indices]
    expected = torch.tensor([digit["logits"] for digit in gallery()])
    torch.testing.assert_close(predict(model, images), expected, atol=1e-2, rtol=0)
    assert [digit["label"] for digit in gallery()] == mnist.test.labels[indices].tolist()
    assert pixels(images).numpy().shape == (len(indices), 784)
    wrong = int((expected.argmax(1) != mnist.test.labels[indices]).sum())
    assert wrong == 3  # as data.MNIST_GALLERY says


def test_assets_stay_small():
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) < 8_000_000


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_preset_has_a_recorded_result_of_its_settings(technique):
    described, version = TECHNIQUES[technique], trainer_of(TECHNIQUES[technique].settings.module).VERSION
    for name, settings in settings_of_presets(technique):
        result = recorded_preset(technique, name)
        if (technique, name) in WITHOUT:
            assert result is None
            continue
        assert result.version == version
        assert not result.networks()
        left_out = {"precision", "device"}  # those are the machine's
        assert result.settings | settings.model_dump(include=left_out) == settings.model_dump()
        assert described.preset(settings) == name
        assert recorded_with(settings) is result
    assert recorded_with(described.settings()) is recorded(technique)
    assert recorded_with(described.settings(seed=77)) is None


@pytest.mark.proof
def test_default_preset_is_positive_on_real_mnist():
    queue = Queue()
    try:
        view = queue.submit(DistillationSettings(seed=100)).wait(180)  # other seeds than the recorded ones
    finally:
        queue.close()
    assert view.state == "finished", view.problem
    assert view.result.data.name == "MNIST"
    assert view.result.verdict.kind == "better"
    print(view.result.verdict.text, f"{view.seconds_elapsed:.1f} s")


def test_recorded_run_of_all_labels_differs_from_the_default_in_labels_and_epochs_alone():
    few, every = recorded("distillation"), all_labels()
    assert every.version == distillation.VERSION
    changed = {name for name, value in every.settings.items() if value != few.settings[name]}
    assert changed - {"precision", "device"} == {"train_size", "epochs"}  # those are the machine's
    assert not every.networks()  # nobody asks for them, and they would be most of it
