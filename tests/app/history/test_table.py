"""The history: what is listed of a run, who is ranked against whom, and what can be said between two."""

import io
import json
import math
from datetime import UTC, datetime, timedelta
from statistics import fmean, stdev
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from scipy import stats

from app.history import comparing, table
from app.history.figures import RUN_COLOURS, overlaid
from app.history.table import HistorySettings
from app.i18n.text import Translate
from app.results.bundled import recorded
from kd_core.distillation.settings import ALONE, DISTILLED, DistillationSettings
from kd_core.multitask.settings import TASK_SETS, MultitaskSettings
from kd_core.results.comparability import curves, ends, group, main_arms, score
from kd_core.results.statistics import validation, welch
from kd_core.runs.store import Entry
from kd_core.techniques import TECHNIQUES

ENGLISH = Translate("en")
START = datetime(2026, 11, 25, 12, tzinfo=UTC)


def entry(run, minutes=0, technique="distillation", settings=None, errors=None, state="finished", **more):
    values = TECHNIQUES[technique].settings().model_dump() | (settings or {})
    arms = main_arms(technique, values)
    return Entry(
        id=run, technique=technique, settings=values, state=state, origin=more.pop("origin", "trained"),
        created=START + timedelta(minutes=minutes), seconds=more.pop("seconds", 1.0),
        data=more.pop("data", "MNIST"),
        verdict=None, validation={} if errors is None else dict.fromkeys(arms, errors), problem=None,
    )  # fmt: skip


def with_ends(result, errors, seeds=None, **settings):
    """`result` with these validation errors of its main arm at the last epoch, under these seeds and settings."""
    (name,) = main_arms(result.technique, result.settings)
    trials = []
    for place, last in enumerate(errors):
        trial = result.arm(name).trials[0]
        curve = (*trial.curve[:-1], (trial.curve[-1][0], last))
        trials.append(trial.model_copy(update={"seed": seeds[place] if seeds else place, "curve": curve}))
    arms = tuple(a.model_copy(update={"trials": tuple(trials)}) if a.name == name else a for a in result.arms)
    return result.model_copy(update={"arms": arms, "settings": result.settings | settings})


@pytest.mark.parametrize(
    ("one", "other"),
    [([1.0, 2.0, 4.0], [2.0, 2.5, 9.0, 7.0]), ([3.1, 3.0], [0.2, 0.4, 0.1, 0.3, 0.9]), ([-1.0, 1.0], [5.0, 5.1])],
)
def test_welch_is_scipys(one, other):
    for confidence in (0.95, 0.99):
        found = welch(one, other, confidence)
        expected = stats.ttest_ind(one, other, equal_var=False).confidence_interval(confidence)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
        assert found.mean == pytest.approx(fmean(one) - fmean(other))
        assert found.n == len(one) + len(other)


def test_welch_of_too_little_has_no_interval():
    assert welch([1.0], [2.0, 3.0]).low is None
    assert welch([1.0, 1.0], [2.0, 2.0]).half_width == 0
    with pytest.raises(ValueError, match="both sides"):
        welch([], [1.0])


def test_ranks_are_within_one_technique_data_set_and_task():
    entries = [
        entry("a", errors=300), entry("b", errors=200), entry("c", errors=300),
        entry("d", errors=100, data="UCI digits"), entry("h", errors=1, origin="imported"),
        entry("e", technique="transfer", errors=50), entry("f", errors=10, state="stopped"),
        entry("g", technique="transfer", settings={"task": "rotated"}, errors=70),
        entry("i", errors=400), entry("j"),
    ]  # fmt: skip
    assert table.ranks(entries) == {
        "a": (2, 4), "b": (1, 4), "c": (2, 4), "i": (4, 4), "d": (1, 1), "e": (1, 1), "g": (1, 1),
    }  # fmt: skip


def test_several_tasks_count_by_their_mean_and_all_of_them():
    for tasks in TASK_SETS:
        names = MultitaskSettings(tasks=tasks).task_names
        assert len(main_arms("multitask", {"tasks": tasks})) == len(names)
    arms = main_arms("multitask", {"tasks": "digit_parity"})
    assert score("multitask", {"tasks": "digit_parity"}, dict(zip(arms, (100.0, 300.0), strict=True))) == 200
    assert score("multitask", {"tasks": "digit_parity"}, {arms[0]: 100.0}) is None
    assert score("multitask", {"tasks": "nonsense"}, {}) is None


@pytest.mark.parametrize("technique", list(TECHNIQUES))
def test_main_arms_are_those_of_the_verdict_and_the_score_that_of_the_curves(technique):
    result = recorded(technique)
    arms = main_arms(technique, result.settings)
    assert result.verdict.arm == arms[0]
    by_curve = fmean(ends(result, arms).values())
    by_store = score(technique, result.settings, validation(result))
    assert by_store == pytest.approx(by_curve if technique == "meta_learning" else 100 * by_curve)


def test_one_group_whatever_the_data_is_called():
    assert group("multitask", {"tasks": "two_digits"}, "MNIST two digits") == group(
        "multitask", {"tasks": "two_digits"}, "MNIST"
    )
    assert group("distillation", {}, "MNIST") != group("distillation", {}, "UCI digits")
    assert group("transfer", {"task": "uci"}, "UCI digits") == group("transfer", {"task": "uci"}, "MNIST")
    digits, sinusoids = {"problem": "digits", "ways": 3}, {"problem": "sinusoids", "ways": 3}
    assert group("meta_learning", sinusoids, "sinusoids") == group("meta_learning", sinusoids, "MNIST")
    assert group("meta_learning", digits, "MNIST") != group("meta_learning", {**digits, "ways": 2}, "MNIST")


def test_view_filters_and_sorts():
    entries = [
        entry("old", 0, errors=100, seconds=9.0), entry("new", 9, errors=300),
        entry("stopped", 5, state="stopped"), entry("waiting", 7, state="queued", technique="transfer"),
        entry("theirs", 3, origin="imported", errors=1),
    ]  # fmt: skip

    def ids(**view):
        return [e.id for e in table.chosen(entries, HistorySettings(**view))]

    assert ids() == ["new", "waiting", "stopped", "theirs", "old"]
    assert ids(show="transfer") == ["waiting"]
    assert ids(state="ended") == ["stopped"]
    assert ids(state="under_way") == ["waiting"]
    assert ids(state="imported") == ["theirs"]
    assert ids(state="finished") == ["new", "theirs", "old"]
    assert ids(order="best")[:2] == ["old", "new"]
    assert ids(order="slowest")[0] == "old"


def test_a_row_says_what_is_not_at_its_default_and_links_to_the_page():
    e = entry(
        "r un", settings={"temperature": 8.0, "t_squared": False, "student": "mlp300", "precision": "float32"}
    )
    (row,) = table.table([e], {"r un": (1, 1)}, ENGLISH, "zh").to_dict("records")
    assert row["settings"] == "Temperature T 8, Student two layers of 300, T² in the loss off"
    link = urlsplit(row["open"])
    assert link.path == "distillation"
    asked = {name: values[0] for name, values in parse_qs(link.query).items()}
    assert asked == {"run": "r un", "temperature": "8", "t_squared": "false", "student": "mlp300", "lang": "zh"}
    whole = table.parameters(e, whole=True)
    assert asked.items() - {("lang", "zh")} <= whole.items()
    assert whole["alpha"] == "0.9"
    assert "precision" not in whole  # what "auto" came to is not set for the next run
    assert DistillationSettings.parse({n: v for n, v in whole.items() if n != "run"}).temperature == 8
    plain = table.table([entry("a")], {}, ENGLISH, "en").iloc[0]
    assert plain["settings"] == "all at their defaults"
    assert pd.isna(plain["rank"])
    assert list(table.table([], {}, ENGLISH, "en").columns) == list(table.COLUMNS)


def test_csv_holds_every_run_and_every_setting():
    entries = [entry("a", errors=300), entry("b", errors=200), entry("c", state="failed")]
    read = pd.read_csv(io.StringIO(table.csv(entries, table.ranks(entries))))
    assert list(read["id"]) == ["a", "b", "c"]
    assert list(read["rank"][:2]) == [2, 1]
    assert math.isnan(read["rank"][2])
    assert json.loads(read["settings"][0]) == dict(entries[0].settings)
    assert json.loads(read["validation"][1]) == {DISTILLED: 200}
    assert table.csv([], {}) == ""


def test_names_of_an_address_are_told_apart():
    assert table.named("a,b,a,,x", {"a", "b"}) == (["a", "b"], ["x"])
    assert table.named("", {"a"}) == ([], [])
    assert len(table.named("y" * 999, {})[1][0]) == 30


# Between two runs


def test_equal_seeds_that_drew_equal_images_are_paired():
    whole = recorded("distillation")
    one, other = [200, 220, 215, 190], [180, 210, 190, 185]
    found = comparing.answer(with_ends(whole, one), with_ends(whole, other, temperature=8.0), "A", "B")
    points = [100 * (a - b) / whole.data.validation for a, b in zip(one, other, strict=True)]
    expected = stats.ttest_1samp(points, 0).confidence_interval(0.95)
    assert found.paired
    assert (found.difference.low, found.difference.high) == pytest.approx((expected.low, expected.high))
    assert found.kind == ("better" if expected.low > 0 else "undetectable")
    assert "Paired: 4 trials" in ENGLISH(found.how)


def test_only_seeds_in_common_are_paired():
    whole = recorded("distillation")
    one = with_ends(whole, [200, 220, 900], seeds=[0, 1, 2])
    other = with_ends(whole, [190, 230, 0], seeds=[0, 1, 7])
    found = comparing.answer(one, other, "A", "B")
    assert found.difference.n == 2
    assert found.difference.mean == pytest.approx(0)


@pytest.mark.parametrize("change", [dict(settings={"train_size": 1000}), dict(seeds=[9, 10, 11, 12])])
def test_other_images_or_seeds_are_not_paired(change):
    whole = recorded("distillation")
    one, other = [200, 220, 215, 190], [280, 310, 300, 285]
    second = with_ends(whole, other, change.get("seeds"), **change.get("settings", {}))
    found = comparing.answer(with_ends(whole, one), second, "A", "B")
    scale = 100 / whole.data.validation
    expected = stats.ttest_ind([scale * a for a in one], [scale * b for b in other], equal_var=False)
    low, high = expected.confidence_interval(0.95)
    assert not found.paired
    assert (found.difference.low, found.difference.high) == pytest.approx((low, high))
    assert found.kind == "worse"
    said = ENGLISH(found.how)
    assert "Not paired" in said
    assert ("Labelled images" in said) == ("settings" in change)
    assert "B is worse than A" in ENGLISH(found.text)


def test_what_does_not_measure_the_same_gets_no_verdict():
    whole = recorded("distillation")
    assert comparing.answer(whole, recorded("transfer"), "A", "B").kind == "none"
    uci = whole.model_copy(update={"data": whole.data.model_copy(update={"name": "UCI digits"})})
    assert comparing.answer(whole, uci, "A", "B").kind == "none"
    newer = whole.model_copy(update={"version": whole.version + 1})
    assert "versions of the lab" in ENGLISH(comparing.answer(whole, newer, "A", "B").text)
    assert comparing.answer(recorded("meta_learning"), whole, "A", "B").kind == "none"


def test_one_trial_and_equal_trials_claim_no_interval():
    whole = recorded("distillation")
    one = comparing.answer(with_ends(whole, [200]), with_ends(whole, [100]), "A", "B")
    assert one.kind == "single"
    assert "+2.00 points" in ENGLISH(one.text)
    same = comparing.answer(with_ends(whole, [200, 210]), with_ends(whole, [100, 110]), "A", "B")
    assert same.kind == "single"
    assert comparing.answer(whole, whole, "A", "B").kind == "undetectable"


def test_losses_are_compared_as_ratios():
    whole = recorded("meta_learning")
    (arm,) = main_arms("meta_learning", whole.settings)
    factors = (0.5, 0.45, 0.55, 0.5, 0.6)
    trials = tuple(
        t.model_copy(update={"series": t.series | {
            "validation loss": tuple(factor * loss for loss in t.series["validation loss"])}})
        for t, factor in zip(whole.arm(arm).trials, factors, strict=True)
    )  # fmt: skip
    arms = tuple(a.model_copy(update={"trials": trials}) if a.name == arm else a for a in whole.arms)
    found = comparing.answer(whole, whole.model_copy(update={"arms": arms}), "A", "B")
    expected = stats.ttest_1samp([-math.log10(f) for f in factors], 0).confidence_interval(0.95)
    assert found.kind == "better"
    assert (found.difference.low, found.difference.high) == pytest.approx((expected.low, expected.high))
    assert f"{10**found.difference.mean:.3g} times lower" in ENGLISH(found.text)
    back = comparing.answer(whole.model_copy(update={"arms": arms}), whole, "A", "B")
    assert back.kind == "worse"
    assert back.difference.low == pytest.approx(-expected.high)


def test_several_are_compared_with_the_first_in_wider_intervals():
    whole = recorded("distillation")
    runs = [with_ends(whole, e) for e in ([200, 220, 215], [190, 215, 204], [150, 160, 170], [210, 200, 220])]
    assert len(comparing.answers(runs[:1])) == 0
    (two,) = comparing.answers(runs[:2])
    four = comparing.answers(runs)
    assert two.difference.confidence == 0.95
    assert [a.difference.confidence for a in four] == pytest.approx([1 - 0.05 / 3] * 3)
    assert four[0].difference.half_width > two.difference.half_width
    assert "C is" in ENGLISH(four[1].text)


def test_side_by_side_says_what_differs_and_nothing_else():
    whole = recorded("distillation")
    one, other = with_ends(whole, [200, 220, 240]), with_ends(whole, [100, 110, 150], temperature=8.0)
    assert comparing.differing_settings([one, other]) == {"Temperature T": ["4", "8"]}
    html = comparing.side_by_side([one, other], RUN_COLOURS, ENGLISH)
    assert "Temperature T" in html
    assert "Teacher weight" not in html
    scale = 10_000 / whole.data.validation
    assert f"{scale * 120:.0f} ± {scale * stdev([100, 110, 150]):.0f}" in html
    hostile = one.model_copy(update={"provenance": one.provenance.model_copy(update={"processor": "<b>x</b>"})})
    assert "<b>x</b>" not in comparing.side_by_side([hostile, other], RUN_COLOURS, ENGLISH)
    assert "technique" in comparing.side_by_side([one, recorded("transfer")], RUN_COLOURS, ENGLISH)


def test_curves_lie_over_each_other_on_one_axis():
    whole = recorded("distillation")
    other = with_ends(whole, [100, 110, 150], temperature=8.0)
    figure = overlaid([whole, other], ENGLISH)
    bold = [t for t in figure.data if t.mode == "lines+markers"]
    assert [t.name for t in bold] == ["A · distilled student", "B · distilled student"]
    assert bold[0].y[-1] == pytest.approx(fmean(ends(whole, (DISTILLED,)).values()))
    assert bold[1].y[-1] == pytest.approx(100 * 120 / whole.data.validation)
    assert bold[0].line.dash != bold[1].line.dash
    assert {t.name for t in figure.data if t.mode == "lines" and t.showlegend is None} == {
        f"A · {ALONE}", f"B · {ALONE}"
    }  # fmt: skip
    assert overlaid([whole, recorded("meta_learning")], ENGLISH) is None
    for technique in TECHNIQUES:
        assert overlaid([recorded(technique)] * 2, Translate("zh")) is not None


def test_curves_of_several_tasks_are_their_mean():
    result = recorded("multitask")
    arms = main_arms("multitask", result.settings)
    found = curves(result, arms)
    per_cent = 100 / result.data.validation
    for seed, curve in found.items():
        last = [next(t for t in result.arm(name).trials if t.seed == seed).curve[-1][1] for name in arms]
        assert curve[-1][1] == pytest.approx(per_cent * sum(last) / len(last))
    assert curves(result, ("nobody",)) == {}
    assert DistillationSettings().train_size == 500
