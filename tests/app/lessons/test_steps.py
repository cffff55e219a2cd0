"""The lessons' truths against independent references, and their words: every hole has a value."""

import math
import re
import string

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.special import softmax

from app.distillation import lesson
from app.distillation.teacher import mnist_teacher
from app.i18n.text import Translate
from app.lessons.model import Bars, Choice, LessonStep, Number, total_variation
from app.lessons.pictures import beside
from app.meta_learning import lesson as meta_learning
from app.meta_learning.bundled import sinusoids
from app.multitask import lesson as multitask
from app.multitask.bundled import recorded_step
from app.results.bundled import gallery, recorded
from app.transfer import lesson as transfer
from app.transfer.bundled import lambda_map, recorded_curve
from kd_core.distillation.settings import DistillationSettings
from kd_core.inspection.examples import hundred_classes
from kd_core.meta_learning.settings import MetaSettings
from kd_core.multitask.settings import MultitaskSettings
from kd_core.techniques import TECHNIQUES
from kd_core.transfer.settings import TransferSettings

LESSONS = {
    "distillation": lesson.LESSON,
    "transfer": transfer.LESSON,
    "multitask": multitask.LESSON,
    "meta_learning": meta_learning.LESSON,
}
STEPS = [
    pytest.param(name, step, id=f"{name}-{n}") for name, steps in LESSONS.items() for n, step in enumerate(steps)
]


def logits(index: int) -> np.ndarray:
    return np.array(next(digit["logits"] for digit in gallery() if digit["index"] == index))


@pytest.mark.parametrize("technique", LESSONS)
def test_a_lesson_has_four_to_seven_steps_of_every_kind(technique):
    steps = LESSONS[technique]
    assert 4 <= len(steps) <= 7
    assert next(step.kind for step in steps) == "worked"
    assert {"worked", "faded", "free", "belief"} == {step.kind for step in steps}
    assert all((step.kind == "free") == (step.goal is not None) for step in steps)


@pytest.mark.parametrize(("technique", "step"), STEPS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_hole_is_filled_and_what_is_set_is_allowed(technique, step: LessonStep, language):
    _ = Translate(language)
    settings = TECHNIQUES[technique].settings
    values = dict(step.values())
    start = settings.parse(dict(step.sets))
    texts = [step.title, step.text, step.reveals, step.ask.question]
    texts += list(step.ask.options.values()) if isinstance(step.ask, Choice) else []
    if step.goal:
        texts += [step.goal.says]
        assert "{" not in _(step.goal.now, **{**values, **step.goal.at(start)})
    for text in texts:
        filled = _(text, **values) if values else _(text)
        assert "{" not in re.sub(r"\$[^$]*\$", "", filled)  # in mathematics braces are TeX's
        assert not any(f"{{{name}}}" in filled for name in values)
        assert "nan" not in filled
        assert (_(text) != text) == (language == "zh") or text in ("MAML",)
    parse = string.Formatter().parse
    assert all({name for _before, name, *_rest in parse(text) if name} <= values.keys() for text in texts)
    assert all(
        name for text in texts for _before, name, *_rest in string.Formatter().parse(text) if name is not None
    )


@pytest.mark.parametrize(("technique", "step"), STEPS)
def test_the_truth_can_be_guessed_and_counts_as_right(technique, step: LessonStep):
    truth = step.ask.truth()
    assert step.ask.is_right(truth)
    start = TECHNIQUES[technique].settings.parse(dict(step.sets))
    assert not step.is_done(None, start)
    assert step.is_done(truth, start) == (step.goal is None), "a goal must not be reached before one has begun"
    if isinstance(step.ask, Choice):
        assert truth in step.ask.options
        assert len(step.ask.options) > 1
        assert not step.ask.is_right("something else")
    elif isinstance(step.ask, Number):
        assert step.ask.low <= truth <= step.ask.high
        assert not all(step.ask.is_right(float(end)) for end in (step.ask.low, step.ask.high))
        shown = beside(step.ask, float(step.ask.low), True, step.values(), Translate("en"))
        assert step.ask.written(truth) in shown
        assert step.ask.written(truth) not in beside(step.ask, float(step.ask.low), False, {}, Translate("en"))
    else:
        assert sum(truth) == pytest.approx(1)
        assert not step.ask.is_right((1.0, *[0.0] * 9))


def test_total_variation_is_half_the_sum_of_differences():
    assert total_variation((1.0, 0.0), (0.0, 1.0)) == 1
    assert total_variation((0.5, 0.5), (0.25, 0.75)) == 0.25


# --- distillation -------------------------------------------------------------------------------


def test_t_changes_no_winner_of_the_gallery_nor_of_the_student():
    rows = np.array([digit["logits"] for digit in gallery()])
    temperatures = np.array([0.5, 1.0, 3.0, 20.0, 50.0])
    winners = softmax(rows[None] / temperatures[:, None, None], axis=-1).argmax(-1)
    changed = int((winners != winners[0]).any(0).sum())
    assert lesson.winners_that_change(rows.tolist(), temperatures.tolist()) == changed == 0
    student = np.array(recorded("distillation").arm("distilled student").trials[0].gallery_logits)
    differ = int((student.argmax(1) != softmax(student / 4.0, axis=1).argmax(1)).sum())
    assert (lesson.LESSON[3].ask.truth() == "no") == (differ == 0)
    assert lesson.LESSON[3].values()["changed"] == differ
    assert lesson.winners_that_change([[1.0, 2.0]], [1.0, 4.0]) == 0


def test_bars_and_the_temperature_of_the_goal():
    ask = lesson.LESSON[1].ask
    assert isinstance(ask, Bars)
    np.testing.assert_allclose(ask.truth(), softmax(logits(740) / 8.0), atol=1e-12)
    seven = logits(0)
    root = brentq(lambda t: softmax(seven / t)[7] - 0.6, 0.5, 50)
    assert lesson.LESSON[2].ask.truth() == pytest.approx(root, abs=1e-6)
    reached = lesson.LESSON[2].goal.reached
    assert not reached(DistillationSettings(temperature=math.floor(2 * root) / 2))
    assert reached(DistillationSettings(temperature=math.ceil(2 * root) / 2))
    assert lesson.seven_at(4.0) == pytest.approx(softmax(seven / 4.0)[7])


def test_alpha_is_the_weight_on_the_teacher():
    from kd_core.distillation.loss import distillation_loss

    z, labels = torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([1])
    same = distillation_loss(z, z, labels, 4.0, 0.9)  # the teacher's part is 0
    share = 100 * same / torch.nn.functional.cross_entropy(z, labels)
    assert lesson.LESSON[4].ask.truth() == pytest.approx(float(share), abs=1e-4)


def test_the_recorded_gain():
    difference = recorded("distillation").verdict.difference
    trials = {arm.name: [t.test_errors for t in arm.trials] for arm in recorded("distillation").arms}
    paired = np.subtract(trials["student alone"], trials["distilled student"]).mean() / 100
    assert lesson.LESSON[5].ask.truth() == difference.mean == pytest.approx(paired)


def test_the_temperature_for_a_teacher_of_ones_own():
    lab, other = mnist_teacher().values, hundred_classes().values

    def outside(values, t):
        return (1 - softmax(values.astype(float) / t, axis=1).max(1)).mean()

    root = brentq(lambda t: outside(other, t) - outside(lab, 4.0), 0.5, 50)
    step = lesson.LESSON[6]
    assert step.ask.truth() == pytest.approx(root, abs=1e-6)
    assert step.values()["mnist"] == f"{100 * outside(lab, 4.0):.0f}"
    assert step.leads.page == "teacher"


# --- transfer -----------------------------------------------------------------------------------


def test_penalty_is_lambda_times_the_squared_distance():
    every = lambda_map()
    for lam in (0.01, 1.0, 10.0):
        distance = np.array(every["distance"][every["lams"].index(lam)])
        assert transfer.squared(lam) == pytest.approx(float(np.linalg.norm(distance) ** 2))
    assert transfer.LESSON[1].ask.truth() == pytest.approx(float(np.sum(np.square(every["distance"][5]))))
    assert transfer.LESSON[0].ask.truth() == "old"


def test_gain_by_labels_and_its_goal():
    curve = recorded_curve()
    errors = {arm: np.array(curve["arms"][arm]["mean"]) for arm in ("from scratch", "fine-tuning")}
    gains = (errors["from scratch"] - errors["fine-tuning"]) / 100
    for at, labels in enumerate(curve["labels"]):
        assert transfer.gain(labels) == pytest.approx(gains[at], abs=2e-3)
    assert transfer.labels_for(1.0) == curve["labels"][int(np.flatnonzero(gains >= 1)[-1]) + 1]
    reached = transfer.LESSON[2].goal.reached
    assert not reached(TransferSettings(labels_per_class=50))
    assert reached(TransferSettings(labels_per_class=100))


def test_a_frozen_batch_norm_moves_unless_it_is_in_evaluation_mode():
    layer = torch.nn.BatchNorm2d(1).requires_grad_(False)
    for training in (False, True):
        layer.train(training)
        for _batch in range(transfer.BATCHES):
            layer(torch.ones(4, 1, 3, 3))
        expected = transfer.running_mean(transfer.BATCHES, 1.0, training=training)
        assert float(layer.running_mean) == pytest.approx(expected, abs=1e-6)
    assert transfer.LESSON[4].ask.truth() == "moved"
    assert layer.momentum == transfer.MOMENTUM


def test_frozen_against_scratch_and_what_is_forgotten():
    trials = {arm.name: arm.trials for arm in recorded("transfer").arms}
    errors = {name: np.mean([t.test_errors for t in each]) for name, each in trials.items()}
    assert (transfer.LESSON[3].ask.truth() == "worse") == (errors["feature extraction"] > errors["from scratch"])
    each = [t.measures["source errors"] for t in trials["fine-tuning"]]
    assert transfer.LESSON[5].ask.truth() == pytest.approx(np.mean(each))


def test_what_a_leak_adds():
    right = np.r_[np.ones(25), np.repeat([1, 0], [60, 15])]  # of 100 test images, 25 known by heart
    step = transfer.LESSON[6]
    assert step.ask.truth() == 100 * right.mean() == float(step.values()["measured"])
    assert step.leads.page == "data"


# --- multi-task ---------------------------------------------------------------------------------


def test_slopes_are_those_of_two_vectors_with_the_recorded_lengths_and_cosine():
    step = recorded_step()
    (n1, n2), cosine = step["norms"], step["cosine"]
    g = np.array([[n1, 0.0], [n2 * cosine, n2 * math.sqrt(1 - cosine**2)]])
    for weights in ((1.0, 1.0), (0.5, 1.0), (0.7, 2.0)):
        total = np.array(weights) @ g
        for task in (0, 1):
            assert multitask.slope(task, weights) == pytest.approx(g[task] @ total)
    assert multitask.LESSON[1].ask.truth() == pytest.approx(g[1] @ (0.5 * g[0] + g[1]))


def test_weights_that_help_both_are_where_theory_says():
    pairs = multitask.pairs_where_both_fall()
    change = np.array(recorded_step()["change"])
    assert len(pairs) == int((change < 0).all(-1).sum()) > 0
    (n1, n2), cosine = recorded_step()["norms"], -recorded_step()["cosine"]
    for first, second in pairs:  # to first order, with room for a step that is not infinitely small
        assert 0.95 * cosine < first * n1 / (second * n2) < 1.05 / cosine
    assert multitask.LESSON[2].ask.truth() == "no"
    assert (change[10, 10] < 0).tolist() == [True, False]
    assert multitask.LESSON[0].ask.truth() == "rises"
    reached = multitask.LESSON[3].goal.reached
    assert reached(MultitaskSettings(weight_left=multitask.LESSON[3].ask.truth(), weight_right=2.0))
    assert not reached(MultitaskSettings(weight_left=1.0, weight_right=2.0))


def test_what_sharing_costs():
    arms = {arm.name: np.array([t.test_errors for t in arm.trials]) for arm in recorded("multitask").arms}
    lost = (arms["left digit · alone"] - arms["left digit · joint, as set"]).mean() / 100
    assert multitask.LESSON[4].ask.truth() == pytest.approx(lost)


# --- meta-learning ------------------------------------------------------------------------------


def adapted_by_torch(arm: str, rate: float, steps: int) -> tuple[float, float]:
    """Error on the curve after `steps` steps, and the first gradient's length, by autograd."""
    every = sinusoids()
    net = [torch.tensor(w, dtype=torch.float64, requires_grad=True) for w in every[arm]]
    task = every["tasks"][0]

    def curve(x):
        return task["amplitude"] * torch.sin(x - task["phase"])

    def loss(x):
        hidden = torch.relu(torch.relu(x[:, None] @ net[0].T + net[1]) @ net[2].T + net[3])
        return (((hidden @ net[4].T + net[5])[:, 0] - curve(x)) ** 2).mean()

    points = torch.tensor(task["x"], dtype=torch.float64)
    length = math.nan
    for step in range(max(steps, 1)):
        slopes = torch.autograd.grad(loss(points), net)
        length = float(sum((s.detach() ** 2).sum() for s in slopes).sqrt()) if step == 0 else length
        if steps:
            net = [(w - rate * s).detach().requires_grad_() for w, s in zip(net, slopes, strict=True)]
    return loss(torch.linspace(-5, 5, 101, dtype=torch.float64)).item(), length


@pytest.mark.parametrize("arm", ["maml", "joint"])
@pytest.mark.parametrize(("rate", "steps"), [(0.01, 0), (0.01, 1), (0.01, 2), (0.03, 5)])
def test_adaptation_in_numpy_is_that_of_autograd(arm, rate, steps):
    error, length = adapted_by_torch(arm, rate, steps)
    assert meta_learning.error_after(arm, rate, steps) == pytest.approx(error, rel=1e-6)
    if arm == "maml":
        assert meta_learning.LESSON[0].values()["length"] == f"{length:.1f}"


def test_where_a_step_does_harm():
    before = adapted_by_torch("maml", 0, 0)[0]
    rate = meta_learning.harmful_rate()
    assert adapted_by_torch("maml", rate, 1)[0] > before > adapted_by_torch("maml", rate - 0.001, 1)[0]
    goal = meta_learning.LESSON[4].goal
    assert goal.reached(MetaSettings(inner_lr=rate))
    assert not goal.reached(MetaSettings(inner_lr=rate - 0.001))
    assert goal.reached(MetaSettings(inner_lr=100.0, inner_steps=10))  # overflows: that is harm too
    assert goal.at(MetaSettings(inner_lr=100.0, inner_steps=10))["after"] == "∞"


def test_means_order_and_verdict_of_meta_learning():
    result = recorded("meta_learning")
    joint = np.array([t.series["query loss"] for t in result.arm("joint pre-training").trials]).mean(0)
    assert meta_learning.joint_times() == pytest.approx(joint[0] / joint[1])
    assert meta_learning.nearer_at_first() == "same"
    after = {arm.name: np.array([t.series["query loss"][1] for t in arm.trials]) for arm in result.arms}
    ratio = np.log10(after["joint pre-training"] / after["MAML"]).mean()
    assert meta_learning.LESSON[5].ask.truth() == pytest.approx(10**ratio, rel=1e-3)
    worse = np.log10(after["MAML, first order"] / after["MAML"]).mean() > 0
    assert (meta_learning.LESSON[3].ask.truth() == "better") == worse
