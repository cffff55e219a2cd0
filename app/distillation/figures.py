"""What the soft part of the loss does to the gradient, over T: pure functions, no Streamlit."""

import math
from functools import lru_cache

import numpy as np
import plotly.graph_objects as go

from app.figures.arms import ABOVE, CACHED, COLOURS, Translator, finish
from kd_core.distillation.settings import ALONE, DISTILLED
from kd_core.results.schema import Result
from kd_core.settings.common import TEACHER

PARTS = {"soft": COLOURS[DISTILLED], "bare": COLOURS[DISTILLED], "hard": COLOURS[ALONE], "limit": COLOURS[TEACHER]}
TEMPERATURES = [0.5 * 100 ** (k / 60) for k in range(61)]  # 0.5 to 50, evenly on a logarithmic axis


@lru_cache(CACHED)
def gradient_norms(result: Result, temperature: float, _: Translator) -> go.Figure:
    """Mean length of the gradient at the student's logits over T: soft with and without T², hard, and the limit.

    soft without T²: (q_T - p_T) / T; with: T (q_T - p_T); hard: q_1 - label; for T -> infinity, logit matching:
    (z - v) / C, both centred. p is softmax(v / T), the teacher's, and q softmax(z / T), the first student
    alone's answer to the gallery digits. Hinton et al. 2015, section 2.1.
    """
    norms = gradient_lengths(result)
    lines = {
        _("soft, with T²"): (norms["soft"], PARTS["soft"], "solid"),
        _("soft, without T²"): (norms["bare"], PARTS["bare"], "dot"),
        _("hard (labels)"): (norms["hard"], PARTS["hard"], "dash"),
        _("matching logits (T → ∞)"): (norms["limit"], PARTS["limit"], "dashdot"),
    }
    figure = go.Figure()
    for name, (lengths, colour, dash) in lines.items():
        figure.add_scatter(x=TEMPERATURES, y=lengths, mode="lines", name=name,
                           line=dict(color=colour, dash=dash, width=3))  # fmt: skip
    figure.add_vline(x=temperature, line=dict(color=COLOURS[TEACHER], width=2))
    figure.add_annotation(x=math.log10(temperature), y=0, yref="paper", yanchor="bottom", xanchor="left",
                          text=f"T = {temperature:g}", showarrow=False)  # fmt: skip
    figure.update_xaxes(title=_("Temperature T"), type="log", range=[-0.35, 1.75])
    figure.update_yaxes(title=_("gradient length (log scale)"), type="log")
    figure.update_layout(legend=ABOVE)
    return finish(figure, height=320)


def gradient_lengths(result: Result) -> dict[str, list[float]]:
    """The four curves of `gradient_norms` at TEMPERATURES, averaged over the gallery digits."""
    student, teacher = _gallery(result, ALONE), _gallery(result, TEACHER)
    labels = np.eye(student.shape[1])[[digit.label for digit in result.gallery]]
    apart = [_mean_length(_soft_gradients(student, teacher, t)) / t for t in TEMPERATURES]
    hard = _mean_length(_answers(student, 1.0) - labels)
    return {
        "soft": [t * length for t, length in zip(TEMPERATURES, apart, strict=True)],
        "bare": [length / t for t, length in zip(TEMPERATURES, apart, strict=True)],
        "hard": [hard] * len(TEMPERATURES),
        "limit": [_mean_length(_matching_gradients(student, teacher))] * len(TEMPERATURES),
    }


def degrees_from_matching(result: Result, temperature: float) -> float:
    """Mean angle, in degrees, between the soft gradient at T and that of matching logits, over the gallery."""
    student, teacher = _gallery(result, ALONE), _gallery(result, TEACHER)
    soft, limit = _soft_gradients(student, teacher, temperature), _matching_gradients(student, teacher)
    cosines = (soft * limit).sum(axis=1) / (np.linalg.norm(soft, axis=1) * np.linalg.norm(limit, axis=1))
    return float(np.degrees(np.arccos(cosines.clip(-1, 1))).mean())


def _soft_gradients(student: np.ndarray, teacher: np.ndarray, t: float) -> np.ndarray:
    """T (q_T - p_T) for each gallery digit."""
    gradients: np.ndarray = t * (_answers(student, t) - _answers(teacher, t))
    return gradients


def _matching_gradients(student: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """(z - v) / C, both centred: what T (q_T - p_T) becomes as T grows."""
    apart = student - teacher
    gradients: np.ndarray = (apart - apart.mean(axis=1, keepdims=True)) / apart.shape[1]
    return gradients


def _gallery(result: Result, arm: str) -> np.ndarray:
    return np.array(result.arm(arm).trials[0].gallery_logits)


def _answers(logits: np.ndarray, t: float) -> np.ndarray:
    weights = np.exp((logits - logits.max(axis=1, keepdims=True)) / t)
    answered: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return answered


def _mean_length(vectors: np.ndarray) -> float:
    return float(np.linalg.norm(vectors, axis=1).mean())
