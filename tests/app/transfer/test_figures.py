"""Distances, forgetting and the person's own point against means made by hand."""

import pytest

from app.i18n.text import Translate
from app.transfer import figures
from app.transfer.bundled import lambda_map, recorded_curve
from kd_core import transfer
from kd_core.messages import message
from kd_core.results.schema import Arm, ArmTrial, Cost, Dataset, Interval, Provenance, Result, Verdict
from kd_core.settings.common import SCRATCH
from kd_core.transfer.settings import FROZEN, TUNED, TransferSettings

EN = Translate("en")
NOTHING = Interval(mean=0.0, low=None, high=None, n=1, confidence=0.95)


def arm(name, errors, measures):
    trials = tuple(
        ArmTrial(seed=seed, curve=((1, 5),), test_errors=wrong, confusion=((200,),), mistakes=(), bins=(),
                 gallery_logits=(), seconds=0.0, measures=found)
        for seed, (wrong, found) in enumerate(zip(errors, measures, strict=True))
    )  # fmt: skip
    cost = Cost(parameters=1, multiply_adds=1, bytes=4, latency_ms=0.0)
    mean = Interval(mean=10_000 * sum(errors) / len(errors) / 200, low=None, high=None, n=2, confidence=0.95)
    return Arm(name=name, model="", labels=50, teacher_labels=None, shared=False, cost=cost, trials=trials,
               errors_per_10000=mean)  # fmt: skip


def measured(first, second, tenth, forgotten):
    return {"distance, layer 10": tenth, "distance, layer 1": first, "distance, layer 2": second,
            "source errors": forgotten, "trainable parameters": 7.0}  # fmt: skip


@pytest.fixture
def result():
    arms = (
        arm(SCRATCH, (30, 20), ({"trainable parameters": 9.0},) * 2),
        arm(FROZEN, (40, 28), (measured(0.0, 0.0, 0.0, 50.0),) * 2),
        arm(TUNED, (10, 16), (measured(1.0, 2.0, 4.0, 900.0), measured(3.0, 5.0, 8.0, 1100.0))),
    )
    verdict = Verdict(kind="better", arm=TUNED, baseline=SCRATCH, difference=NOTHING, text=message("x"), scope=())
    return Result(
        technique="transfer", version=1, settings=TransferSettings(labels_per_class=20).model_dump(),
        data=Dataset(name="MNIST 5-9", train=1, validation=1, test=200), gallery=(), arms=arms, verdict=verdict,
        notes=(), provenance=Provenance(created="", seconds=0, processor="", cores=1, python="", torch=""),
    )  # fmt: skip


def test_distances_are_means_over_trials_in_the_order_of_the_layers(result):
    assert figures.distances(result) == {FROZEN: [0, 0, 0], TUNED: [2.0, 3.5, 6.0]}
    bars = {bar.name: list(bar.y) for bar in figures.distance_by_layer(result, EN).data}
    assert bars == {"feature extraction": [0, 0, 0], "fine-tuning": [2.0, 3.5, 6.0]}


def test_forgetting_pairs_the_gain_with_the_source_errors(result):
    # of 200 images: (30 - 10) and (20 - 16) fewer errors are 10 and 2 points; frozen: -5 and -4
    pairs = figures.gains_and_losses(result)
    assert pairs == {FROZEN: ([-5.0, -4.0], [50.0, 50.0]), TUNED: ([10.0, 2.0], [900.0, 1100.0])}
    means = {t.name: (t.x[0], t.y[0]) for t in figures.forgetting(result, EN).data if t.name}
    assert means == {"feature extraction": (-4.5, 50.0), "fine-tuning": (6.0, 1000.0)}


def test_own_run_is_a_point_only_on_the_curves_own_task(result):
    curve = recorded_curve()
    assert figures.own_run(result, curve) == {"labels": 20, "scratch": 1250.0, "tuned": 650.0}
    assert figures.own_run(None, curve) is None
    for change in ({"task": "rotated"}, {"source_kind": "random_labels"}, {"network": "vgg16"}):
        other = result.model_copy(update={"settings": {**result.settings, **change}})
        assert figures.own_run(other, curve) is None
    elsewhere = result.model_copy(update={"data": result.data.model_copy(update={"name": "UCI digits 5-9"})})
    assert figures.own_run(elsewhere, curve) is None


def test_map_of_distances_has_a_cell_for_each_layer_and_lambda():
    recorded = {**lambda_map(), "lams": [0.0, 10.0], "distance": [[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]]}
    figure = figures.distance_map(recorded, EN)
    (cells,) = figure.data
    assert list(cells.y) == ["0", "10"]
    assert list(cells.x) == ["layer 1", "layer 2", "layer 3"]
    assert [list(row) for row in cells.z] == [[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]]
    written = {(label.y, label.x): label.text for label in figure.layout.annotations}
    assert written[1, 2] == "0.30"
    assert len(written) == 6


def test_recorded_map_is_of_the_default_settings_and_falls_with_lambda():
    recorded = lambda_map()
    assert recorded["version"] == transfer.RESULT_VERSION
    left_out = {"precision", "device", "seeds", "lam"}
    expected = {name: value for name, value in TransferSettings().model_dump().items() if name not in left_out}
    settings = TransferSettings.parse(recorded["settings"]).model_dump()  # what came later is at its default
    assert {name: value for name, value in settings.items() if name not in left_out} == expected
    assert recorded["lams"] == [float(mark) for mark in TransferSettings.specs()["lam"].marks]
    for layer in zip(*recorded["distance"], strict=True):
        assert list(layer) == sorted(layer, reverse=True)


def test_without_a_moved_layer_there_is_nothing_to_draw(result):
    still = result.model_copy(update={"arms": (arm(SCRATCH, (30, 20), ({"trainable parameters": 9.0},) * 2),)})
    assert figures.distances(still) == {}
    assert figures.gains_and_losses(still) == {}


@pytest.mark.parametrize(("lam", "place"), [(0.0, "left:0.0%"), (0.1, "left:50.0%"), (10.0, "left:99.0%")])
def test_lambda_scale_marks_both_ends_and_the_value_between(lam, place):
    shown = figures.lambda_scale(lam, EN)
    assert place in shown
    assert f"λ = {lam:g}" in shown
    assert "λ = 0: fine-tuning" in shown
    assert "λ → ∞: feature extraction" in shown
