"""The logits behind the matrix of mean soft targets are the bundled teacher's, on validation images."""

import base64

import numpy as np
import torch

from app.distillation.bundled import class_logits
from app.distillation.components.soft_targets import _packed
from app.results.bundled import ASSETS
from kd_core.distillation.settings import DistillationSettings
from kd_core.nn import teachers
from kd_core.nn.evaluation import predict
from kd_core.nn.networks import build


def test_class_logits_are_the_bundled_teachers_on_the_first_validation_images_of_each_label(mnist):
    path = teachers.bundled_path("article", mnist, DistillationSettings().teacher_epochs)
    model = build("article", "teacher", torch.Generator())
    assert teachers.find(model, teachers.digest(mnist), path) is not None
    for label, logits in enumerate(class_logits()):
        images = mnist.validation.images[mnist.validation.labels == label][:100]
        torch.testing.assert_close(predict(model, images), torch.tensor(logits), atol=1e-2, rtol=0)


def test_class_logits_are_a_hundred_images_of_each_label_and_small():
    assert np.shape(class_logits()) == (10, 100, 10)
    assert (ASSETS / "classes.json").stat().st_size < 120_000


def test_they_travel_as_hundredths_and_lose_nothing():
    packed = base64.b64decode(_packed(class_logits()))
    sent = np.frombuffer(packed, "<i2").reshape(10, 100, 10) / 100
    np.testing.assert_array_equal(sent, np.array(class_logits()))
