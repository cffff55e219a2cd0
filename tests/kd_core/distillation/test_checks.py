"""Every check passes for what is right and finds the bugs that the page says it finds, and no others."""

import functools
import hashlib
import json
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from scipy.stats import entropy

from app.distillation.pitfalls import (
    BUG_TEXTS,
    CAUGHT,
    CHECK_TITLES,
    PitfallSettings,
    bugs_in_words,
    check_source,
    run_settings,
)
from app.i18n.text import Translate
from kd_core import distillation as kd
from kd_core.distillation import bugs, checks, trainer
from kd_core.distillation.loss import distillation_loss
from kd_core.distillation.settings import BUGGED, BUGS, DISTILLED, DistillationSettings
from kd_core.nn import teachers
from kd_core.nn.evaluation import predict
from kd_core.nn.hardware import resolve
from kd_core.nn.networks import build
from kd_core.nn.seeding import seeded
from kd_core.runs.assemble import drained

OF_THE_LOSS = [name for name in CAUGHT if name.split("_")[0] in ("gradient", "classes", "student")]


def good_teacher(n: int = 200):
    """Logits of a teacher that is right and sure, as a trained one is, and the labels."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.randint(10, (n,), generator=generator)
    return 8.0 * F.one_hot(labels, 10) + torch.randn(n, 10, generator=generator), labels


def finds(check: str, bug: str) -> bool:
    """Whether `check` raises for code with `bug` ("none": for the right code)."""
    logits, labels = good_teacher()
    wrong = bugs.spoilt(bug, logits, seeded(0, "bug"))
    network = build("mlp30", "teacher", seeded(0, "teacher"))
    network.train(bug == "training_mode")
    images = torch.randn(4, 1, 28, 28, generator=seeded(0, "images"))
    if bug in bugs.OF_THE_LOSS:
        loss = functools.partial(bugs.loss, bug)
    else:  # the loss is right, and gets the teacher's logits as the bug hands them over

        def loss(z, v, y, t, alpha):
            return distillation_loss(z, v, y, t, alpha)

    given = {"same_answer_twice": (network, images), "logits_belong_to_these_images": (wrong, labels),
             "logits_are_not_probabilities": (wrong,)}.get(check, (loss,))  # fmt: skip
    try:
        getattr(checks, check)(*given)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("check", CAUGHT)
def test_each_check_finds_what_the_page_says(check):
    assert not finds(check, "none")
    assert {bug for bug in BUG_TEXTS if finds(check, bug)} == set(CAUGHT[check])


def test_every_bug_is_found_by_the_check_shown_with_it():
    assert set(BUG_TEXTS) == set(BUGS) - {"none"} == set(PitfallSettings.specs()["bug"].choices)
    assert set(CHECK_TITLES) == set(CAUGHT)
    for name, bug in BUG_TEXTS.items():
        assert name in CAUGHT[bug.check]


@pytest.mark.parametrize("check", CAUGHT)
def test_shown_source_runs_by_itself(check):
    there = dict(vars(checks))
    del there[check]
    exec("from __future__ import annotations\n" + check_source(check), there)
    if check in OF_THE_LOSS:
        there[check](distillation_loss)
    assert '"""' not in check_source(check)


@pytest.mark.parametrize("bug", ["no_t_squared", "mean", "reversed"])
def test_shown_lines_are_the_losses(bug):
    student, teacher, labels = checks.random_logits()
    log_q, log_p = (torch.log_softmax(logits / 4.0, dim=1) for logits in (student, teacher))
    names = {"T": 4.0, "log_q": log_q, "log_p": log_p, "kl_div": F.kl_div}
    values = {}
    for side in ("wrong", "right"):
        with pytest.warns(UserWarning, match="batchmean") if (bug, side) == ("mean", "wrong") else nullcontext():
            exec(getattr(BUG_TEXTS[bug], side), names)
        values[side] = names["soft"]
    torch.testing.assert_close(values["wrong"], bugs.loss(bug, student, teacher, labels, 4.0, 1.0))
    torch.testing.assert_close(values["right"], distillation_loss(student, teacher, labels, 4.0, 1.0))


def test_shown_lines_of_the_double_softmax():
    _student, teacher, _labels = checks.random_logits()
    names = {"T": 4.0, "teacher": teacher, "log_softmax": torch.log_softmax, "softmax": torch.softmax}
    exec(BUG_TEXTS["double_softmax"].wrong, names)
    wrong = bugs.spoilt("double_softmax", teacher, seeded(0, "bug"))
    torch.testing.assert_close(names["log_p"], torch.log_softmax(wrong / 4.0, dim=1))


def test_losses_against_scipy():
    z, v, labels = checks.random_logits()
    student, teacher = z.detach().numpy(), v.numpy()
    t = 3.0
    p, q = (torch.softmax(torch.tensor(x) / t, 1).numpy() for x in (teacher, student))
    ce = F.cross_entropy(z, labels).item()
    expected = {"no_t_squared": entropy(p, q, axis=1).mean(), "mean": 9 * entropy(p, q, axis=1).mean() / 10,
                "reversed": 9 * entropy(q, p, axis=1).mean()}  # fmt: skip
    for bug, soft in expected.items():
        assert bugs.loss(bug, z, v, labels, t, 0.7).item() == pytest.approx(0.7 * soft + 0.3 * ce)
    assert bugs.loss("mean", z, v, labels, t, 1.0, t_squared=False).item() == pytest.approx(expected["mean"] / 9)
    with pytest.raises(ValueError, match="no_t_squared, mean, reversed"):
        bugs.loss("shuffled", z, v, labels, t, 0.7)


def test_what_the_teachers_bugs_hand_over():
    logits, _labels = good_teacher()
    shuffled = bugs.spoilt("shuffled", logits, seeded(0, "bug"))
    assert not torch.equal(shuffled, logits)
    torch.testing.assert_close(shuffled.sort(dim=0).values, logits.sort(dim=0).values)
    assert bugs.spoilt("training_mode", logits, seeded(0, "bug")) is logits


def test_training_mode_draws_the_same_masks_whatever_was_drawn_before():
    network = build("mlp30", "teacher", seeded(0, "teacher"))
    images = torch.randn(6, 1, 28, 28, generator=seeded(0, "images"))
    first = bugs.in_training_mode(network, images, 5)
    assert not network.training
    assert not torch.equal(first, predict(network, images))
    torch.testing.assert_close(bugs.in_training_mode(network, images, 5), first)
    assert not torch.equal(bugs.in_training_mode(network, images, 6), first)
    without = build("article", "teacher", seeded(0, "teacher"))
    torch.testing.assert_close(bugs.in_training_mode(without, images, 5), predict(without, images))


@pytest.mark.parametrize(
    ("changed", "same"),
    [(dict(bug="no_t_squared", temperature=1.0), True), (dict(bug="no_t_squared"), False),
     (dict(bug="mean", alpha=0.0), True), (dict(bug="training_mode"), True),
     (dict(bug="training_mode", teacher="mlp1200"), False),
     (dict(bug="double_softmax"), False)],
)  # fmt: skip
@pytest.mark.usefixtures("quick_teachers")
def test_the_arm_with_a_bug_differs_where_the_bug_does_something(tiny, changed, same):
    settings = kd.Settings(student="mlp30", teacher_data="same", train_size=50, epochs=2, seeds=1, **changed)
    *_events, result = kd.run(settings, tiny)
    right, wrong = (result.arm(name).trials[0].gallery_logits for name in (DISTILLED, BUGGED))
    assert (right == wrong) is same
    assert [(v.arm, v.baseline) for v in result.comparisons] == [(DISTILLED, BUGGED)]
    told = [str(note.text) for note in result.notes]
    said = any("neither dropout" in note for note in told)
    assert said == (settings.bug == "training_mode" and settings.teacher == "article")


def test_one_teacher_of_all_trials_is_noisy_in_each_whichever_others_there_are(tiny, monkeypatch):
    monkeypatch.setattr(teachers, "MIN_STEPS", 1)
    one = kd.Settings(bug="training_mode", teacher="mlp1200", student="mlp30", train_size=50, epochs=1, seeds=1,
                      seed=1, teacher_epochs=1)  # fmt: skip
    two = one.model_copy(update={"seed": 0, "seeds": 2})
    alone, among = (drained(trainer.prepare(resolve(settings), tiny)).noisy_logits for settings in (one, two))
    assert set(alone) == {1}
    assert set(among) == {0, 1}
    torch.testing.assert_close(alone[1], among[1])
    *_events, result = kd.run(one, tiny)
    assert result.arm(BUGGED).trials[0].gallery_logits != result.arm(DISTILLED).trials[0].gallery_logits
    assert "neither dropout" not in str(result.notes)


@pytest.mark.usefixtures("quick_teachers")
def test_an_arm_with_a_bug_does_not_change_the_others_nor_the_key(tiny):
    base = kd.Settings(student="mlp30", train_size=50, epochs=1, seeds=1, teacher_data="same")
    plain, bugged = ([*kd.run(s, tiny)][-1] for s in (base, base.model_copy(update={"bug": "shuffled"})))
    assert plain.arm(DISTILLED).trials[0].confusion == bugged.arm(DISTILLED).trials[0].confusion


def test_results_kept_before_the_field_came_stay_the_answer():
    settings = resolve(DistillationSettings())
    came_later = {"bug", "left_out", "schedule", "dataset", "test_time_augmentation", "teacher_seed"}
    old = {name: value for name, value in settings.model_dump().items() if name not in came_later}
    record = {**old, "": ["distillation", 2, "MNIST"]}
    assert settings.key(2, "MNIST") == hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    assert settings.key(2, "MNIST") != settings.model_copy(update={"bug": "mean"}).key(2, "MNIST")


def test_recorded_runs_are_of_their_bug():
    for shown in bugs_in_words(Translate("en")):
        assert shown["runs"]
        for number, run in enumerate(shown["runs"]):
            assert run_settings(shown["id"], number).bug == shown["id"]
            for arm in run["arms"]:
                assert 0 <= arm["low"] < arm["mean"] < arm["high"] <= 10_000
