"""What a Result keeps of a network, against torchmetrics, scikit-learn and numpy."""

import pytest
import torch
from safetensors.torch import load
from sklearn.metrics import confusion_matrix

from kd_core.data.vision import import_torchvision
from kd_core.nn.evaluation import predict
from kd_core.nn.networks import build
from kd_core.nn.seeding import seeded
from kd_core.results import records
from kd_core.results.statistics import agreement, calibration_error


@pytest.fixture(scope="module")
def networks(tiny):
    torch.set_num_threads(1)
    models = [build("article", role, seeded(seed, "w")) for seed, role in enumerate(("teacher", "student"))]
    with torch.no_grad():
        for model in models:
            model[-1].weight.mul_(40)  # untrained networks are never sure; these are
    return [(model, records.arm_trial(model, tiny, 0, [(1, 5)], 1.0)) for model in models]


def test_calibration_error_is_torchmetrics(networks, tiny):
    import_torchvision()  # torchmetrics imports it, and alone it fails beside a torch without CUDA
    from torchmetrics.classification import MulticlassCalibrationError  # four seconds, of this process alone

    for model, trial in networks:
        logits = predict(model, tiny.test.images)
        metric = MulticlassCalibrationError(num_classes=10, n_bins=15, norm="l1")
        assert calibration_error(trial) == pytest.approx(metric(logits, tiny.test.labels).item(), abs=1e-6)
        assert sum(b.count for b in trial.bins) == len(tiny.test)
        assert sum(b.correct for b in trial.bins) == len(tiny.test) - trial.test_errors
        assert sum(b.count > 0 for b in trial.bins) > 3


def test_calibration_error_of_two_bins_by_hand():
    # Confidences 0.6 (right) and 0.9 (wrong): (|1 - 0.6| + |0 - 0.9|) / 2 = 0.65.
    logits = torch.tensor([[0.6, 0.4], [0.9, 0.1]]).log()
    bins = records.reliability(logits, torch.tensor([0, 1]))
    assert [(b.count, b.correct) for b in bins if b.count] == [(1, 1), (1, 0)]
    error = sum(abs(b.correct - b.confidence) for b in bins) / 2
    assert error == pytest.approx(0.65)


def test_mistakes_confusion_and_agreement_equal_sklearn_and_torch(networks, tiny):
    labels = tiny.test.labels
    answers = []
    for model, trial in networks:
        answers.append(predict(model, tiny.test.images).argmax(1))
        rebuilt = labels.clone()
        for index, answer in trial.mistakes:
            rebuilt[index] = answer
        assert torch.equal(rebuilt, answers[-1])
        assert trial.confusion == tuple(map(tuple, confusion_matrix(labels, rebuilt, labels=range(10)).tolist()))
    (_, teacher), (_, student) = networks
    assert agreement(student, teacher) == int((answers[0] == answers[1]).sum())
    assert agreement(teacher, teacher) == len(labels)


def test_weights_are_the_network(networks, tiny):
    for model, trial in networks:
        twin = build("article", "teacher" if model[0].out_channels == 32 else "student", seeded(9, "w"))
        twin.load_state_dict(load(trial.weights))
        assert predict(twin, tiny.test.images[list(tiny.gallery)]).tolist() == [
            list(r) for r in trial.gallery_logits
        ]


def test_only_the_first_trial_and_no_huge_network_keeps_weights(tiny):
    huge = build("mlp1200", "teacher", seeded(0, "w"))
    assert records.arm_trial(huge, tiny, 0, [(1, 5)], 1.0).weights is None
