"""A figure is made unchecked: here Plotly checks it, and what stands for a method of its own does the same."""

import plotly.graph_objects as go
import pytest

from app import depth, figures, ghost, history_figures, meta_figures, multitask_figures, transfer_figures, unseen
from app.bundled import recorded
from app.draft import Draft
from app.text import Translate
from tests.without_digits import without

EACH = {
    "errors": ("distillation", figures.errors_by_arm),
    "curves": ("distillation", figures.learning_curves),
    "answers": ("distillation", lambda result, _: figures.soft_targets(result, 0, 4.0, _)),
    "gradients": ("distillation", lambda result, _: figures.gradient_norms(result, 4.0, _)),
    "ghost": (
        "distillation",
        lambda result, _: ghost.behind(figures.learning_curves(result, _), ghost.of(result), _),
    ),
    "reliability": ("distillation", depth.reliability),
    "history": ("distillation", lambda result, _: history_figures.overlaid([result, result], _)),
    "layers": ("transfer", transfer_figures.distance_by_layer),
    "conflict": ("multitask", multitask_figures.conflict),
    "adaptation": ("meta_learning", meta_figures.adaptation),
    "scores": ("meta_learning", meta_figures.scores),
    "training": ("meta_learning", meta_figures.training_curves),
}


@pytest.mark.parametrize("name", EACH)
def test_plotly_finds_nothing_wrong_and_changes_nothing(name):
    technique, make = EACH[name]
    figure = make(recorded(technique), Translate("en"))
    assert figure.data
    checked = go.Figure(figure.to_dict())  # raises for what Plotly does not know
    assert _plain(checked) == _plain(figure)


def test_the_figure_of_left_out_digits_is_right_too():
    figure = unseen.errors_by_shift(without("3"), Translate("en"))
    assert _plain(go.Figure(figure.to_dict())) == _plain(figure)


def test_lines_are_those_of_plotly():
    draft, theirs = Draft(), go.Figure()
    for figure in (draft, theirs):
        figure.add_scatter(x=[1, 2], y=[3, 4])
        figure.add_vline(x=2, line=dict(width=3))
        figure.add_hline(y=1, line=dict(dash="dot"))
        figure.update_xaxes(title="x", range=[0, 3])
        figure.update_xaxes(zeroline=False)
        figure.update_layout(margin=dict(l=8, r=8))
        figure.update_layout(margin=dict(r=40), legend=dict(orientation="h"))
        figure.add_annotation(x=1, y=1, text="here", showarrow=False)
    assert _plain(draft.figure()) == _plain(theirs)


def _plain(figure):
    """As the browser is given it, without the order of keys."""
    said = figure.to_plotly_json()
    said["layout"].pop("template", None)
    return _listed(said)


def _listed(value):
    if isinstance(value, dict):
        return {key: _listed(inner) for key, inner in value.items()}
    if hasattr(value, "tolist"):
        return _listed(value.tolist())
    if isinstance(value, list | tuple | range):
        return [_listed(inner) for inner in value]
    return value
