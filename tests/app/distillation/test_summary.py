"""The summary: its sentence says what the interval allows, its table the Result's numbers, in both languages."""

import re

import pytest

from app.distillation.bundled import all_labels
from app.distillation.sizes import shipped, sizes
from app.distillation.summary import (
    on_a_device,
    plainly,
    same_network,
    sentence,
    teacher_cost,
    three_columns,
    your_data,
)
from app.i18n.text import Translate
from app.results.bundled import recorded
from app.runs.server import store
from kd_core.distillation.settings import ALONE, DISTILLED
from kd_core.results.schema import Interval, Result
from kd_core.results.statistics import t_interval
from kd_core.settings.common import TEACHER
from tests.pages import open_page, texts

EN, ZH = Translate("en"), Translate("zh")


def with_difference(mean: float, half: float | None, n: int = 5) -> Result:
    result = recorded("distillation")
    low, high = (None, None) if half is None else (mean - half, mean + half)
    difference = Interval(mean=mean, low=low, high=high, n=n, confidence=0.95)
    return result.model_copy(update={"verdict": result.verdict.model_copy(update={"difference": difference})})


@pytest.mark.parametrize(
    ("mean", "half", "says"),
    [
        (3.0, 1.0, ("300 fewer errors", "200 to 400 fewer")),
        (-0.5, 0.2, ("50 more errors", "30 to 70 more", "did harm")),
        (0.05, 0.08, ("no difference can be detected", "by −5.0 in 10,000", "−13 to +3.0", "below 8.0")),
        (-0.05, 0.08, ("no difference can be detected", "by +5.0 in 10,000", "−3.0 to +13", "below 8.0")),
        (0.02, None, ("there is no interval",)),
        (0.5, 0.0, ("there is no interval",)),
        (0.0, 0.0, ("exactly as many errors",)),
    ],
)
def test_sentence_says_what_the_interval_allows(mean, half, says):
    said = sentence(with_difference(mean, half), EN)
    for part in says:
        assert part in said
    harmless = half is None or mean + half >= 0
    assert ("did harm" in said) != harmless
    assert ("fewer errors" in said) == bool(half and mean > half)


@pytest.mark.parametrize(("mean", "half", "says"), [
    (3.0, 1.0, "% fewer errors than when it learns alone"),
    (-0.5, 0.2, "% more errors than when it learns alone: here teaching did harm"),
    (0.05, 0.08, "does no better than when it learns alone, as far as this run can tell"),
    (0.0, 0.0, "does no better than when it learns alone"),
    (0.5, None, "this run cannot tell whether that was chance"),
    (0.5, 0.0, "this run cannot tell whether that was chance"),
])  # fmt: skip
def test_it_opens_with_a_sentence_without_an_interval(mean, half, says):
    result = with_difference(mean, half)
    said = plainly(result, EN)
    assert says in said
    assert (
        "With 500 labelled images, a network taught by one 4 times its size" in said
    )  # 121,930 parameters and 30,762
    assert not re.search(r"interval|trials|95 %", said)
    if "%" in said:
        share = 100 * abs(100 * mean) / result.arm(ALONE).errors_per_10000.mean
        assert f"{share:.0f} %" in said
    assert plainly(result, ZH) != said


def test_sentence_is_of_errors_counted_trial_by_trial():
    result = recorded("distillation")
    alone, taught = ([trial.test_errors for trial in result.arm(name).trials] for name in (ALONE, DISTILLED))
    expected = t_interval([10_000 * (a - b) / result.data.test for a, b in zip(alone, taught, strict=True)])
    said = re.findall(r"\d+", sentence(result, EN).replace("10,000", ""))
    assert said[:5] == ["500", f"{expected.mean:.0f}", "95", f"{expected.low:.0f}", f"{expected.high:.0f}"]


def test_table_has_the_numbers_of_the_result():
    few, every = recorded("distillation"), all_labels()
    table = three_columns((few, every), EN)
    for result in (few, every):
        for name in (TEACHER, ALONE, DISTILLED):
            assert f"<b>{result.arm(name).errors_per_10000}</b>" in table
    assert table.count(f"{few.arm(DISTILLED).cost.bytes:,} B") == 2  # the last two are one network
    assert f"{few.arm(TEACHER).cost.parameters / few.arm(ALONE).cost.parameters:.1f} times fewer" in table
    assert "the same network" in same_network(few, EN)


def test_time_is_that_of_the_runtime_one_would_ship_with_pytorchs_beside_it():
    result, recorded_times = recorded("distillation"), sizes()["times"]
    table = three_columns((result,), EN)
    assert "ONNX Runtime, one thread" in table
    for arm, own in (
        (TEACHER, recorded_times["teacher"]["article"]),
        (ALONE, recorded_times["student"]["article"]),
    ):
        assert f"<b>{float(format(own['ms']['float32'], '.2g')):g} ms</b>" in table
        assert f"PyTorch: {result.arm(arm).cost.latency_ms:.2f} ms" in table
    said = on_a_device(result, EN)
    assert "recorded on " + recorded_times["machine"]["created"][:10] in said
    assert recorded_times["machine"]["processor"] in said
    for name, arm in (("jittered", TEACHER), ("mlp30", DISTILLED)):
        settings = result.settings | {"teacher" if arm == TEACHER else "student": name}
        assert shipped(settings)[arm] in (recorded_times["teacher"]["mlp1200"], recorded_times["student"]["mlp30"])
    other = result.model_copy(update={"settings": result.settings | {"student": "of later"}})
    assert "PyTorch, one thread, as this run measured it" in three_columns((other,), EN)
    assert "ONNX" not in on_a_device(other, EN)


def test_teacher_and_labels_are_accounted_for():
    result = recorded("distillation")
    teacher = result.arm(TEACHER)
    said = teacher_cost(result, EN)
    for number in (f"{teacher.labels:,}", f"{teacher.trials[0].seconds:.0f} s", f"{teacher.cost.parameters:,}"):
        assert number in said
    assert "55,000 labels" in your_data(result, EN)
    assert "as many labels" in your_data(all_labels(), EN)


def test_all_labels_run_is_of_all_labels_and_of_the_same_networks():
    few, every = recorded("distillation"), all_labels()
    assert every.arm(DISTILLED).labels == every.data.train == every.arm(TEACHER).labels
    assert len(every.arm(DISTILLED).trials) == len(few.arm(DISTILLED).trials)
    for name in (TEACHER, ALONE, DISTILLED):
        assert every.arm(name).model == few.arm(name).model


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_page_says_both_sentences_and_hides_the_mathematics(lang):
    at = open_page("pages/summary.py", lang=lang)
    _, shown = Translate(lang), texts(at)
    for result in (recorded("distillation"), all_labels()):
        assert sentence(result, _) in shown
        assert _("recorded on {date}", date=result.provenance.created[:10]) in shown
    (closed,) = at.expander
    assert not closed.proto.expanded
    assert your_data(recorded("distillation"), _) in shown
    if lang == "zh":
        assert "知识蒸馏**（模型蒸馏，Knowledge Distillation）" in shown


def test_an_unknown_run_in_the_address_is_said():
    at = open_page("pages/summary.py", run="0123456789abcdef")
    assert "not a finished run of distillation" in at.info[0].value
    assert sentence(recorded("distillation"), EN) in texts(at)


def test_the_printed_address_leads_to_the_run_that_is_shown():
    def address(at) -> str:
        (foot,) = (part.proto.body for part in at.get("html") if 'class="printed"' in part.proto.body)
        return foot.split(" · ")[1]

    store().add("printed", recorded("distillation"))
    assert address(open_page("pages/summary.py", run="printed")) == "summary?run=printed"
    assert address(open_page("pages/summary.py", run="nobody")) == "summary"
    at = open_page(run="printed")  # a run that was seen on its own page before
    at.switch_page("pages/summary.py")
    at.query_params.clear()
    assert address(at.run()) == "summary?run=printed"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_in_a_talk_a_screen_has_the_table_and_another_the_budget(lang):
    at = open_page("pages/summary.py", lang=lang, present="1")
    _, result = Translate(lang), recorded("distillation")
    assert at.header[0].value == plainly(result, _)
    assert any('class="three"' in part.proto.body for part in at.get("html"))
    assert sentence(result, _) not in texts(at)
    at.session_state["summary_view"] = "ship"
    at.run()
    assert not any('class="three"' in part.proto.body for part in at.get("html"))
    assert not at.exception
