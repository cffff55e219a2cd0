"""Runs on data sets that somebody has added: alone and through the queue, kept by their content, exported."""

from dataclasses import replace

import numpy as np
import pytest

from app.results.measuring import checked, measured
from kd_core import distillation, transfer
from kd_core.data import own, pixels
from kd_core.data.chosen import chosen
from kd_core.export import numpy_forward, onnx
from kd_core.messages import Problem
from kd_core.nn import teachers
from kd_core.results.schema import Result
from kd_core.runs.entry import OF_MAP
from kd_core.runs.queue import Queue
from kd_core.runs.store import Store
from kd_core.settings.base import Settings
from kd_core.sweeps.plan import Plan
from kd_core.sweeps.sweep import Sweeps
from tests import brought

BOTH = dict(seeds=2, device="cpu", precision="float32")
DISTIL = distillation.Settings(
    **BOTH, dataset="uci", student="mlp30", train_size=100, epochs=3, teacher="mlp1200", teacher_epochs=1,
    arm_smoothing=True,
)  # fmt: skip
TRANSFER = transfer.Settings(**BOTH, dataset="uci", network="small", labels_per_class=2, epochs=2, source_epochs=1)


@pytest.fixture(scope="module", autouse=True)
def data(tmp_path_factory, uci):
    with brought.folder(tmp_path_factory.mktemp("data")) as at, pytest.MonkeyPatch.context() as patch:
        patch.setattr(teachers, "MIN_STEPS", 60)
        brought.add_uci(uci)
        brought.add_letters()
        yield at


def run(settings: Settings, data) -> Result:
    technique = {"distillation": distillation, "transfer": transfer}[settings.technique]
    *_, result = technique.run(settings, data)
    assert isinstance(result, Result)
    return result


def test_the_question_is_asked_as_of_the_labs_own_data(uci):
    """The same numbers to the last bit as where the same images are the lab's own."""
    result = run(DISTIL, uci)
    assert result.data.name == own.describe("uci").data_name
    assert result.verdict.kind in ("better", "worse", "undetectable")
    rival = run(DISTIL.model_copy(update={"dataset": "mnist"}), replace(own.load("uci"), name="UCI digits"))
    outcome = {(arm.name, t.seed): (t.curve, t.test_errors, t.confusion) for arm in rival.arms for t in arm.trials}
    assert outcome == {
        (arm.name, t.seed): (t.curve, t.test_errors, t.confusion) for arm in result.arms for t in arm.trials
    }


def test_26_classes_train_distil_and_export(uci):
    result = run(DISTIL.model_copy(update={"dataset": "letters", "student": "article", "teacher": "article"}), uci)
    assert result.data.classes == brought.LETTERS
    assert Result.model_validate_json(result.model_dump_json()) == result
    for arm in result.arms:
        trial = arm.trials[0]
        assert len(trial.confusion) == 26
        assert {len(row) for row in trial.gallery_logits} == {26}
        _, apart = checked(result, arm.name)  # ONNX Runtime against what torch answered in the run
        assert 0 < apart < 1e-4
        images = pixels.network_inputs(result.data.name, [digit.index for digit in result.gallery])
        assert np.allclose(numpy_forward.logits(trial.weights, images), trial.gallery_logits, atol=1e-3)
    made = measured(result, "distilled student")
    assert made.of_float32.errors == result.arm("distilled student").trials[0].test_errors
    assert made.of_float32.images == 260
    assert onnx.answers(made.int8, pixels.test_pixels(result.data.name, [0])).shape == (1, 26)


def test_a_new_head_of_26_classes_on_a_source_of_ten(uci):
    result = run(TRANSFER.model_copy(update={"dataset": "letters"}), uci)
    assert "source model as it is" not in [arm.name for arm in result.arms]
    classes = {len(trial.confusion) for arm in result.arms for trial in arm.trials}
    assert classes == {26}
    assert {arm.labels for arm in result.arms} == {52}
    tuned = result.arm("fine-tuning")
    assert tuned.teacher_labels == len(uci.train)
    assert tuned.trials[0].measures["source errors"] > 0
    asked = TRANSFER.model_copy(update={"dataset": "letters"})
    assert asked.effort == 2.6 * TRANSFER.effort, "26 classes, not ten"


@pytest.mark.proof
def test_a_network_of_imagenet_learns_26_classes(uci):
    asked = dict(dataset="letters", network="efficientnet_lite0", seeds=1, epochs=1)
    result = run(TRANSFER.model_copy(update=asked), uci)
    assert [len(arm.trials[0].confusion) for arm in result.arms] == [26, 26]
    assert result.arm("feature extraction").labels == 52


def test_a_teacher_is_trained_once_for_each_content(uci):
    settings = DISTIL.model_copy(update={"dataset": "letters", "teacher_epochs": 2, "seeds": 1})
    assert run(settings, uci).provenance.teacher_created is None
    assert run(settings, uci).provenance.teacher_created is not None
    own.remove("letters")
    brought.add_letters(seed=1)
    assert run(settings, uci).provenance.teacher_created is None


def test_through_the_queue_the_same_and_stored_by_content(data, uci, tmp_path):
    """Workers load the set themselves. Another set of the name never gets its answers."""
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    modules = tuple(settings.module for settings in (DISTIL, TRANSFER))
    queue = Queue({"KD_DATA_DIR": str(data), "KD_WORKERS": "1"}, modules, store=store)
    distil = DISTIL.model_copy(update={"teacher_data": "same"})  # teachers of workers take more steps than here
    try:
        handles = [queue.submit(settings) for settings in (distil, TRANSFER)]
        views = [handle.wait(300) for handle in handles]
        assert [str(view.problem) for view in views] == ["None", "None"]
        first = views[0].result
        alone = run(distil, uci).without_timings()
        assert first.without_networks().without_timings().arms == alone.without_networks().arms
        assert views[1].result.data == first.data
        assert queue.submit(distil).wait(60).stored
        brought.add_letters("theirs", owner="ada")
        theirs = DISTIL.model_copy(update={"dataset": "theirs"})
        plan = Plan.read("distillation", ["temperature=1,2"], {"dataset": "theirs"})
        assert "no data set called theirs" in str(queue.refusal(theirs, "bob"))
        assert queue.refusal(theirs, "ada") is None
        with pytest.raises(Problem, match="no data set called theirs"):
            queue.submit(theirs, OF_MAP + "bob", plan=plan.model_dump())
        with pytest.raises(Problem, match="no data set called theirs"):
            Sweeps(queue, "sqlite://").start(plan, "bob")
        own.remove("uci")
        view = queue.submit(distil).wait(60)
        assert view.state == "failed"
        assert "no data set called uci" in str(view.problem)
        brought.add_letters("uci", classes=brought.LETTERS[:10])
        again = queue.submit(distil).wait(60)
        assert not again.stored
        assert again.result.data != first.data
    finally:
        queue.close()
        store.close()


def test_what_a_set_cannot_give_is_refused_in_a_sentence(uci):
    def refused(settings: Settings) -> str:
        with pytest.raises(Problem) as raised:
            run(settings, uci)
        return str(raised.value)

    letters = DISTIL.model_copy(update={"dataset": "letters"})
    assert "521 labelled images" in refused(letters.model_copy(update={"train_size": 521}))
    assert "MNIST's" in refused(letters.model_copy(update={"left_out": "3"}))
    assert "has no data set called nobody" in refused(DISTIL.model_copy(update={"dataset": "nobody"}))
    of_transfer = TRANSFER.model_copy(update={"dataset": "letters", "labels_per_class": 21})
    assert "has only 20" in refused(of_transfer)
    for name in ("auto", "own", "../up", "A", "a b", ""):
        with pytest.raises(Problem, match="dataset"):
            distillation.Settings.parse({"dataset": name})
    many = tuple(f"class {number}" for number in range(62))
    brought.add_letters("many", classes=many)
    assert "each of the 62 classes" in refused(letters.model_copy(update={"dataset": "many", "train_size": 61}))
    assert chosen("many", uci).classes == many
