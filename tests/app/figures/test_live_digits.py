"""Test digits while networks train: the right ones are framed, a wrong answer is named, bars are probabilities."""

import re

import numpy as np
import pytest

from app.figures.arms import COLOURS
from app.figures.live_digits import live_digits
from app.i18n.text import Translate
from kd_core.distillation import trainer
from kd_core.distillation.settings import ALONE, DISTILLED, DistillationSettings
from kd_core.results.events import Evaluation
from kd_core.runs import assemble

LABELS, IMAGES = [7, 2, 1], np.arange(3 * 784, dtype=np.uint8).reshape(3, 28, 28)
SEVEN, TWO, ONE = ([6.0 if digit == answer else 0.0 for digit in range(10)] for answer in (7, 2, 1))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_arm_has_its_digits_and_says_how_many_are_right(language):
    _ = Translate(language)
    watched = {ALONE: [(0, SEVEN), (2, TWO)], DISTILLED: [(0, SEVEN), (2, ONE)]}
    html = live_digits(watched, IMAGES, LABELS, (0, 1), 2.0, _)
    assert html.count("<ol>") == 2
    for arm, right in ((ALONE, 1), (DISTILLED, 2)):
        assert f"{_(arm)}</b> · {_('{right} of {all} right', right=right, all=2)}" in html
    assert html.count('class="digit wrong"') == 1
    assert _("{label}, answered {said}", label=1, said=2) in html
    assert html.count("<table>") == 1  # the second of the pair is not watched
    p = np.exp(np.array(SEVEN) / 2) / np.exp(np.array(SEVEN) / 2).sum()
    heights = [float(height) for height in re.findall(rf"{COLOURS[ALONE]}; height: ([\d.]+)px", html)]
    assert heights == pytest.approx(48 * p, abs=0.06)


def test_a_run_tells_what_its_students_answer_to_the_gallery_and_its_numbers_stay_the_same(uci):
    settings = DistillationSettings(student="mlp30", train_size=50, epochs=3, seeds=1, teacher_data="same")
    *events, result = assemble.run(trainer, settings, uci)
    told = [event for event in events if isinstance(event, Evaluation) and event.arm == DISTILLED]
    assert [event.epoch for event in told] == [1, 2, 3]
    for event in told:
        assert tuple(index for index, _logits in event.watched) == uci.gallery
    last = np.array([logits for _index, logits in told[-1].watched])
    np.testing.assert_allclose(last, result.arm(DISTILLED).trials[0].gallery_logits, atol=0.0051)
