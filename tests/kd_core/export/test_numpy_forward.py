"""The numpy forward pass gives what torch gives."""

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from kd_core.data import pixels
from kd_core.export import numpy_forward
from kd_core.messages import Problem
from kd_core.nn.evaluation import predict
from kd_core.nn.networks import build


@pytest.mark.parametrize(
    ("name", "role"), [("article", "teacher"), ("article", "student"), ("mlp30", "student"), ("mlp300", "teacher")]
)
def test_logits_are_torchs(name, role, uci):
    model = build(name, role, torch.Generator().manual_seed(3))
    kept = save({key: value.contiguous() for key, value in model.state_dict().items()})
    images = uci.test.images[:20]
    np.testing.assert_allclose(
        numpy_forward.logits(kept, images.numpy()), predict(model, images).numpy(), atol=1e-4
    )


def test_networks_of_a_result_answer_as_they_did_in_the_run(small_result):
    indices = [digit.index for digit in small_result.gallery]
    images = pixels.network_inputs("UCI digits", indices)
    for arm in small_result.arms:
        first = arm.trials[0]
        np.testing.assert_allclose(numpy_forward.logits(first.weights, images), first.gallery_logits, atol=1e-4)
        every = numpy_forward.logits(first.weights, pixels.network_inputs("UCI digits", range(400))).argmax(1)
        wrong = np.flatnonzero(every != pixels.test_labels("UCI digits"))
        assert [(index, every[index]) for index in wrong] == list(first.mistakes)


@pytest.mark.parametrize(
    "model",
    [nn.Sequential(nn.Linear(4, 4, bias=False)), nn.Sequential(nn.Conv1d(1, 2, 3)), nn.GRU(3, 3),
     nn.Sequential(nn.Linear(9, 9), nn.Conv2d(1, 1, 3))],
)  # fmt: skip
def test_other_networks_are_refused(model):
    kept = save(dict(model.state_dict()))
    with pytest.raises(Problem, match="This kind of network"):
        numpy_forward.logits(kept, np.zeros((1, 1, 28, 28), np.float32))
