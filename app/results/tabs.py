"""Detail tabs of a result: one digit, fixed and broken, confusion, calibration, agreement, cost, export."""

import random
from collections.abc import Callable, Iterable
from functools import partial
from statistics import fmean

import numpy as np
import streamlit as st

from app.components.answers import WORDS as ANSWERS_WORDS
from app.components.answers import answers
from app.controls import link
from app.controls.choice import arm_choice
from app.controls.share import share
from app.controls.widgets import redraw_in_language, seed
from app.figures import arms
from app.figures import depth as figures_of
from app.figures.image import tiles
from app.i18n.text import Translate, markdown
from app.reports import files, handout
from app.results.chart import FORMATS, chart, saved_as
from app.results.take import download, take_network
from app.runs.seen import NUMBERS_ONLY
from app.runs.shown import called
from app.techniques import view
from kd_core.data import pixels
from kd_core.data.chosen import is_own
from kd_core.export import numpy_forward
from kd_core.messages import N_, Problem
from kd_core.results.numbers import fixed, signed
from kd_core.results.schema import Arm, ArmTrial, Result
from kd_core.settings.common import TEACHER

TABS = {
    "digit": N_("One image"),
    "changes": N_("Fixed and broken"),
    "confusion": N_("Confusion"),
    "calibration": N_("Calibration"),
    "agreement": N_("Agreement"),
    "cost": N_("Cost"),
    "export": N_("Export"),
}
MOST_CHANGES = 12
MOST_TILES = 24
MOST_CHOSEN = 8
GALLERY, OWN = "gallery", "own"


@st.fragment
def depth(result: Result, _: Translate) -> None:
    """The tabs; only the open one is drawn, and what happens in it draws nothing else again."""
    bodies: dict[str, Callable[[Result, Translate], None]] = dict(
        digit=_digit, changes=_changes, confusion=_confusion, calibration=_calibration, agreement=_agreement,
        cost=_cost, export=_export,
    )  # fmt: skip
    taught = any(arm.name == TEACHER for arm in result.arms)
    names = view(result.technique).tabs or [
        name for name in TABS if (name != "agreement" or taught) and (name != "digit" or result.gallery)
    ]
    labels = [_(TABS[name]) for name in names]
    if st.session_state.get("tab") not in labels:  # the words of another language
        last = st.session_state.get("open_tab")
        st.session_state["tab"] = _(TABS[str(last) if last in names else names[0]])
    for name, tab in zip(names, st.tabs(labels, on_change="rerun", key="tab"), strict=True):
        if tab.open:
            st.session_state["open_tab"] = name
            with tab:
                bodies[name](result, _)


# One digit


def _digit(result: Result, _: Translate) -> None:
    """What every arm answers to one image: of the gallery, or of the test set as a person likes."""
    t_of_run = float(result.settings.get("temperature", 1.0))
    which, heat = st.columns([3, 2], vertical_alignment="bottom")
    with which:
        ways = {GALLERY: _("from the gallery"), OWN: _("your own choice of test images")}
        seed("digit_from", GALLERY)
        redraw_in_language("digit_from", _)
        way = st.segmented_control(_("Which images"), list(ways), key="digit_from", required=True,
                                   format_func=ways.__getitem__, persist_state="session")  # fmt: skip
    if way == OWN:
        temperatures = sorted({1.0, 2.0, 4.0, 8.0, 20.0, 50.0, t_of_run})
        with heat:
            key = f"answers_t_{result.technique}"
            if st.session_state.get(key) not in temperatures:
                st.session_state[key] = t_of_run
            t = st.select_slider(_("Answers softened by T"), temperatures, key=key, persist_state="session",
                                 format_func=lambda value: f"{value:g}")  # fmt: skip
        _own_choice(result, t, _)
        return
    st.markdown("**" + _("The same image, answered by every arm (mean over trials)") + "**")
    answers(
        result, first=first_digit(result), temperature=t_of_run, names=[_(arm.name) for arm in result.arms],
        form=saved_as(), words={key: _(text) for key, text in ANSWERS_WORDS.items()}, key="answers",
    )  # fmt: skip


def first_digit(result: Result) -> int:
    """The place in the gallery of the digit that is shown at first."""
    return min(15, len(result.gallery) - 1)


def _own_choice(result: Result, t: float, _: Translate) -> None:
    """Test images by their numbers, answered now by the networks that the Result carries."""
    networks = result.networks()
    try:
        labels = pixels.test_labels(result.data.name)
    except Problem as problem:
        st.info(_.escaped(problem.message))
        return
    if not networks:
        st.info(_("This result contains no networks; run it again to see what they answer."))
        return
    first = [arm.trials[0] for arm in result.arms]
    key = f"own_images_{result.technique}"
    seed(key, str(next(iter(_disputed_by_most(first)), 0)))
    typed, surprise, apart = st.columns([3, 1, 2], vertical_alignment="bottom")
    with surprise:
        st.button(_("Surprise me"), on_click=_take, args=(key, range(result.data.test)), width="stretch")
    with apart:
        disputed = figures_of.disputed(first)
        st.button(_("One they disagree on"), on_click=_take, args=(key, disputed), width="stretch")
    with typed:
        last = f"{result.data.test - 1:,}"
        text = st.text_input(_("Numbers of test images, 0 to {last}, at most {most}", last=last, most=MOST_CHOSEN),
                             key=key, persist_state="session", placeholder="0, 4027, 321")  # fmt: skip
    try:
        chosen = _numbers(text, result.data.test)
    except Problem as problem:
        st.warning(_.escaped(problem.message))
        return
    _answers_to(chosen, labels, networks, result, t, _)


def _answers_to(
    chosen: list[int], labels: np.ndarray, networks: dict[str, bytes], result: Result, t: float, _: Translate
) -> None:
    try:
        inputs = pixels.network_inputs(result.data.name, chosen)
        images = pixels.test_images(result.data.name)
        rows = {name: numpy_forward.logits(weights, inputs) for name, weights in networks.items()}
    except Problem as problem:
        st.info(_.escaped(problem.message))
        return
    seed_of = result.arm(result.verdict.arm).trials[0].seed
    st.caption(_("Answered now by the first trial's networks (seed {seed}).", seed=seed_of))
    missing = figures_of.listed((arm.name for arm in result.arms if arm.name not in networks), _)
    if missing:
        st.caption(_("Left out, because their networks are too large to be kept: {names}.", names=missing))
    for place, index in enumerate(chosen):
        narrow, wide = st.columns([1, 4], vertical_alignment="center")
        with narrow:
            st.html(_tiles(result, images, labels, [(index, _said(result, rows, place, _))], _, "large"))
        with wide:
            softened = [(name, arms.softmax(z[place].tolist(), t)) for name, z in rows.items()]
            chart(arms.answers(softened, t, _, result.data.classes), f"own-{place}",
                  _("What every arm answers to this image"))  # fmt: skip
    if len(rows) > 4:
        st.caption(_("A click on a name in the legend shows or hides its bars."))


def _said(result: Result, rows: dict[str, np.ndarray], place: int, _: Translate) -> list[str]:
    said = {name: result.data.called(int(z[place].argmax())) for name, z in rows.items()}
    return [_("{arm}: {answer}", arm=name, answer=answer) for name, answer in said.items()]


def _take(key: str, candidates: range | list[int]) -> None:
    """Choose one of them at random, another than is chosen now."""
    others = [index for index in candidates if str(index) != st.session_state.get(key)]
    if others:
        st.session_state[key] = str(random.choice(others))


def _disputed_by_most(trials: list[ArmTrial]) -> list[int]:
    """The disputed images, those with the most different answers first."""
    answers = [dict(trial.mistakes) for trial in trials]
    found = figures_of.disputed(trials)
    return sorted(found, key=lambda index: (-len({said.get(index) for said in answers}), index))


def _numbers(text: str, images: int) -> list[int]:
    """The numbers in "0, 4027, 321", each once. Raises Problem for what is none, is too large, or too many."""
    words = text.replace(",", " ").replace("，", " ").replace("、", " ").split()
    for word in words:
        if not (word.isascii() and word.isdigit() and int(word[:9]) < images):
            raise Problem("“{given}” is no test image: write numbers from 0 to {last}, with commas between them.",
                          given=word[:20], last=f"{images - 1:,}")  # fmt: skip
    chosen = list(dict.fromkeys(int(word) for word in words))
    if not chosen:
        raise Problem("Write the number of a test image, for example {example}.", example="0, 4027, 321")
    if len(chosen) > MOST_CHOSEN:
        raise Problem("{given} images are too many to read; write at most {most}.", given=len(chosen),
                      most=MOST_CHOSEN)  # fmt: skip
    return chosen


# Fixed and broken


def _changes(result: Result, _: Translate) -> None:
    """The test images that one arm of the verdict gets right and the other wrong, both ways."""
    arm, baseline = result.arm(result.verdict.arm), result.arm(result.verdict.baseline)
    fixed_each, fixed = figures_of.changes(arm, baseline)
    broken_each, broken = figures_of.changes(baseline, arm)
    trials = len(fixed_each)
    gained, lost = fmean(fixed_each), fmean(broken_each)
    st.markdown(
        _("On average in a trial, “{arm}” gets **{fixed}** test images right that “{baseline}” gets wrong, and "
          "**{broken}** the other way round: net **{net}** of {images}, which is the verdict's {points} points.",
          arm=arm.name, baseline=baseline.name, fixed=_mean(gained), broken=_mean(lost),
          net=signed(gained - lost, 0 if abs(gained - lost) >= 10 else 1), images=f"{result.data.test:,}",
          points=signed(result.verdict.difference.mean, 2))
    )  # fmt: skip
    titles = (
        _("Fixed most often: {shown} of {all} that were fixed in some trial",
          shown=min(MOST_CHANGES, len(fixed)), all=f"{len(fixed):,}"),
        _("Broken most often: {shown} of {all} that were broken in some trial",
          shown=min(MOST_CHANGES, len(broken)), all=f"{len(broken):,}"),
    )  # fmt: skip
    for title, found, wrong in zip(titles, (fixed, broken), (baseline, arm), strict=True):
        st.markdown("**" + title + "**")
        shown = [
            (change.index, [_("{arm}: {answer}", arm=wrong.name, answer=result.data.called(change.answer)),
                            _("{times} of {trials} trials", times=change.times, trials=trials)])
            for change in found[:MOST_CHANGES]
        ]  # fmt: skip
        if shown:
            _show_tiles(result, shown, _)
        else:
            st.caption(_("None."))
    st.caption(_("Under each image: what it is, and what the arm that is wrong says most often; the other arm is "
                 "right in these trials. Trials are paired by seed."))  # fmt: skip


def _list(sentences: Iterable[str]) -> None:
    st.markdown("\n".join(f"- {sentence}" for sentence in sentences))


def _mean(count: float) -> str:
    return fixed(count, 0 if abs(count) >= 10 else 1)


def _show_tiles(result: Result, shown: list[tuple[int, list[str]]], _: Translate, size: str = "") -> None:
    """Test images with their captions, or the sentence that says why they are not there."""
    if is_own(result.data.name) and not result.gallery:
        st.info(_(NUMBERS_ONLY))
        return
    try:
        images, labels = pixels.test_images(result.data.name), pixels.test_labels(result.data.name)
    except Problem as problem:
        st.info(_.escaped(problem.message))
        return
    st.html(_tiles(result, images, labels, shown, _, size))


def _tiles(
    result: Result, images: np.ndarray, labels: np.ndarray, shown: list[tuple[int, list[str]]], _: Translate,
    size: str = "",
) -> str:  # fmt: skip
    called = result.data.called
    names = [_("{label} (image {index})", label=called(int(labels[index])), index=index) for index, _lines in shown]
    heads = [_("image {index}", index=index) for index, _lines in shown] if size == "small" else names
    captions = [[head, *lines] for head, (_index, lines) in zip(heads, shown, strict=True)]
    return tiles([images[index] for index, _lines in shown], captions, names, size)


# Confusion


def _confusion(result: Result, _: Translate) -> None:
    """One arm's confusion matrix, and the images behind the cell that is chosen in it or beside it."""
    left, right = st.columns([3, 2])
    with right:
        names = [arm.name for arm in result.arms]
        arm = result.arm(arm_choice(_("Confusion of"), names, "confusion_arm", result.verdict.arm, _))
        digits = figures_of.digits_of(arm)
        for key, worst in zip(("cell_true", "cell_said"), figures_of.largest_error(arm), strict=True):
            if st.session_state.get(key) not in digits:
                st.session_state[key] = worst
        first, second = st.columns(2)
        with first:
            true = st.selectbox(_("true class"), digits, key="cell_true", persist_state="session",
                                format_func=result.data.called)  # fmt: skip
        with second:
            said = st.selectbox(_("answered"), digits, key="cell_said", persist_state="session",
                                format_func=result.data.called)  # fmt: skip
        _behind(result, arm, true, said, _)
    with left:
        st.markdown("**" + _("Test images of each class by the answer they get, mean over trials") + "**")
        chart(figures_of.confusion(arm, (true, said), _, result.data.classes), "confusion", _("Confusion matrix"),
              on_select=partial(_take_cell, "confusion"), selection_mode="points")  # fmt: skip
        st.caption(_("Click a cell to see the images behind it. Right answers, on the diagonal, have no colour."))


def _take_cell(key: str) -> None:
    points = st.session_state[key].selection.points
    if points:
        st.session_state["cell_true"], st.session_state["cell_said"] = map(int, points[0]["customdata"])


def _behind(result: Result, arm: Arm, true: int, said: int, _: Translate) -> None:
    called = dict(true=markdown(result.data.called(true)), said=markdown(result.data.called(said)))
    if true == said:
        st.caption(_("These are right answers; only mistakes are kept image by image. Choose another cell."))
        return
    try:
        labels = pixels.test_labels(result.data.name)
    except Problem as problem:
        st.info(_.escaped(problem.message))
        return
    found = figures_of.behind(arm, true, said, labels)
    trials = len(arm.trials)
    if not found:
        st.caption(_("“{arm}” never answers a {true} with {said}.", arm=arm.name, **called))
        return
    st.markdown(_("“{arm}” mistakes **{n}** different images of a {true} for a {said}.", arm=arm.name, n=len(found),
                  **called))  # fmt: skip
    shown = [(index, [_("{times} of {trials}", times=times, trials=trials)]) for index, times in found]
    _show_tiles(result, shown[:MOST_TILES], _, "small")
    st.caption(_("Under each image: its number, and in how many trials it is misread like this."))
    if len(found) > MOST_TILES:
        st.caption(_("Shown: the {n} images that are misread in the most trials.", n=MOST_TILES))


# Calibration and agreement


def _calibration(result: Result, _: Translate) -> None:
    """How sure the arms are against how often they are right."""
    left, right = st.columns(2)
    with left:
        st.markdown("**" + _("How sure, and how often right") + "**")
        chart(figures_of.reliability(result, _), "reliability", _("How sure, and how often right"))
    with right:
        st.markdown("**" + _("Expected calibration error (ECE)") + "**")
        chart(figures_of.calibration_errors(result, _), "ece", _("Expected calibration error (ECE)"))
    asked = dict.fromkeys((result.verdict.baseline, result.verdict.arm))
    _list(figures_of.reading(result.arm(name), _) for name in asked)
    st.caption(
        _("All trials together, at T = 1, in 15 bins of confidence. The larger a point, the more answers; bins of "
          "fewer than {few} are faint. On the dotted line an arm is right as often as it says; below it, it is too "
          "sure. ECE is the mean distance from that line, weighed by answers (Guo et al. 2017). A click on a name "
          "in the legend shows or hides it.", few=figures_of.FEW)
    )  # fmt: skip


def _agreement(result: Result, _: Translate) -> None:
    """On how many images the arms answer as the teacher does, and on how many of its mistakes."""
    left, right = st.columns(2)
    with left:
        st.markdown("**" + _("Same answer as the teacher, right or wrong") + "**")
        chart(figures_of.agreements(result, _), "agreement", _("Same answer as the teacher, right or wrong"))
    with right:
        repeated = figures_of.repeated_mistakes(result, _)
        st.markdown("**" + _("The teacher's mistakes, repeated") + "**")
        if repeated:
            chart(repeated, "repeated", _("The teacher's mistakes, repeated"))
        else:
            st.caption(_("The teacher makes no mistake on these test images."))
    if repeated:
        asked = dict.fromkeys((result.verdict.baseline, result.verdict.arm))
        teacher = result.arm(TEACHER)
        _list(figures_of.mistakes_in_words(result.arm(name), teacher, _) for name in asked if name != TEACHER)
    st.caption(
        _("Means over trials, with 95 % intervals. Agreement is not accuracy: a student can copy the teacher's "
          "mistakes, or be right where the teacher is wrong. Students often match their teacher less closely than "
          "they could, and a closer match need not mean fewer errors (Stanton et al. 2021, arXiv 2106.05945).")
    )  # fmt: skip


# Cost and files


def _cost(result: Result, _: Translate) -> None:
    """What each network costs to ship and to ask."""
    st.markdown("**" + _("What each network costs") + "**")
    chart(figures_of.costs(result, _), "costs", _("What each network costs"))
    _list(
        _("{model}: {names}.", model=group[0].model, names=figures_of.listed((arm.name for arm in group), _))
        for group in figures_of.equal_cost(result)
    )
    if said := figures_of.cost_says(result, _):
        st.markdown(said)
    st.caption(_("How a network was trained changes its errors, not its cost. Latency: the median time for one "
                 "input on one thread of a processor, measured in the run."))  # fmt: skip


def _export(result: Result, _: Translate) -> None:
    """The Result as files, a network as a file, and in which format figures are saved."""
    numbers, network = st.columns(2, gap="large")
    with numbers:
        st.markdown("**" + _("The whole run") + "**")
        download(
            _("A report to pass on (HTML)"),
            partial(handout.html, result, _, link.base(st.context.url), called(result)),
            files.file_name(result, "report", "html"), "text/html", type="primary", key="report",
        )  # fmt: skip
        download(_("Every trial (CSV)"), files.csv(result), files.file_name(result, "trials", "csv"), "text/csv")
        name = files.file_name(result, "result", "json")
        download(_("The whole result (JSON)"), files.json(result), name, "application/json")
        name = files.file_name(result, "repeat", "py")
        download(_("A script that repeats it (Python)"), files.script(result), name, "text/x-python")
        st.caption(_("The report is one file with its pictures inside: it opens offline and can be printed. The "
                     "JSON holds everything except the networks and can be read in again under “History”. The "
                     "script trains again and compares every number."))  # fmt: skip
        st.markdown("**" + _("The figures") + "**")
        seed("figure_format", "png")
        before = st.session_state.get("figures_drawn_for", "png")
        form = st.segmented_control(_("Figures are saved as"), list(FORMATS), key="figure_format", required=True,
                                    format_func=FORMATS.__getitem__, persist_state="session")  # fmt: skip
        st.caption(_("A figure is saved by the camera that appears above it while you point at it, or by the "
                     "button below it."))  # fmt: skip
        if form != before:
            st.session_state["figures_drawn_for"] = form
            st.rerun()  # the figures outside these tabs are to know it too
    with network:
        st.markdown("**" + _("A trained network") + "**")
        take_network(result, _)
    share(result.technique, _)
