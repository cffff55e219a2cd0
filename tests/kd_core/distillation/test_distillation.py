"""The loss against closed forms and numpy; the run against its contract."""

import dataclasses
import gc
import math
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from kd_core.distillation import trainer as kd
from kd_core.distillation.loss import distillation_loss, soft_targets
from kd_core.distillation.settings import DistillationSettings
from kd_core.messages import Problem
from kd_core.nn import teachers
from kd_core.nn.hardware import resolve
from kd_core.nn.moves import mean_over_moves
from kd_core.runs import assemble
from kd_core.runs.assemble import drained

TEMPERATURES = [1.0, 4.0, 20.0]
TINY = DistillationSettings(
    train_size=50, epochs=2, seeds=2, student="mlp30", teacher_data="same", precision="float32", device="cpu"
)


def random_batch(seed: int = 0, n: int = 7, classes: int = 10):
    g = torch.Generator().manual_seed(seed)
    student = 3 * torch.randn(n, classes, generator=g, dtype=torch.float64)
    teacher = 3 * torch.randn(n, classes, generator=g, dtype=torch.float64)
    return student, teacher, torch.randint(classes, (n,), generator=g)


def numpy_softmax(z: np.ndarray, t: float) -> np.ndarray:
    e = np.exp((z - z.max(1, keepdims=True)) / t)
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize("t", TEMPERATURES)
@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.9, 1.0])
def test_loss_equals_numpy(t, alpha):
    student, teacher, labels = random_batch()
    p, q = numpy_softmax(teacher.numpy(), t), numpy_softmax(student.numpy(), t)
    kl = (p * np.log(p / q)).sum(1).mean()
    cross_entropy = -np.log(numpy_softmax(student.numpy(), 1)[np.arange(7), labels.numpy()]).mean()
    expected = alpha * t * t * kl + (1 - alpha) * cross_entropy
    assert distillation_loss(student, teacher, labels, t, alpha).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("t", TEMPERATURES)
def test_loss_of_two_classes_by_hand(t):
    # Teacher (a, 0) and student (0, 0): q = (1/2, 1/2), p = (s, 1 - s) with s = 1 / (1 + exp(-a / T)),
    # so KL = log 2 - H(s).
    a = 3.0
    s = 1 / (1 + math.exp(-a / t))
    by_hand = t * t * (math.log(2) + s * math.log(s) + (1 - s) * math.log(1 - s))
    loss = distillation_loss(
        torch.zeros(1, 2, dtype=torch.float64), torch.tensor([[a, 0.0]], dtype=torch.float64),
        torch.tensor([0]), t, 1.0,
    )  # fmt: skip
    assert loss.item() == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("t", TEMPERATURES)
def test_soft_targets_equal_numpy(t):
    _, teacher, _ = random_batch()
    np.testing.assert_allclose(soft_targets(teacher, t), numpy_softmax(teacher.numpy(), t), rtol=1e-12)


@pytest.mark.parametrize("t", TEMPERATURES)
def test_gradient_is_t_times_difference_of_probabilities_over_n(t):
    student, teacher, labels = random_batch()
    student.requires_grad_(True)
    distillation_loss(student, teacher, labels, t, 1.0).backward()
    p, q = numpy_softmax(teacher.numpy(), t), numpy_softmax(student.detach().numpy(), t)
    np.testing.assert_allclose(student.grad.numpy(), t * (q - p) / 7, rtol=1e-10, atol=1e-14)


def test_large_temperature_is_logit_matching():
    # T -> infinity: the gradient becomes (centred student - centred teacher) / (N C), Hinton et al. eq. 4.
    student, teacher, labels = random_batch()
    student.requires_grad_(True)
    distillation_loss(student, teacher, labels, 1e5, 1.0).backward()
    difference = student.detach() - teacher
    limit = (difference - difference.mean(1, keepdim=True)) / (7 * 10)
    torch.testing.assert_close(student.grad, limit, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("alpha", "t", "acts_like"), [(0.9, 4.0, 0.36), (0.5, 2.0, 0.2), (0.9, 1.0, 0.9)])
def test_without_t_squared_alpha_acts_like_a_smaller_one(alpha, t, acts_like):
    # By hand: 0.9 / (0.9 + 0.1 * 16) = 0.36. The gradients are parallel, so Adam sees nearly the same.
    assert alpha / (alpha + (1 - alpha) * t * t) == pytest.approx(acts_like)
    student, teacher, labels = random_batch()
    student.requires_grad_(True)

    def gradient(weight, t_squared):
        loss = distillation_loss(student, teacher, labels, t, weight, t_squared=t_squared)
        return torch.autograd.grad(loss, student)[0]

    without, smaller = gradient(alpha, False), gradient(acts_like, True)
    torch.testing.assert_close(without / without.norm(), smaller / smaller.norm(), rtol=1e-9, atol=1e-12)


def test_soft_gradient_vanishes_like_one_over_t_squared_and_t_squared_keeps_it():
    student, teacher, labels = random_batch()
    student.requires_grad_(True)

    def norm(t, t_squared):
        loss = distillation_loss(student, teacher, labels, t, 1.0, t_squared=t_squared)
        return torch.autograd.grad(loss, student)[0].norm().item()

    assert norm(100.0, False) / norm(200.0, False) == pytest.approx(4, rel=0.05)
    assert norm(100.0, True) / norm(200.0, True) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("t", TEMPERATURES)
def test_identical_logits_give_zero(t):
    student, _, labels = random_batch()
    assert distillation_loss(student, student, labels, t, 1.0).item() == pytest.approx(0, abs=1e-15)


def test_alpha_zero_is_plain_training():
    student, teacher, labels = random_batch()
    plain = F.cross_entropy(student, labels)
    assert distillation_loss(student, teacher, labels, 7.0, 0.0).item() == plain.item()


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000), t=st.floats(0.5, 50), alpha=st.floats(0, 1),
    shift=st.floats(-1000, 1000),
)  # fmt: skip
def test_shifting_logits_changes_nothing_and_loss_is_not_negative(seed, t, alpha, shift):
    student, teacher, labels = random_batch(seed)
    loss = distillation_loss(student, teacher, labels, t, alpha)
    shifted = distillation_loss(student + shift, teacher - shift, labels, t, alpha)
    torch.testing.assert_close(loss, shifted, rtol=1e-8, atol=1e-9)
    assert loss >= -1e-12


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), t=st.floats(0.5, 50))
def test_order_of_classes_never_changes(seed, t):
    _, teacher, _ = random_batch(seed)
    assert torch.equal(soft_targets(teacher, t).argmax(1), teacher.argmax(1))


@pytest.mark.parametrize("t", [0.5, 1.0, 50.0])
def test_huge_logits_stay_finite(t):
    student = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    loss = distillation_loss(student, torch.tensor([[-1e4, 1e4, 0.0]]), torch.tensor([2]), t, 0.5)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(student.grad).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("t", [4.0, 20.0, 50.0])
def test_half_precision_is_computed_in_float32(t, dtype):
    student, _, labels = random_batch()
    teacher = (student + 0.1 * random_batch(1)[0]).to(dtype)
    student = student.to(dtype)
    loss = distillation_loss(student, teacher, labels, t, 1.0)
    exact = distillation_loss(student.double(), teacher.double(), labels, t, 1.0)
    assert loss.item() == pytest.approx(exact.item(), rel=1e-2)
    assert soft_targets(teacher, t).dtype == torch.float32


def test_no_gradient_reaches_the_teacher():
    student, teacher, labels = random_batch()
    student.requires_grad_(True)
    teacher.requires_grad_(True)
    distillation_loss(student, teacher, labels, 4.0, 0.9).backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


def test_impossible_classes_and_unused_terms_stay_finite():
    student, teacher, labels = random_batch()
    teacher[:, 3] = -math.inf
    assert torch.isfinite(distillation_loss(student, teacher, labels, 4.0, 1.0))
    assert torch.isfinite(distillation_loss(student, teacher * math.nan, labels, 4.0, 0.0))


@pytest.mark.parametrize("t", [0.0, -3.0, math.nan, math.inf])
def test_impossible_temperatures_are_named(t):
    student, teacher, labels = random_batch()
    with pytest.raises(Problem, match=f"temperature = {t}"):
        distillation_loss(student, teacher, labels, t, 0.5)
    with pytest.raises(Problem, match=f"temperature = {t}"):
        soft_targets(teacher, t)


@pytest.mark.parametrize("alpha", [-0.1, 1.5, math.nan])
def test_impossible_alphas_are_named(alpha):
    student, teacher, labels = random_batch()
    with pytest.raises(Problem, match=f"alpha = {alpha}"):
        distillation_loss(student, teacher, labels, 4.0, alpha)


def test_shapes_that_do_not_fit_are_named():
    student, teacher, labels = random_batch()
    with pytest.raises(ValueError, match=r"\[7, 10\].*\[6, 10\]"):
        distillation_loss(student, teacher[:6], labels, 4.0, 0.9)


@pytest.fixture
def short_teacher(monkeypatch, tmp_path):
    """Teachers as short as asked for, and kept where nobody else looks."""
    monkeypatch.setattr(teachers, "MIN_STEPS", 1)
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path))


@pytest.fixture(scope="module")
def result(tiny):
    torch.set_num_threads(1)
    return list(assemble.run(kd, TINY, tiny))[-1]


def test_result_states_its_arms_and_labels(result, tiny):
    assert [arm.name for arm in result.arms] == [kd.TEACHER, kd.ALONE, kd.DISTILLED]
    for arm in result.arms:
        assert arm.labels == 50
        assert [t.seed for t in arm.trials] == [0, 1]
        for t in arm.trials:
            assert sum(map(sum, t.confusion)) == len(tiny.test)
            assert t.test_errors == len(tiny.test) - sum(t.confusion[c][c] for c in range(10))
            assert t.curve[-1][0] == 2
            assert len(t.gallery_logits) == len(tiny.gallery)
    assert result.arm(kd.DISTILLED).teacher_labels == 50
    assert result.arm(kd.ALONE).teacher_labels is None


def test_another_seed_gives_others(result, tiny):
    other = list(assemble.run(kd, TINY.model_copy(update={"seed": 5}), tiny))[-1]
    assert other.without_timings() != result.without_timings()


def test_join_refuses_trials_that_do_not_belong_together(tiny, uci):
    shared = drained(assemble.prepare(kd, TINY, tiny))
    one, two = (drained(assemble.trial(kd, TINY, tiny, shared, seed)) for seed in (0, 1))
    with pytest.raises(ValueError, match="different seeds"):
        assemble.joined(kd, TINY, [one, one])
    with pytest.raises(ValueError, match="different seeds"):
        assemble.joined(kd, TINY, [])
    hotter = two.model_copy(update={"settings": {**two.settings, "temperature": 9.0}})
    with pytest.raises(ValueError, match="equal settings"):
        assemble.joined(kd, TINY, [one, hotter])
    with pytest.raises(Problem, match="do not all have the same data"):
        next(assemble.trial(kd, TINY, uci, shared, 0))
    assert assemble.joined(kd, TINY, [two, one]) == assemble.joined(kd, TINY, [one, two])


def test_one_trial_claims_nothing_of_other_trials(tiny):
    result = list(assemble.run(kd, TINY.model_copy(update={"seeds": 1}), tiny))[-1]
    assert result.verdict.kind == "single"
    assert not any("From trial to trial" in str(sentence) for sentence in result.verdict.scope)


def test_students_are_paired(tiny):
    # alpha = 0 makes the distilled student's loss plain cross entropy: pairing must make both arms one.
    result = list(assemble.run(kd, TINY.model_copy(update={"alpha": 0.0}), tiny))[-1]
    alone, distilled = result.arm(kd.ALONE), result.arm(kd.DISTILLED)
    assert [t.gallery_logits for t in alone.trials] == [t.gallery_logits for t in distilled.trials]
    assert "No difference at all" in str(result.verdict.text)


@pytest.mark.parametrize("events_taken", [1, 6, *(pytest.param(n, marks=pytest.mark.proof) for n in (3, 10))])
@pytest.mark.parametrize("teacher_data", ["same", "all"])
def test_closing_the_stream_half_way_frees_everything(tiny, monkeypatch, teacher_data, events_taken):
    models, build = [], kd.network_of

    def spy(*args, **named):
        models.append(weakref.ref(model := build(*args, **named)))
        return model

    monkeypatch.setattr(kd, "network_of", spy)
    config = TINY.model_copy(update={"teacher_data": teacher_data, "teacher_epochs": 1})
    stream = assemble.run(kd, config, dataclasses.replace(tiny, name="another name"))
    for _ in range(events_taken):
        next(stream)
        assert not torch.is_inference_mode_enabled()
        assert torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")
    stream.close()
    del stream
    gc.collect()
    assert models
    assert all(model() is None for model in models)


@pytest.mark.usefixtures("short_teacher")
def test_teacher_of_all_labels_is_shared_and_its_logits_indexed_by_sample(tiny):
    config = TINY.model_copy(update={"teacher_data": "all", "teacher_epochs": 1})
    shared = drained(assemble.prepare(kd, config, tiny))
    used = torch.cat([kd._sample(config, tiny, seed) for seed in (0, 1)]).unique()
    assert torch.isfinite(shared.teacher_logits[used]).all()
    assert shared.teacher_logits.isnan().any(1).sum() == len(tiny.train) - len(used)
    result = list(assemble.run(kd, config, tiny))[-1]  # the second run finds the teacher that the first has kept
    assert result.arm(kd.TEACHER).shared
    assert len(result.arm(kd.TEACHER).trials) == 1
    assert result.arm(kd.DISTILLED).teacher_labels == len(tiny.train)
    assert result.notes == ()
    assert result.provenance.teacher_created is None  # only MNIST's teachers are kept


def truncated(path, teacher):
    path.write_bytes(path.read_bytes()[:100])


def of_other_data(path, teacher):
    teachers.keep(path, dataclasses.replace(teacher, data="another digest"))


def not_finite(path, teacher):
    broken = {name: torch.full_like(value, math.nan) for name, value in teacher.weights.items()}
    teachers.keep(path, dataclasses.replace(teacher, weights=broken))


def of_another_shape(path, teacher):
    broken = {name: value[:1].clone() for name, value in teacher.weights.items()}
    teachers.keep(path, dataclasses.replace(teacher, weights=broken))


@pytest.mark.parametrize(
    "harm",
    [
        None,
        truncated,
        *(pytest.param(h, marks=pytest.mark.proof) for h in (of_other_data, not_finite, of_another_shape)),
    ],
)
@pytest.mark.usefixtures("short_teacher")
def test_kept_teacher_is_used_again_unless_it_does_not_fit(tiny, tmp_path, caplog, harm):
    data = dataclasses.replace(tiny, name="MNIST")  # only MNIST's teachers are kept
    config = TINY.model_copy(update={"teacher_data": "all", "teacher_epochs": 1, "seeds": 1})
    first = list(assemble.run(kd, config, data))[-1]
    (path,) = (tmp_path / "teachers").glob("*.safetensors")
    if harm:
        harm(path, teachers._read(path))
    again = list(assemble.run(kd, config, data))[-1]
    assert again.without_timings() == first.without_timings()
    assert (again.provenance.teacher_created is None) == (harm is not None)
    assert ("cannot be used" in caplog.text) == (harm is not None)


def test_a_small_training_set_is_seen_until_the_teacher_has_learned(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(teachers, "MIN_STEPS", 12)
    shared = drained(
        assemble.prepare(kd, TINY.model_copy(update={"teacher_data": "all", "teacher_epochs": 1}), tiny)
    )
    assert shared.arms[0].trials[0].curve[-1][0] == 4  # 300 images are 3 batches: 12 steps are 4 epochs


def test_a_teacher_that_knows_no_more_is_said_to_have_little_to_teach(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(teachers, "MIN_STEPS", 1)
    config = TINY.model_copy(
        update={"teacher_data": "all", "teacher_epochs": 1, "epochs": 30, "train_size": 300, "seeds": 1}
    )
    notes = list(assemble.run(kd, config, tiny))[-1].notes
    assert any("little to teach" in str(note) for note in notes)


def test_loss_that_is_not_finite_stops_with_a_sentence(tiny):
    bad = tiny.train.images.clone()
    bad[:] = math.nan
    broken = type(tiny)(tiny.name, type(tiny.train)(bad, tiny.train.labels), tiny.validation, tiny.test, (), ())
    with pytest.raises(Problem, match="not a finite number"):
        list(assemble.run(kd, TINY, broken))


def test_more_images_than_there_are_is_refused(tiny):
    with pytest.raises(Problem, match="the training set has 300"):
        next(assemble.run(kd, TINY.model_copy(update={"train_size": 500}), tiny))


@pytest.mark.proof
def test_real_mnist_teacher_passes_97_per_cent_after_one_epoch(mnist, tmp_path, monkeypatch):
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path))
    config = resolve(DistillationSettings(teacher_epochs=1, seeds=1, fresh_teacher=True))
    shared = drained(assemble.prepare(kd, config, mnist))
    (epoch, errors) = shared.arms[0].trials[0].curve[-1]
    assert epoch == 1
    assert errors < 0.03 * len(mnist.validation)
    assert shared.arms[0].trials[0].test_errors < 0.03 * len(mnist.test)


@pytest.mark.usefixtures("short_teacher")
def test_soft_targets_averaged_over_moved_copies_change_the_distilled_student_alone(tiny):
    plain = TINY.model_copy(update={"teacher_data": "all", "teacher_epochs": 1})
    config = plain.model_copy(update={"test_time_augmentation": 1})
    shared = drained(assemble.prepare(kd, config, tiny))
    teacher, *_ = drained(kd.obtain_teacher(config, tiny, shared.costs[kd.TEACHER]))
    used = torch.cat([kd._sample(config, tiny, seed) for seed in (0, 1)]).unique()
    torch.testing.assert_close(shared.teacher_logits[used], mean_over_moves(teacher, tiny.train.stored[used], 1))
    with_copies, without = (list(assemble.run(kd, one, tiny))[-1].without_timings() for one in (config, plain))
    for arm in (kd.TEACHER, kd.ALONE):
        assert with_copies.arm(arm) == without.arm(arm)
    assert with_copies.arm(kd.DISTILLED) != without.arm(kd.DISTILLED)


@pytest.mark.usefixtures("short_teacher")
def test_another_seed_is_another_teacher_which_is_kept_beside_the_first(tiny, tmp_path):
    data = dataclasses.replace(tiny, name="MNIST")  # only MNIST's teachers are kept
    config = TINY.model_copy(update={"teacher_data": "all", "teacher_epochs": 1, "seeds": 1})
    results = [
        list(assemble.run(kd, config.model_copy(update={"teacher_seed": seed}), data))[-1].without_timings()
        for seed in (0, 3, 3)
    ]
    first, other, again = (result.arm(kd.TEACHER).trials[0] for result in results)
    assert other == again != first
    assert (first.seed, other.seed) == (0, 3)
    assert len(list((tmp_path / "teachers").glob("*.safetensors"))) == 2
    assert results[0].arm(kd.ALONE) == results[1].arm(kd.ALONE)


def test_a_teacher_in_training_mode_is_not_averaged(tiny):
    asked = TINY.model_copy(update={"bug": "training_mode", "test_time_augmentation": 1})
    with pytest.raises(Problem, match="test-time augmentation"):
        kd.check(asked, tiny)


CONTROLLED = TINY.model_copy(
    update={"teacher_data": "all", "arm_smoothing": True, "arm_shuffled": True, "arm_same_labels": True}
)


@pytest.mark.usefixtures("short_teacher")
def test_controls_are_arms_of_their_own_and_leave_the_others_as_they_are(tiny):
    plain = list(assemble.run(kd, CONTROLLED.model_copy(update=dict.fromkeys(CONTROL_FIELDS, False)), tiny))[-1]
    result = list(assemble.run(kd, CONTROLLED, tiny))[-1]
    names = [kd.TEACHER, kd.ALONE, kd.DISTILLED, kd.SMOOTHED, kd.SHUFFLED, kd.EQUAL_TEACHER, kd.EQUAL]
    assert [arm.name for arm in result.arms] == names
    for name in (kd.ALONE, kd.DISTILLED):
        mine, theirs = (r.without_timings().arm(name) for r in (result, plain))
        assert mine == theirs
    logits = [result.arm(name).trials[0].gallery_logits for name in names if name != kd.TEACHER]
    assert len(set(logits)) == len(logits)
    labels = {arm.name: (arm.labels, arm.teacher_labels) for arm in result.arms}
    assert labels[kd.SMOOTHED] == (50, None)
    assert labels[kd.SHUFFLED] == (50, len(tiny.train))
    assert labels[kd.EQUAL_TEACHER] == (50, None)
    assert labels[kd.EQUAL] == (50, 50)
    assert [(v.arm, v.baseline) for v in result.comparisons] == [
        (kd.DISTILLED, control) for control in (kd.SMOOTHED, kd.SHUFFLED, kd.EQUAL)
    ]
    for said in result.comparisons:
        mine, theirs = result.arm(said.arm), result.arm(said.baseline)
        gains = [b.test_errors - a.test_errors for a, b in zip(mine.trials, theirs.trials, strict=True)]
        assert said.difference.mean == pytest.approx(100 * sum(gains) / 2 / len(tiny.test))


def test_a_trial_with_a_teacher_of_its_own_is_one_job():
    assert TINY.teacher_data == "same"
    (job,) = TINY.model_copy(update={"arm_shuffled": True}).jobs
    assert job.arms == (kd.TEACHER, kd.ALONE, kd.DISTILLED, kd.SHUFFLED)
    assert job.prepared


def test_a_small_student_trains_alike_whichever_trials_are_trained_beside_it(tiny, short_teacher):
    config = CONTROLLED.model_copy(update={"student": "mlp30", "seeds": 3, "device": "cpu", "precision": "float32"})
    shared = drained(assemble.prepare(kd, config, tiny))
    several = [job for job in config.jobs if job.trials > 1]
    assert [job.name for job in several] == [kd.ALONE, kd.DISTILLED, kd.SMOOTHED, kd.SHUFFLED]
    for job in several:
        beside = drained(kd.train_trials(config, tiny, shared, (2, 0, 1), job))
        for seed in (0, 2):
            alone = drained(kd.train(config, tiny, shared, seed, job))[job.name]
            assert beside[seed][job.name].model_copy(update={"seconds": alone.seconds}) == alone
            assert alone.weights is not None


@pytest.mark.parametrize(
    "changes", [{"student": "mlp300"}, {"method": "decoupled"}, {"left_out": "3"}, {"precision": "bfloat16"},
                {"precision": "auto"}, {"device": "cuda"}, {"teacher_data": "same"}],
)  # fmt: skip
def test_other_students_are_trained_one_after_another(changes):
    plain = DistillationSettings(student="mlp30", device="cpu", precision="float32")
    assert {job.trials for job in plain.jobs} == {5}
    assert {job.trials for job in plain.model_copy(update=changes).jobs} == {1}


CONTROL_FIELDS = ("arm_smoothing", "arm_shuffled", "arm_same_labels")


def test_the_equal_teachers_student_is_that_of_a_run_whose_teacher_sees_the_same(tiny, short_teacher):
    # Both runs train the same teacher on the same images and distil the same student from it.
    same = list(assemble.run(kd, TINY, tiny))[-1].without_timings()
    controlled = list(assemble.run(kd, CONTROLLED, tiny))[-1].without_timings()
    assert controlled.arm(kd.EQUAL).trials == same.arm(kd.DISTILLED).trials
    assert controlled.arm(kd.EQUAL_TEACHER).trials == same.arm(kd.TEACHER).trials


def test_no_control_for_equal_labels_where_the_teacher_has_no_more(tiny):
    result = list(assemble.run(kd, TINY.model_copy(update={"arm_same_labels": True}), tiny))[-1]
    assert [arm.name for arm in result.arms] == [kd.TEACHER, kd.ALONE, kd.DISTILLED]


@pytest.mark.parametrize("teacher_data", [pytest.param("same", marks=pytest.mark.proof), "all"])
@pytest.mark.parametrize("method", ["decoupled", "attention", "hints"])
@pytest.mark.usefixtures("short_teacher")
def test_further_methods_change_the_distilled_student_only(tiny, method, teacher_data):
    config = TINY.model_copy(update={"student": "article", "seeds": 1, "teacher_data": teacher_data})
    plain = list(assemble.run(kd, config, tiny))[-1].without_timings()
    further = list(assemble.run(kd, config.model_copy(update={"method": method}), tiny))[-1].without_timings()
    assert further.arm(kd.ALONE) == plain.arm(kd.ALONE)
    assert further.arm(kd.DISTILLED).trials != plain.arm(kd.DISTILLED).trials
    if method != "decoupled":  # without its term it is the logit method
        nothing = config.model_copy(update={"method": method, "method_weight": 0.0})
        same = list(assemble.run(kd, nothing, tiny))[-1].without_timings()
        assert same.arm(kd.DISTILLED) == plain.arm(kd.DISTILLED)


def test_attention_without_convolutions_is_refused(tiny):
    with pytest.raises(Problem, match="need convolutions"):
        next(assemble.run(kd, TINY.model_copy(update={"method": "attention"}), tiny))
