"""Digits left out of the transfer set, and the shift of their biases, against counts by hand and scipy."""

import pytest
import torch
from scipy.optimize import brentq

from kd_core import distillation as kd
from kd_core.distillation import held_out
from kd_core.distillation.settings import ALONE, DISTILLED, SHIFTS
from kd_core.messages import Problem
from kd_core.settings.common import TEACHER


def test_a_shift_turns_answers_as_counted_by_hand():
    logits = torch.tensor([[2.0, 0.0, 1.0], [2.0, 0.0, 0.5], [0.0, 3.0, 1.0]])
    labels = torch.tensor([2, 0, 2])
    assert held_out.by_shift(logits, labels, [2], 0.0) == (2, 2)
    assert held_out.by_shift(logits, labels, [2], 1.1) == (1, 1)  # the first is found
    assert held_out.by_shift(logits, labels, [2], 1.6) == (2, 1)  # … and the second, no 2, is lost
    assert held_out.by_shift(logits, labels, [2], 5.0) == (1, 0)


def test_two_digits_are_raised_as_one_is_lowered():
    logits, labels = torch.randn(500, 3), torch.randint(3, (500,))
    raised, _missed = held_out.by_shift(logits, labels, [0, 2], 1.3)
    lowered, _missed = held_out.by_shift(logits, labels, [1], -1.3)
    assert raised == lowered


@pytest.mark.parametrize("digits", [[3], [0, 1, 2, 3, 4, 5, 6, 9]])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.8])
def test_the_matching_shift_gives_the_digits_their_share(digits, share):
    logits = 4 * torch.randn(300, 10, generator=torch.Generator().manual_seed(1))

    def excess(shift):
        raised = logits.double().clone()
        raised[:, digits] += shift
        return raised.softmax(1)[:, digits].sum(1).mean().item() - share

    assert held_out.matching_shift(logits, digits, share) == pytest.approx(brentq(excess, -60, 60), abs=1e-8)


@pytest.mark.parametrize("share", [0.0, 1.0, float("nan")])
def test_a_share_of_nothing_or_all_is_refused(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        held_out.matching_shift(torch.zeros(1, 10), [3], share)


def test_what_is_left_out_is_left_out():
    labels = torch.arange(10)
    assert labels[held_out.kept(labels, "none")].tolist() == list(range(10))
    assert labels[held_out.kept(labels, "3")].tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert labels[held_out.kept(labels, "all_but_7_8")].tolist() == [7, 8]


def test_a_student_learns_of_a_digit_that_it_never_saw(without_threes, uci):
    threes = int((uci.test.labels == 3).sum())
    distilled, alone = (without_threes.arm(name).trials[0] for name in (DISTILLED, ALONE))
    assert without_threes.arm(DISTILLED).labels == 360  # of 400, stratified
    assert distilled.measures["left-out images"] == threes
    assert alone.confusion[3][3] == 0, "without a teacher there is no 3"
    assert distilled.series["missed by shift"][0] == threes - distilled.confusion[3][3]
    assert distilled.series["errors by shift"][0] == distilled.test_errors
    assert distilled.measures["matched missed"] < 0.3 * threes < alone.measures["matched missed"]
    assert distilled.measures["tuned errors"] == min(distilled.series["errors by shift"])
    assert len(distilled.series["errors by shift"]) == len(SHIFTS)
    missed = distilled.series["missed by shift"]
    assert list(missed) == sorted(missed, reverse=True), "the higher the bias, the fewer are missed"
    assert without_threes.arm(TEACHER).trials[0].measures == {}


def test_a_teacher_of_the_same_labels_cannot_know_what_is_left_out(uci):
    with pytest.raises(Problem, match="does not know the digits left out"):
        kd.Settings(left_out="3", teacher_data="same", train_size=100).check(uci)
