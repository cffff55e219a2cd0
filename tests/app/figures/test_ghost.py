"""The previous run behind the new one's curves: its own mean, in the panel of the same arm, and named."""

from datetime import UTC, datetime, timedelta
from statistics import fmean

import pytest

from app.figures import arms, ghost
from app.figures.arms import COLOURS
from app.i18n.text import Translate
from app.meta_learning import figures as meta_figures
from app.multitask import figures as multitask_figures
from app.results.bundled import recorded
from kd_core.distillation.settings import ALONE, DISTILLED, DistillationSettings
from kd_core.results.comparability import group
from kd_core.runs.store import Entry
from kd_core.settings.common import TEACHER

ENGLISH = Translate("en")
DRAWN = {
    "distillation": arms.learning_curves,
    "transfer": arms.learning_curves,
    "multitask": multitask_figures.curves_by_task,
    "meta_learning": meta_figures.training_curves,
}


def test_it_keeps_the_mean_curve_of_every_arm_that_has_trials_of_its_own():
    result = recorded("distillation")
    kept = ghost.of(result)
    assert set(kept.curves) == {ALONE, DISTILLED}  # the teacher is one network, and no curve of trials
    trials = result.arm(DISTILLED).trials
    expected = fmean(100 * t.curve[-1][1] / result.data.validation for t in trials)
    assert kept.curves[DISTILLED][-1] == (trials[0].curve[-1][0], pytest.approx(expected))


@pytest.mark.parametrize("technique", list(DRAWN))
def test_it_lies_behind_each_arm_in_its_own_panel_and_is_named_once(technique):
    result = recorded(technique)
    figure = DRAWN[technique](result, ENGLISH)
    before = len(figure.data)
    drawn = ghost.behind(figure, ghost.of(result), ENGLISH)
    behind = drawn.data[: len(drawn.data) - before]
    assert behind
    assert {trace.name for trace in behind} == {"previous run"}
    assert sum(bool(trace.showlegend) for trace in behind) == 1
    for trace in behind:
        assert trace.opacity < 0.5
        alike = [t for t in drawn.data[len(behind) :] if t.line.color == trace.line.color and t.mode != "lines"]
        assert any((t.xaxis, t.yaxis) == (trace.xaxis, trace.yaxis) for t in alike)


def test_live_curves_have_it_first_and_in_the_legend():
    curves = {("student", ALONE, 0): ((1, 50, 100),)}
    option = arms.live_curves(curves, {}, {("student", ALONE, 0): 5}, "student", ENGLISH)
    with_it = ghost.behind_live(option, ghost.of(recorded("distillation")), ENGLISH)
    first, second, *own = with_it["series"]
    assert first["name"] == second["name"] == "previous run"
    assert {first["lineStyle"]["color"], second["lineStyle"]["color"]} == {COLOURS[ALONE], COLOURS[DISTILLED]}
    assert own == option["series"]
    assert with_it["legend"]["data"] == [ALONE, "previous run"]
    assert TEACHER not in {s["name"] for s in with_it["series"]}


def test_the_one_before_is_the_newest_finished_one_of_the_same_kind():
    def entry(run, minutes, state="finished", data="MNIST", technique="distillation", origin="trained"):
        return Entry(
            id=run, technique=technique, settings=DistillationSettings().model_dump(), state=state,
            origin=origin, created=datetime(2026, 11, 25, tzinfo=UTC) + timedelta(minutes=minutes), seconds=1.0,
            data=data, verdict=None, validation={}, problem=None,
        )  # fmt: skip

    kind = group("distillation", {}, "MNIST")
    entries = [
        entry("oldest", 0), entry("older", 1), entry("failed", 2, "failed"), entry("other", 3, data="UCI digits"),
        entry("transfer", 3, technique="transfer"), entry("theirs", 3, origin="imported"),
        entry("mine", 4, "running"), entry("later", 5),
    ]  # fmt: skip
    assert ghost.before(entries, "mine", kind) == "older"
    assert ghost.before(entries, "oldest", kind) is None
    assert ghost.before(entries, "nobody", kind) == "later"
    assert ghost.before([], "mine", kind) is None
