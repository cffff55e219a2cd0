"""The penalty against closed forms; the arms against what their names promise; the run against its contract."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from kd_core.data.variants import inverted, only, random_labels, rotated, shuffled_pixels
from kd_core.messages import Problem
from kd_core.nn import teachers
from kd_core.nn.evaluation import predict
from kd_core.nn.seeding import seeded
from kd_core.results import records
from kd_core.runs import assemble
from kd_core.runs.assemble import drained
from kd_core.transfer import trainer as tr
from kd_core.transfer.presets import TRANSFER_LIMITS, TRANSFER_PRESETS
from kd_core.transfer.settings import TransferSettings

TINY = TransferSettings(
    labels_per_class=4, epochs=2, seeds=2, network="small", source_epochs=1, precision="float32", device="cpu"
)


def weights(seed: int = 0) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(shape, generator=g, dtype=torch.float64) for name, shape in (("w", (3, 2)), ("b", (3,)))
    }


@settings(max_examples=40)
@given(seed=st.integers(0, 1000), lam=st.floats(0, 100))
def test_penalty_and_its_gradient_are_the_closed_form(seed, lam):
    theta, reference = weights(seed), weights(seed + 1)
    for tensor in theta.values():
        tensor.requires_grad_(True)
    penalty = tr.l2_sp_penalty(theta, reference, lam)
    by_hand = lam * sum(((theta[n] - reference[n]) ** 2).sum().item() for n in theta)
    assert penalty.item() == pytest.approx(by_hand, rel=1e-12, abs=1e-300)
    penalty.backward()
    for name, tensor in theta.items():
        torch.testing.assert_close(tensor.grad, 2 * lam * (tensor.detach() - reference[name]))


def test_penalty_by_hand_leaves_the_new_head_out():
    theta = {"base": torch.tensor([1.0, 3.0]), "head": torch.tensor([100.0])}
    assert tr.l2_sp_penalty(theta, {"base": torch.tensor([0.0, 1.0])}, 0.5).item() == pytest.approx(0.5 * (1 + 4))


def test_no_gradient_reaches_the_reference_and_bad_input_is_named():
    theta, reference = weights(), weights(1)
    reference["w"].requires_grad_(True)
    theta["w"].requires_grad_(True)
    tr.l2_sp_penalty(theta, reference, 1.0).backward()
    assert reference["w"].grad is None
    for lam in (-1.0, math.nan, math.inf):
        with pytest.raises(Problem, match="lambda = "):
            tr.l2_sp_penalty(theta, reference, lam)
    with pytest.raises(KeyError, match="no parameters"):
        tr.l2_sp_penalty({}, reference, 1.0)
    with pytest.raises(ValueError, match=r"\[3, 2\].*\[3\]"):
        tr.l2_sp_penalty(theta, {"w": torch.zeros(3)}, 1.0)


def of_a_net_with_batch_norm():
    """A network's state before and after a step of training: weights, running statistics, a counter."""
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net(torch.randn(8, 3, generator=seeded(0, "x")))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1)
    return net, net.state_dict(), before


def test_penalty_over_a_state_with_batch_norm_is_not_cut_to_an_integer():
    net, after, before = of_a_net_with_batch_norm()
    assert after["1.num_batches_tracked"] == before["1.num_batches_tracked"] + 1
    floats = [name for name in before if before[name].is_floating_point()]
    by_hand = sum(((after[name].double() - before[name].double()) ** 2).sum().item() for name in floats)
    assert tr.l2_sp_penalty(after, before, 0.5).item() == pytest.approx(0.5 * by_hand, rel=1e-6)
    weights_alone = {name: before[name] for name, _ in net.named_parameters()}
    count = sum(value.numel() for value in weights_alone.values())
    theta = dict(net.named_parameters())
    assert tr.l2_sp_penalty(theta, weights_alone, 0.5).item() == pytest.approx(0.5 * 0.01 * count, rel=1e-5)


def test_penalty_refuses_memory_that_is_shared():
    net, _, _ = of_a_net_with_batch_norm()
    theta = dict(net.named_parameters())
    state = {name: net.state_dict()[name] for name in theta}
    for alias in (theta, state, {name: value.detach().view_as(value) for name, value in theta.items()}):
        with pytest.raises(
            ValueError, match=r"0\.weight of parameters and of pretrained share memory: give clones"
        ):
            tr.l2_sp_penalty(theta, alias, 1.0)
    flat = torch.arange(4.0)  # side by side in one block: not shared
    assert tr.l2_sp_penalty({"w": flat[:2]}, {"w": flat[2:]}, 1.0).item() == 8


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_penalty_in_every_float_type_and_mixed_with_others(dtype):
    theta, reference = ({n: v.to(dtype) for n, v in weights(seed).items()} for seed in (0, 1))
    by_hand = sum(((theta[n].double() - reference[n].double()) ** 2).sum().item() for n in theta)
    penalty = tr.l2_sp_penalty(theta, reference, 0.5)
    assert penalty.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert penalty.item() == pytest.approx(0.5 * by_hand, rel=1e-6)
    mixed = {"z": torch.tensor([3.0], dtype=torch.float64), **theta, "y": torch.tensor([2.0], dtype=torch.float16)}
    there = {name: torch.zeros_like(value) for name, value in mixed.items()}
    expected = sum((value.double() ** 2).sum().item() for value in mixed.values())
    assert tr.l2_sp_penalty(mixed, there, 1.0).item() == pytest.approx(expected, rel=1e-6)


def test_penalty_is_differentiable_in_lambda_and_inside_torch_func():
    theta, reference = weights(), weights(1)
    lam = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    both = (theta["w"].requires_grad_(), lam)
    assert torch.autograd.gradcheck(lambda w, lam: tr.l2_sp_penalty({"w": w}, {"w": reference["w"]}, lam), both)
    mine = torch.func.grad(lambda p: tr.l2_sp_penalty(p, reference, 0.5))(weights())
    torch.testing.assert_close(mine["w"], weights()["w"] - reference["w"])


def test_penalty_refuses_what_is_no_mapping_of_weights():
    net, after, _ = of_a_net_with_batch_norm()
    with pytest.raises(TypeError, match="parameters is of type generator; a mapping"):
        tr.l2_sp_penalty(net.named_parameters(), after, 1.0)
    with pytest.raises(TypeError, match=r"w is torch\.float32, but torch\.int64 was pretrained"):
        tr.l2_sp_penalty({"w": torch.ones(2)}, {"w": torch.ones(2, dtype=torch.long)}, 1.0)
    with pytest.raises(ValueError, match="only integers"):
        tr.l2_sp_penalty({"w": torch.tensor(3)}, {"w": torch.tensor(2)}, 1.0)
    with pytest.raises(TypeError, match=r"w is of type list; a tensor"):
        tr.l2_sp_penalty({"w": [1.0]}, {"w": torch.ones(1)}, 1.0)
    with pytest.raises(TypeError, match=r"lambda is .* single real number"):
        tr.l2_sp_penalty(weights(), weights(1), torch.ones(2))


def test_the_references_are_clones(tiny):
    # Li et al.'s term in a popular port compared the weights with themselves: always 0.
    base = {"w": torch.nn.Parameter(torch.ones(2))}
    loss_fn = tr._anchored(tiny.train, base, 1.0)
    logits = torch.zeros(1, 10)
    before = loss_fn(logits, torch.tensor([0])).item()
    with torch.no_grad():
        base["w"].add_(3)
    assert loss_fn(logits, torch.tensor([0])).item() == pytest.approx(before + 2 * 9)


# Tasks


def test_tasks_keep_labels_and_say_what_they_are(tiny):
    low, high = only(tiny, range(5)), only(tiny, range(5, 10))
    assert low.train.labels.unique().tolist() == [0, 1, 2, 3, 4]
    assert high.test.labels.unique().tolist() == [5, 6, 7, 8, 9]
    assert len(low.train) + len(high.train) == len(tiny.train)
    assert high.name.endswith(" 5-9")
    turned = rotated(tiny).train.images
    torch.testing.assert_close(turned[:, :, 0, :], tiny.train.images[:, :, :, 27])  # the right edge is now on top
    whole = (inverted(tiny).train.images + tiny.train.images) * 0.3081 + 2 * 0.1307
    torch.testing.assert_close(whole, torch.ones_like(whole))
    moved = shuffled_pixels(tiny, seeded(0, "p"))
    assert not torch.equal(moved.train.images, tiny.train.images)
    torch.testing.assert_close(
        moved.train.images.flatten(1).sort(1).values, tiny.train.images.flatten(1).sort(1).values
    )
    drawn = random_labels(tiny, seeded(0, "r"))
    assert 0.02 < (drawn.train.labels == tiny.train.labels).float().mean() < 0.2  # one in ten by chance
    assert torch.equal(drawn.train.images, tiny.train.images)


def test_uci_as_target_needs_mnist(tiny):
    with pytest.raises(Problem, match="needs MNIST"):
        tr.target_of(TINY.model_copy(update={"task": "uci"}), tiny)


# Runs


@pytest.fixture(autouse=True)
def _short_source(monkeypatch, tmp_path):
    monkeypatch.setattr(teachers, "MIN_STEPS", 1)
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path))


def test_arms_name_their_labels_and_are_compared_in_pairs(tiny):
    *_, result = assemble.run(tr, TINY, tiny)
    assert [arm.name for arm in result.arms] == [job.name for job in TINY.jobs]
    assert result.data.name.endswith("5-9")
    source = only(tiny, range(5))
    for arm in result.arms:
        assert arm.labels == 20
        assert arm.teacher_labels == (None if arm.name == tr.SCRATCH else len(source.train))
        assert [t.seed for t in arm.trials] == [0, 1]
    assert [(v.arm, v.baseline) for v in result.comparisons] == list(tr.PAIRS)
    assert (result.verdict.arm, result.verdict.baseline) == (tr.TUNED, tr.SCRATCH)


def network(result, arm, shared):
    from safetensors.torch import load

    return load(result.arm(arm).trials[0].weights)


def test_frozen_layers_do_not_change_by_one_bit_and_the_head_is_trained_as_if_they_ran(tiny):
    config = TINY.model_copy(update={"seeds": 1})
    shared = drained(assemble.prepare(tr, config, tiny))
    result = drained(assemble.trial(tr, config, tiny, shared, 0))
    frozen = network(result, tr.FROZEN, shared)
    for name in frozen.keys() - {"9.weight", "9.bias"}:
        assert torch.equal(frozen[name], shared.source[name]), name
    trial = result.arm(tr.FROZEN).trials[0]
    whole = tr._start(config, shared, 0)  # what the frozen layers give is kept: the answers are those of all layers
    whole.load_state_dict(frozen)
    test = only(tiny, range(5, 10)).test
    assert trial.mistakes == records.mistakes(predict(whole, test.stored), test.labels)
    assert trial.measures["source errors"] == tr._source_errors(config, whole, tiny, shared)
    assert {v for k, v in trial.measures.items() if k.startswith("distance")} == {0.0}
    assert trial.measures["trainable parameters"] == 32 * 10 + 10
    # The same head, trained with the base run in every step: the article's way.
    model = tr._start(config, shared, 0)
    target = only(tiny, range(5, 10))
    sample = tr.subset(target.train.labels, 20, seeded(0, "sample"))
    images, labels = target.train.images[sample], target.train.labels[sample]
    optimizer = torch.optim.SGD(
        model[-1].parameters(), lr=config.learning_rate, momentum=0.9, weight_decay=config.weight_decay
    )
    order = seeded(0, "order")
    for _epoch in range(config.epochs):
        for batch in torch.randperm(20, generator=order).split(config.batch_size):
            with torch.no_grad():
                features = model[:-1].eval()(images[batch])
            loss = F.cross_entropy(model[-1](features), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    torch.testing.assert_close(frozen["9.weight"], model[-1].weight.detach(), atol=1e-5, rtol=0)


def test_lambda_zero_is_fine_tuning_and_the_distance_falls_as_it_grows(tiny):
    shared = drained(assemble.prepare(tr, TINY, tiny))

    def moved(lam):
        config = TINY.model_copy(update={"lam": lam, "epochs": 20})
        result = drained(assemble.trial(tr, config, tiny, shared, 0)).without_timings()
        measures = result.arm(tr.ANCHORED).trials[0].measures
        return result, math.hypot(*(v for k, v in measures.items() if k.startswith("distance")))

    result, _ = moved(0.0)
    tuned, anchored = (result.arm(name).trials[0] for name in (tr.TUNED, tr.ANCHORED))
    assert anchored.model_copy(update={"seed": tuned.seed}) == tuned
    distances = [moved(lam)[1] for lam in (1e-4, 1e-2, 1e-1, 1.0, 10.0)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.2 * distances[0]


def test_the_step_size_bears_lambda():
    rates = [
        tr._base_rate(TINY.model_copy(update={"lam": lam}), tr.ANCHORED) for lam in (0.0, 0.01, 0.1, 1.0, 10.0)
    ]
    assert rates == pytest.approx([0.005, 0.005, 0.005, 0.0005, 0.00005])
    assert tr._base_rate(TINY.model_copy(update={"lam": 10.0}), tr.TUNED) == 0.005


def test_arms_start_where_they_should(tiny):
    shared = drained(assemble.prepare(tr, TINY, tiny))
    transferred, scratch = (tr._start(TINY, source, 0) for source in (shared, None))
    old = tr._source_model(TINY, shared)[-1]
    assert torch.equal(transferred[-1].weight, scratch[-1].weight)  # paired
    assert not torch.equal(transferred[0].weight, scratch[0].weight)
    assert torch.equal(transferred[0].weight, shared.source["0.weight"])
    assert not torch.equal(transferred[-1].weight, old.weight)


@pytest.mark.parametrize("task", ["rotated", "inverted"])
def test_source_as_it_is_is_an_arm_where_the_classes_are_the_same(tiny, task):
    result = list(assemble.run(tr, TINY.model_copy(update={"task": task, "seeds": 1}), tiny))[-1]
    as_is = result.arms[0]
    assert as_is.name == tr.SOURCE
    assert as_is.shared
    assert as_is.labels == 0
    assert as_is.teacher_labels == len(tiny.train)


@pytest.mark.parametrize("kind", ["random_labels", "shuffled_pixels"])
def test_other_lessons_of_the_source_run(tiny, kind):
    result = list(assemble.run(tr, TINY.model_copy(update={"source_kind": kind, "seeds": 1}), tiny))[-1]
    assert result.arm(tr.TUNED).trials[0].test_errors >= 0


@pytest.mark.parametrize("preset", [*TRANSFER_PRESETS.values(), *TRANSFER_LIMITS.values()], ids=lambda p: p.label)
def test_presets_are_valid_and_have_a_target(preset, tiny):
    chosen = TransferSettings.parse(preset.values)
    if chosen.task != "uci":
        assert len(tr.target_of(chosen, tiny).test)


def test_more_labels_than_there_are_are_refused(tiny):
    with pytest.raises(Problem, match="labels per class were asked for"):
        next(assemble.run(tr, TINY.model_copy(update={"labels_per_class": 500}), tiny))


def test_forgetting_is_the_sources_errors_with_its_old_layer(tiny):
    shared = drained(assemble.prepare(tr, TINY, tiny))
    result = drained(assemble.trial(tr, TINY, tiny, shared, 0))
    source = only(tiny, range(5))
    model = tr._build(TINY, 0)
    model.load_state_dict(shared.source)
    wrong = (predict(model, source.test.images).argmax(1) != source.test.labels).float().mean().item()
    kept = result.arm(tr.FROZEN).trials[0].measures["source errors"]
    assert kept == pytest.approx(10_000 * wrong)  # frozen layers and the old last layer are the source network
