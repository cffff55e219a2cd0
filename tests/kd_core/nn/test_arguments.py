"""Functions of tensors refuse what does not fit them, and say what was given and what is expected."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from kd_core.distillation.held_out import by_shift, matching_shift
from kd_core.meta_learning.tasks import centroid_logits
from kd_core.multitask.network import Combine
from kd_core.multitask.tasks import overlaid, task_loss, turned, wrong
from kd_core.nn import arguments
from kd_core.nn.evaluation import confusion, count_errors
from kd_core.results.records import reliability

IMAGES = torch.zeros(3, 1, 28, 28)
LOGITS, LABELS = torch.eye(3), torch.tensor([0, 1, 1])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: overlaid(IMAGES, IMAGES[:1]), r"left is \[3, 1, 28, 28\], right \[1, 1, 28, 28\]"),
        (lambda: overlaid(IMAGES[:, 0], IMAGES[:, 0]), r"left is \[3, 28, 28\]; \[N, 1, 28, 28\]"),
        (lambda: turned(IMAGES, torch.zeros(1)), r"degrees is \[1\]; \[3\]"),
        (lambda: turned(IMAGES[:0], torch.zeros(0)), r"images is \[0, 1, 28, 28\]"),
        (lambda: task_loss("angle", torch.zeros(4, 1), torch.zeros(4, 1)), r"targets is \[4, 1\]; \[4\]"),
        (lambda: task_loss("angle", torch.zeros(4, 2), torch.zeros(4)), r"outputs is \[4, 2\]; \[N, 1\]"),
        (lambda: task_loss("digit", torch.zeros(4, 10), torch.zeros(1).long()), r"targets is \[1\]; \[4\]"),
        (lambda: task_loss("digit", torch.zeros(0, 10), torch.zeros(0).long()), r"outputs is \[0, 10\]"),
        (lambda: wrong("digit", LOGITS, LABELS[:1]), r"targets is \[1\]; \[3\]"),
        (lambda: wrong("angle", torch.zeros(4, 1), torch.zeros(1)), r"targets is \[1\]; \[4\]"),
        (lambda: count_errors(LOGITS, LABELS.unsqueeze(1)), r"labels \[3, 1\] were given; \[N, C\] and \[N\]"),
        (lambda: confusion(LOGITS, LABELS[:1]), r"labels \[1\] were given"),
        (lambda: confusion(LOGITS, torch.tensor([0, 1, 3])), "a label of 3 was given; with 3 classes"),
        (lambda: reliability(LOGITS, LABELS[:1]), r"labels \[1\] were given"),
        (lambda: by_shift(LOGITS, LABELS[:1], (0,), 1.0), r"labels \[1\] were given"),
        (lambda: by_shift(LOGITS, LABELS - 1, (0,), 1.0), "a label of -1 was given"),
        (lambda: matching_shift(LOGITS, (), 0.3), r"digits \[\] were given; some of 0 to 2"),
        (lambda: matching_shift(LOGITS, (0, 1, 2), 0.3), "not all"),
        (lambda: matching_shift(LOGITS[0], (0,), 0.3), r"logits is \[3\]; \[N, C\]"),
        (lambda: Combine("pcgard", {"a": 1.0, "b": 1.0}, 0), "weighting 'pcgard' was given; there are fixed"),
        (lambda: Combine("fixed", {"a": 1.0, "b": -1.0}, 0), "weights {'a': 1.0, 'b': -1.0} were given"),
        (lambda: Combine("fixed", {"a": 0.0, "b": 0.0}, 0), "not all 0"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_labels_that_a_head_does_not_have_are_refused_too():
    for label in (-100, -1, 3):
        with pytest.raises(IndexError, match=f"Target {label} is out of bounds"):
            task_loss("digit", LOGITS, torch.tensor([0, 1, label]))
    for function in (task_loss, wrong):
        with pytest.raises(TypeError, match="integers"):
            function("digit", LOGITS, LABELS.float())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_losses_of_tasks_in_every_float_type(dtype):
    outputs = torch.linspace(-2, 2, 12).view(4, 3).to(dtype)
    labels, degrees = torch.tensor([0, 1, 2, 0]), torch.tensor([45.0, -9.0, 0.0, 30.0])
    expected = F.cross_entropy(outputs.double(), labels).item()
    assert task_loss("digit", outputs, labels).item() == pytest.approx(expected, rel=1e-6)
    expected = ((outputs[:, 0].double() - degrees.double() / 45) ** 2).mean().item()
    assert task_loss("angle", outputs[:, :1], degrees).item() == pytest.approx(expected, rel=1e-6)


def test_centroids_need_an_example_of_each_class():
    support = torch.rand(2, 4, 3)
    labels = torch.tensor([[0, 1, 0, 1], [0, 0, 0, 0]])
    query = torch.rand(2, 5, 3)
    with pytest.raises(ValueError, match="task 1 has no example of class 1; one of each of 2"):
        centroid_logits((support, labels), query, 2)
    labels[1, 3] = 1
    assert torch.isfinite(centroid_logits((support, labels), query, 2)).all()
    for inputs, its, asked, words in (
        (support, labels[:1], query, r"labels is \[1, 4\]; \[2, 4\]"),
        (support, labels, query[:1], r"query is \[1, 5, 3\]; \[2, Q, 3\]"),
        (support, labels, query[..., :1], r"query is \[2, 5, 1\]; \[2, Q, 3\]"),
        (support[0], labels, query, r"support is \[4, 3\]; \[tasks, S, D\]"),
        (support, labels + 1, query, "a label of 2 was given; with 2 classes labels are 0 to 1"),
    ):
        with pytest.raises(ValueError, match=words):
            centroid_logits((inputs, its), asked, 2)
    near = centroid_logits((support.half(), labels), query.half(), 2)
    torch.testing.assert_close(near, centroid_logits((support, labels), query, 2), rtol=1e-2, atol=1e-2)


def test_images_turn_in_their_own_type():
    images = torch.rand(2, 1, 6, 6, dtype=torch.float64)
    made = turned(images, torch.tensor([90.0, 0.0]))
    assert made.dtype == torch.float64
    torch.testing.assert_close(made[0], images[0].rot90(1, (1, 2)), atol=1e-5, rtol=0)


@settings(max_examples=100)
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60))
def test_a_number_stays_the_same(number):
    assert arguments.scalar("x", number) == float(number)
    assert arguments.scalar("x", np.float64(number)) == float(number)
    of_tensor = arguments.scalar("x", torch.tensor([float(number)], dtype=torch.float64))
    assert of_tensor.shape == ()
    assert arguments.value(of_tensor) == float(number)


@pytest.mark.parametrize("given", ["a", None, [1, 2], torch.ones(2), torch.ones(0), torch.tensor(1j)])
def test_what_is_no_number_is_named(given):
    with pytest.raises(TypeError, match=r"^x (=|is) .* (number is|real number is) expected"):
        arguments.scalar("x", given)


def test_a_whole_number_is_one():
    assert arguments.at_least("steps", np.int64(3), 0) == 3
    for wrong_one in (1.0, "3", None):
        with pytest.raises(TypeError, match=f"steps = {wrong_one!r}"):
            arguments.at_least("steps", wrong_one, 0)
    with pytest.raises(ValueError, match="steps = -1 is not allowed; it must be 0 or more"):
        arguments.at_least("steps", -1, 0)


@settings(max_examples=200)
@given(st.lists(st.integers(0, 3), max_size=4), st.lists(st.integers(0, 3), max_size=4),
       st.lists(st.integers(0, 3), max_size=4))  # fmt: skip
def test_a_batch_is_two_of_one_shape_and_a_label_each(student, teacher, labels):
    given = torch.zeros(student), torch.zeros(teacher), torch.zeros(labels, dtype=torch.long)
    fits = len(student) == 2 and teacher == student and labels == student[:1] and math.prod(student) > 0
    if fits:
        arguments.batch(*given)
    else:
        with pytest.raises(ValueError, match=r"\[N, C\], \[N, C\] and \[N\] are expected"):
            arguments.batch(*given)
