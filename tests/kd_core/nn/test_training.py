"""Devices, precision, generators and the confusion counts."""

import pytest
import sklearn.metrics
import torch
import torch.nn.functional as F

from kd_core.distillation.settings import DistillationSettings
from kd_core.messages import Problem
from kd_core.nn import hardware
from kd_core.nn.evaluation import confusion, count_errors, predict
from kd_core.nn.hardware import resolve, this_machine
from kd_core.nn.networks import build
from kd_core.nn.seeding import seeded
from kd_core.nn.training import REPORTS, doubling, fit, training_loop
from kd_core.results.events import Evaluation, Reporter, Step
from kd_core.results.records import curve_fields
from kd_core.settings.auto import Machine, resolved
from kd_core.techniques import TECHNIQUES
from kd_core.transfer.settings import TransferSettings


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
        resolve(DistillationSettings(device="cuda"))


@pytest.mark.parametrize("technique", [one.settings for one in TECHNIQUES.values()])
def test_auto_means_something_concrete_and_what_was_chosen_stays(technique):
    settings = resolve(technique(device="auto"))
    assert settings.device == this_machine().devices[0]
    assert settings.precision in ("float32", "bfloat16")
    assert resolve(settings) == settings
    asked = technique(device="cpu", precision=list(technique.specs()["precision"].choices)[-1])
    assert resolve(asked) == asked


@pytest.mark.parametrize(
    ("native", "there", "dense", "convolving"),
    [
        (True, True, "bfloat16", "float32"),
        (True, False, "bfloat16", "bfloat16"),
        (False, True, "float32", "float32"),
    ],
)
def test_auto_is_bfloat16_only_where_that_is_faster(monkeypatch, native, there, dense, convolving):
    monkeypatch.setattr("kd_core.nn.hardware.has_native_bfloat16", lambda: native)
    monkeypatch.setattr("kd_core.nn.fastconv.available", lambda: there)
    assert resolve(DistillationSettings(device="cpu", student="mlp30")).precision == dense
    assert resolve(DistillationSettings(device="cpu")).precision == convolving


def test_the_fastest_device_is_taken_and_its_own_arithmetic():
    machine = Machine(("cuda", "cpu"), ("cuda",), compiled=True)
    settings = resolved(DistillationSettings(), machine)
    assert (settings.device, settings.precision) == ("cuda", "bfloat16")  # the compiled pass is the processor's
    assert resolved(DistillationSettings(device="cpu"), machine).precision == "float32"
    assert resolved(TransferSettings(), Machine(("mps", "cpu"), ("cpu",))).precision == "float32"


def test_only_the_articles_networks_are_better_off_in_float32_for_the_compiled_pass():
    machine = Machine(bfloat16=("cpu",), compiled=True)
    for technique, field in (("distillation", "student"), ("transfer", "network")):
        asked = TECHNIQUES[technique].settings(device="cpu")
        for one in asked.specs()[field].choices:
            meant = resolved(asked.model_copy(update={field: one}), machine).precision
            assert meant == ("float32" if one in ("article", "large", "small") else "bfloat16"), one
    assert resolved(TECHNIQUES["multitask"].settings(), machine).precision == "float32"


def test_one_loop_trains_several_arms_and_seeds_in_one_step():
    arms = [Reporter("s", arm, seed) for arm in ("a", "b") for seed in (0, 1)]
    called = []

    def step(number, batch):
        called.append((number, batch))
        return {reporter: torch.tensor(float(number)) for reporter in arms}

    def evaluate(epoch):
        called.append(("evaluated", epoch))
        return [reporter.evaluation(epoch, 25, 0, 1) for reporter in arms]

    events = list(training_loop(step, lambda: "xyz", evaluate, epochs=25, steps=75,
                                evaluated={3, 9, 25}, after_epoch=lambda: called.append("epoch over")))  # fmt: skip
    assert [one for one in called if len(one) == 2 and one[0] != "evaluated"] == [
        (number, "xyz"[(number - 1) % 3]) for number in range(1, 76)
    ]
    assert called.count("epoch over") == 25
    evaluated = [one[1] for one in called if one[0] == "evaluated"]
    assert evaluated == [3, 9, 25]
    assert called[-2:] == ["epoch over", ("evaluated", 25)]
    steps = [event for event in events if isinstance(event, Step)]
    assert REPORTS <= len(steps) / len(arms) <= 2 * REPORTS
    assert [(e.arm, e.seed, e.step, e.loss, e.progress) for e in steps[-4:]] == [
        (arm, seed, 75, 75.0, 1.0) for arm in ("a", "b") for seed in (0, 1)
    ]
    assert sum(isinstance(event, Evaluation) for event in events) == 4 * len(evaluated)


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(1, [1]), (2, [1, 2]), (5, [1, 2, 3, 5]), (20, [1, 2, 3, 5, 10, 20]), (100, [1, 2, 4, 7, 13, 25, 50, 100])],
)
def test_evaluated_after_the_last_epoch_half_as_many_and_so_on_to_the_first(epochs, expected):
    assert doubling(epochs) == expected


def test_a_loss_that_is_not_finite_ends_the_loop_and_names_its_arm():
    losses = {Reporter("s", "a", 0): 1.0, Reporter("s", "b", 0): float("nan")}
    with pytest.raises(Problem, match=r"\(b, step 1\): the loss is not a finite number"):
        list(training_loop(lambda *_: losses, lambda: [0], lambda _: [], epochs=1, steps=1, evaluated=()))


def test_one_cycle_rises_and_falls(tiny):
    model = build("mlp30", "student", seeded(0, "w"))
    rates, labels = [], tiny.train.labels
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def loss(logits, batch):
        rates.append(optimizer.param_groups[0]["lr"])
        return F.cross_entropy(logits, labels[batch])

    for _ in fit(model, tiny.train.images, loss, (tiny.validation.images, tiny.validation.labels),
                 Reporter("s", "a", 0), epochs=2, batch_size=15, learning_rate=0.01, schedule="one_cycle",
                 optimizer=optimizer, order=seeded(0, "order"), precision="float32"):  # fmt: skip
        pass
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(0.01, rel=1e-3)
    assert 0.25 < top / len(rates) < 0.35
    assert rates == [*sorted(rates[: top + 1]), *sorted(rates[top + 1 :], reverse=True)]
    assert rates[-1] < 1e-4


def test_an_average_of_the_weights_is_what_remains(tiny):
    labels = tiny.train.labels
    seen, reported = [], []

    def trained(average):
        model = build("mlp30", "student", seeded(0, "w"))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        optimizer.register_step_post_hook(lambda *_: seen.append([p.detach().clone() for p in model.parameters()]))
        for event in fit(
            model, tiny.train.images, lambda logits, batch: F.cross_entropy(logits, labels[batch]),
            (tiny.validation.images, tiny.validation.labels), Reporter("s", "a", 0), epochs=4, batch_size=15,
            optimizer=optimizer, order=seeded(0, "order"), average=average, precision="float32",
        ):  # fmt: skip
            reported.append(event)
        return model

    last = trained(0.0)
    steps, seen = seen, []
    model = trained(0.5)
    assert all(torch.equal(a, b) for a, b in zip(steps[-1], seen[-1], strict=True))  # training is left alone
    looks = seen[3::4]
    expected = looks[0]
    for look in looks[1:]:
        expected = [0.5**4 * a + (1 - 0.5**4) * b for a, b in zip(expected, look, strict=True)]
    for mine, parameter, plain in zip(expected, model.parameters(), last.parameters(), strict=True):
        torch.testing.assert_close(parameter.detach(), mine)
        assert not torch.equal(parameter, plain)
    logits = predict(model, tiny.validation.images)
    assert reported[-1].errors == count_errors(logits, tiny.validation.labels)


def test_a_curve_is_counted_on_a_sample_spread_evenly_and_its_end_on_all_too(tiny):
    model, labels = build("mlp30", "student", seeded(0, "weights")), tiny.train.labels
    images, truths = tiny.validation.images, tiny.validation.labels
    places = [place * len(images) // 20 for place in range(20)]
    told = []
    for event in fit(
        model, tiny.train.images, lambda logits, batch: F.cross_entropy(logits, labels[batch]), (images, truths),
        Reporter("s", "a", 0), epochs=4, batch_size=15, order=seeded(0, "order"), precision="float32",
        curve_images=20,
    ):  # fmt: skip
        if isinstance(event, Evaluation):
            told.append(event)
            wrong = predict(model, images).argmax(1) != truths
            some = (int(wrong[places].sum()), 20)
            last = event.epoch == 4
            assert (event.errors, event.size) == ((int(wrong.sum()), len(images)) if last else some)
            assert event.on_curve == (some if last else None)
    assert [one.epoch for one in told] == [1, 2, 4]
    assert len(images) > 20
    fields = curve_fields(told)
    assert fields == {"curve": tuple((one.epoch, one.errors) for one in told), "curve_images": 20,
                      "curve_end": told[-1].on_curve[0]}  # fmt: skip
    assert curve_fields([(1, 5)]) == {"curve": ((1, 5),)}


@pytest.mark.parametrize("error", [TypeError("LoadLibrary() argument 1 must be str, not None"), OSError("none")])
def test_keeping_memory_is_left_out_where_there_is_no_glibc(monkeypatch, error):
    """Windows' ctypes.CDLL(None) raises TypeError."""

    def refuses(name):
        asked.append(name)
        raise error

    asked = []
    monkeypatch.setattr(hardware.ctypes, "CDLL", refuses)
    hardware.keep_memory()
    assert asked == [None]
