"""Settings without effect: what `idle` names leaves the main arm as it is, to the last bit, in a real small run."""

import pytest

from kd_core import distillation, meta_learning
from kd_core.data.digits import load_uci_digits
from kd_core.distillation.settings import DISTILLED, DistillationSettings
from kd_core.meta_learning.settings import MAML
from kd_core.multitask.settings import MultitaskSettings
from kd_core.techniques import TECHNIQUES
from kd_core.transfer.settings import TransferSettings

SMALL = dict(
    train_size=50, student="mlp30", epochs=2, seeds=1, teacher_data="same", precision="float32", device="cpu"
)
META = dict(iterations=2, meta_batch=2, seeds=1)
PAIRS = {
    "T at 0": (distillation, DISTILLED, dict(SMALL, alpha=0.0), dict(temperature=1.0), dict(temperature=8.0)),
    "T² at 1": (distillation, DISTILLED, dict(SMALL, temperature=1.0), dict(t_squared=True), dict(t_squared=False)),
    "beta alone": (distillation, DISTILLED, SMALL, dict(method_weight=0.5), dict(method_weight=9.0)),
    "method at alpha 0": (distillation, DISTILLED, dict(SMALL, alpha=0.0), dict(method="logits"),
                          dict(method="decoupled", method_weight=3.0)),
    "digits of a curve": (meta_learning, MAML, META, dict(ways=2), dict(ways=5)),
    "Reptile beside MAML": (meta_learning, MAML, META, dict(reptile=False), dict(reptile=True)),
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.proof] * (pair[0] is meta_learning)) for name, pair in PAIRS.items()],
)
def test_an_idle_setting_changes_nothing_in_the_main_arm(name, few_tasks):
    technique, arm, common, one, other = PAIRS[name]
    settings = [technique.Settings(**{**common, **values}) for values in (one, other)]
    assert settings[0] != settings[1]
    assert settings[0].experiment == settings[1].experiment
    found = []
    for each in settings:
        *_events, result = technique.run(each, load_uci_digits())
        trial = result.arm(arm).trials[0]
        found.append(trial.model_copy(update={"seconds": 0.0, "measures": {}}))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (DistillationSettings(alpha=0.1, temperature=1), DistillationSettings(alpha=0.1, temperature=4)),
        (
            DistillationSettings(alpha=0, method="hints"),
            DistillationSettings(alpha=0, method="hints", method_weight=2),
        ),
        (TransferSettings(lam=0), TransferSettings(lam=1)),
        (MultitaskSettings(weight_left=0.5), MultitaskSettings(weight_left=1)),
        (MultitaskSettings(weighting="dwa"), MultitaskSettings(weighting="pcgrad")),
    ],
)
def test_what_has_an_effect_is_another_experiment(one, other):
    assert one.experiment != other.experiment


def test_some_that_are_idle_elsewhere():
    lone = MultitaskSettings(weight_right=0)
    assert lone.experiment == lone.model_copy(update={"weighting": "pcgrad", "weight_angle": 3.0}).experiment
    own = TransferSettings()
    assert own.experiment == own.model_copy(update={"image_size": 96, "tune_backbone": True}).experiment
    frozen = TransferSettings(network="vgg16", task="imagenet")
    assert frozen.experiment == frozen.model_copy(update={"lam": 3.0}).experiment
    assert frozen.model_copy(update={"tune_backbone": True}).experiment != frozen.experiment


@pytest.mark.parametrize("technique", [one.settings for one in TECHNIQUES.values()])
def test_only_fields_can_be_idle(technique):
    assert technique().idle <= set(technique.model_fields)
