"""The page of a teacher's own logits: which are looked at, what the browser gets of them, and what is said.

A file that somebody sends is read, checked and summed up in their session, and kept nowhere else.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.distillation.bundled import class_logits
from app.distillation.pitfalls import conventions_in_words
from app.figures.arms import COLOURS
from app.i18n.text import Translate
from app.shell.limits import NO_ROOM, uploads_fit
from kd_core.distillation.settings import ALONE, DISTILLED, DistillationSettings
from kd_core.inspection.examples import hundred_classes
from kd_core.inspection.logits import Logits, checked, from_probabilities
from kd_core.inspection.reading import ENDINGS, UPLOAD, read_upload
from kd_core.inspection.recipes import RECIPES, TITLES, WRITERS
from kd_core.inspection.report import Report, report
from kd_core.inspection.temperatures import COLDEST, FEWEST, HOTTEST, LEAST_OUTSIDE, MOST_OUTSIDE, Estimate
from kd_core.messages import N_, Message, Problem, message
from kd_core.settings.base import Settings
from kd_core.settings.fields import field

MOST_VALUES = 2_000_000  # of which means are computed on a page: two seconds; a random sample of rows beyond it
SENT_VALUES, SENT_ROWS = 80_000, 400  # that the browser gets as single samples
_T, _ALPHA = (DistillationSettings.specs()[name] for name in ("temperature", "alpha"))
FILE = "teacher_file"  # in the session: what came of the file that was sent last


class TeacherSettings(Settings):
    """What the page shows; the address carries it as it carries a run's settings."""

    technique: ClassVar[str] = "teacher"

    source: Literal["mnist", "hundred", "own"] = field(
        "mnist", label=N_("Whose logits"),
        choices={"mnist": N_("The lab's MNIST teacher: 1,000 validation images"),
                 "hundred": N_("100 classes, made up: 1,500 samples and a student"),
                 "own": N_("A file of your own")},
        help=N_("Which logits are shown. A file of your own is seen by you alone, and not kept."),
    )  # fmt: skip
    temperature: float = field(4.0, ge=0.5, le=50, step=0.01, symbol="T", label=_T.label, help=_T.help)
    alpha: float = field(0.9, ge=0, le=1, step=0.05, symbol="α", label=_ALPHA.label, help=_ALPHA.help)


@dataclass(frozen=True)
class Shown:
    """What a page shows of logits: `facts` for the browser, and sentences."""

    facts: dict[str, Any]
    said: tuple[Message, ...]
    advice: tuple[Message, ...]


def mnist_teacher() -> Logits:
    """The bundled teacher's logits of 100 validation images of each digit."""
    logits = np.array(class_logits(), dtype=np.float32)
    return checked(logits.reshape(-1, 10), np.repeat(np.arange(10), logits.shape[1]))


@cache
def example(source: str) -> Shown:
    """What comes with the lab: "mnist" or "hundred"."""
    return shown(report(mnist_teacher() if source == "mnist" else hundred_classes()), source)


@dataclass(frozen=True)
class _Sent:
    """What came of a file that was sent: what is shown of it, or what is wrong with it.

    asks: its rows are probabilities, which are used only with consent.
    """

    id: str
    shown: Shown | None = None
    problem: Message | None = None
    asks: bool = False


def own_file(_: Translate) -> Shown | None:
    """The file that somebody sends, once it is read and may be shown; what is wrong with it is said here."""
    if st.session_state.get("teacher_upload") is None and not uploads_fit():
        st.info(_(NO_ROOM))
        return None
    file = st.file_uploader(
        _("Logits as .npz, .npy, .csv or .safetensors"), type=[ending[1:] for ending in ENDINGS],
        key="teacher_upload", max_upload_size=UPLOAD // 10**6,
        help=_("A row for each sample, a column for each class. An .npz or .safetensors file may also have labels, "
               "student_logits and (in .npz) class_names; a .csv file has a header of class names, and may have a "
               "column called label. Nothing in it is executed."),
    )  # fmt: skip
    if file is None:
        st.session_state.pop(FILE, None)
        st.caption(
            _("At most {most} MB. Of more, save some thousand random rows, or run python -m kd_core inspect FILE "
              "on your own computer. It is seen by you alone, and not kept.", most=UPLOAD // 10**6)
        )  # fmt: skip
        return None
    sent: _Sent | None = st.session_state.get(FILE)
    if sent is None or sent.id != file.file_id:
        sent = st.session_state[FILE] = _taken(file, False, _)
    if sent.asks:
        if not _consents(file.file_id, _):
            return None
        if sent.shown is None:
            sent = st.session_state[FILE] = _taken(file, True, _)
    if sent.problem:
        st.error(_.escaped(sent.problem))
    return sent.shown


def _taken(file: UploadedFile, consent: bool, _: Translate) -> _Sent:
    """Read a file and sum it up. consent: probabilities may be used as logits."""
    with st.spinner(_("The file is being read …")):
        try:
            logits = read_upload(file.name, file.getvalue())
            asks = logits.kind == "probabilities"
            if asks and not consent:
                return _Sent(file.file_id, asks=True)
            found = report(from_probabilities(logits) if asks else logits, MOST_VALUES)
            return _Sent(file.file_id, shown(found, file.file_id), asks=asks)
        except Problem as problem:
            return _Sent(file.file_id, problem=problem.message)


def _consents(id: str, _: Translate) -> bool:
    """Whether probabilities may be used as logits; what that loses stands beside the box."""
    st.warning(
        _("The rows are probabilities, not logits: each adds up to 1. Better is what the network gives before its "
          "softmax. From probabilities the logits can be had back only up to a constant, which no softmax sees, "
          "and up to rounding: small probabilities have few digits, and at high T these decide. Zeros become half "
          "of the smallest probability in the file.")
    )  # fmt: skip
    return st.checkbox(_("Use the logarithms of these probabilities as logits"), key=f"teacher_consent_{id}")


# What the browser gets


def shown(found: Report, id: str) -> Shown:
    """The facts of a report, and its sentences. id: by which the browser knows when they are others."""
    return Shown(facts(found, id), tuple(_facts_said(found)), tuple(_advice_said(found)))


def facts(found: Report, id: str) -> dict[str, Any]:
    """The numbers of a report as the browser gets them: means at every T, single samples, names."""
    curves, used, student = found.found, found.used, found.student
    return {
        "id": id, "rows": found.logits.rows, "used": used.rows, "classes": used.classes, "names": list(used.names),
        "temperatures": curves.temperatures.tolist(), "entropy": _short(curves.entropy), "top": _short(curves.top),
        "outside_top": _short(curves.outside_top), "outside_label": _short(curves.outside_label),
        "effective": _short(curves.effective / used.classes), "effective_number": _short(curves.effective),
        "nll": _short(curves.nll), "ece": _short(curves.calibration_error),
        "bins": None if curves.bins is None else np.round(curves.bins, 3).tolist(),
        "alike": None if curves.alike is None else _packed(np.rint(65535 * curves.alike), "<u2"),
        "pairs": [[(i, j, round(p, 6)) for i, j, p in at] for at in curves.pairs] or None, "fewest": FEWEST,
        "calibration": _estimate(found.calibration), "sample": _sample(used),
        "range": None if found.advice.low is None else {"low": _estimate(found.advice.low),
                                                        "high": _estimate(found.advice.high)},
        "student": None if student is None else {
            "agreement": student.agreement, "kl": _short(student.kl), "soft": _short(student.soft),
            "bare": _short(student.bare), "degrees": _short(student.degrees), "hard": student.hard,
            "cross_entropy": student.cross_entropy,
        },
    }  # fmt: skip


def _sample(used: Logits) -> dict[str, Any]:
    """Rows as single samples: the most unsure, the surest mistakes, the closest calls, and others at random."""
    most = max(10, min(SENT_ROWS, SENT_VALUES // used.classes))
    values = used.values.astype(np.float64)
    ordered = np.sort(values, axis=1)
    p = np.exp(values - ordered[:, -1:])
    p /= p.sum(1, keepdims=True)
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(1)
    part = most // 4
    chosen = [np.argsort(-entropy)[:part], np.argsort(ordered[:, -1] - ordered[:, -2])[:part]]
    if used.labels is not None:
        wrong = np.flatnonzero(values.argmax(1) != used.labels)
        chosen.append(wrong[np.argsort(-p.max(1)[wrong])][:part])
    chosen.append(np.random.default_rng(0).permutation(used.rows))
    rows = np.sort(list(dict.fromkeys(np.concatenate(chosen).tolist()))[:most])
    origin = rows if used.origin is None else used.origin[rows]
    return {
        "rows": origin.tolist(), "logits": _packed(used.values[rows], "<f4"),
        "labels": None if used.labels is None else used.labels[rows].tolist(),
    }  # fmt: skip


def _packed(values: np.ndarray, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


def _short(values: np.ndarray | None) -> list[float] | None:
    return None if values is None else [float(f"{value:.6g}") for value in values]


def _estimate(one: Estimate | None) -> dict[str, float] | None:
    return None if one is None else {"value": one.value, "low": one.low, "high": one.high}


# What is said


def _facts_said(found: Report) -> list[Message]:
    """Of how many rows it is, how often they are right, and what was noticed."""
    logits, used = found.logits, found.used
    said = [message("{rows} rows, {classes} classes.", rows=f"{logits.rows:,}", classes=f"{logits.classes:,}")]
    if used.rows < logits.rows:
        said.append(message("All means are those of {used} random rows.", used=f"{used.rows:,}"))
    if used.labels is None:
        said.append(message("There are no labels: so no calibration, and no mass outside the label."))
    else:
        right = (used.values.argmax(1) == used.labels).mean()
        said.append(message("The top class is the label in {right} %.", right=f"{100 * right:.1f}"))
        said.append(_calibration_said(found.calibration))
    if logits.kind == "log-probabilities":
        said.append(message(
            "The rows are log-probabilities: logits less a constant of each row, which no softmax sees."
        ))  # fmt: skip
    if logits.floored:
        said.append(message("{n} probabilities were 0, which has no logarithm; they became {floor}.",
                            n=f"{logits.floored:,}", floor=f"{logits.floor:.1e}"))  # fmt: skip
    return said


def _calibration_said(one: Estimate | None) -> Message:
    if one is None:
        return message("No T between {low} and {high} calibrates it: every row is right, or the answers are no "
                       "better than chance.", low=f"{COLDEST:g}", high=f"{HOTTEST:g}")  # fmt: skip
    return message(
        "Best calibrated (least negative log-likelihood, Guo et al. 2017) at T = {t} (95 % interval {low} to "
        "{high}).", t=f"{one.value:.2f}", low=f"{one.low:.2f}", high=f"{one.high:.2f}",
    )  # fmt: skip


def _advice_said(found: Report) -> list[Message]:
    """Which T to begin with, how sure that is, and what it is worth."""
    low, high, why = found.advice.low, found.advice.high, found.advice.why
    if low is None or high is None:
        return [why] if why else []
    first, last = (float(found.found.temperatures[at]) for at in (0, -1))
    least, most = f"{100 * LEAST_OUTSIDE:.0f}", f"{100 * MOST_OUTSIDE:.0f}"
    said = [message(
        "Begin between T = {low} and T = {high}, say at T = {t}: there {least} to {most} % of the probability are "
        "outside the top class on average, and the effective number of classes is below half of all.",
        low=f"{low.value:.1f}", high=f"{high.value:.1f}", t=f"{found.suggested:g}", least=least, most=most,
    )]  # fmt: skip
    ends = dict(high_low=f"{high.low:.2f}", high_high=f"{high.high:.2f}")
    if low.value > first and high.value < last:
        said.append(message(
            "95 % intervals of the two ends: {low_low} to {low_high} and {high_low} to {high_high}.",
            low_low=f"{low.low:.2f}", low_high=f"{low.high:.2f}", **ends))  # fmt: skip
    elif high.value < last:
        said.append(message(
            "Already at T = {low} more than {least} % are outside it; 95 % interval of the upper end: {high_low} "
            "to {high_high}.", low=f"{first:g}", least=least, **ends))  # fmt: skip
    said.append(message(
        "This is a rule of thumb to begin a search in, no optimum: only the validation errors of students decide."
    ))  # fmt: skip
    return said


def code() -> dict[str, dict[str, str]]:
    """The loss to paste for each library, its values as holes."""
    return {name: {"title": TITLES[name], "text": text} for name, text in RECIPES.items()}


def conventions(_: Translate) -> list[dict[str, str]]:
    """What other sources make of a (T, α): as the page of conventions words it."""
    return [{name: one[name] for name in ("id", "name", "formula", "there")} for one in conventions_in_words(_)]


def colours() -> Mapping[str, str]:
    """Of the gradient's parts."""
    return {"soft": COLOURS[DISTILLED], "bare": COLOURS[DISTILLED], "hard": COLOURS[ALONE]}


def how_to_write(_: Translate) -> None:
    """How to write a file of logits from four libraries, five lines each."""
    with st.expander(_("How to write such a file"), icon=":material/code:", key="teacher_how"):
        st.caption(_("Use data that the teacher was not trained on: on its training data it is too sure. Some "
                     "thousand rows are enough here. Of a larger file, python -m kd_core inspect FILE says the "
                     "same on your own computer."))  # fmt: skip
        for tab, text in zip(st.tabs(list(WRITERS)), WRITERS.values(), strict=True):
            tab.code(text, language="python")
