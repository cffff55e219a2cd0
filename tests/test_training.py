"""Devices, precision, generators and the confusion counts."""

import pytest
import sklearn.metrics
import torch

from kd_core.messages import Problem
from kd_core.models import build
from kd_core.training import confusion, count_errors, predict, resolve_device, resolve_precision, seeded


def test_purposes_and_seeds_have_numbers_of_their_own():
    draws = {
        (seed, purpose): torch.rand(1, generator=seeded(seed, purpose)).item()
        for seed in (0, 1)
        for purpose in ("order", "weights")
    }
    assert len(set(draws.values())) == 4
    assert torch.rand(1, generator=seeded(0, "order")).item() == draws[0, "order"]


def test_confusion_and_errors_equal_scikit_learn():
    g = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(500, 10, generator=g), torch.randint(10, (500,), generator=g)
    expected = sklearn.metrics.confusion_matrix(labels, logits.argmax(1), labels=range(10))
    assert confusion(logits, labels) == tuple(tuple(row) for row in expected.tolist())
    assert count_errors(logits, labels) == 500 - expected.trace()


def test_predict_keeps_the_mode_and_gives_ordinary_tensors():
    model = build("mlp30", "student", seeded(0, "weights")).train()
    logits = predict(model, torch.zeros(3, 1, 28, 28))
    assert model.training
    assert not logits.is_inference()
    assert logits.dtype == torch.float32


def test_absent_device_is_named():
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(Problem, match="cuda is not present"):
        resolve_device("cuda")


def test_auto_means_something_concrete():
    assert resolve_device("auto") in ("cpu", "cuda", "mps")
    assert resolve_precision("auto", "cpu") in ("float32", "bfloat16")
    assert resolve_precision("float32", "cpu") == "float32"
