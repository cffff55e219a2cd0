"""The report says what the Result says, holds its pictures, and asks nobody for anything."""

import base64
import hashlib
import json
from html import escape
from html.parser import HTMLParser

import numpy as np
import plotly.graph_objects as go
import pytest

from app.figures import arms
from app.i18n.text import Translate
from app.reports import figure_html, handout
from app.results.bundled import recorded
from kd_core.cli.main import _parser, _settings
from kd_core.distillation.settings import DistillationSettings
from kd_core.messages import message
from kd_core.techniques import TECHNIQUES

EN, ZH = Translate("en"), Translate("zh")
DEPTH = {"distillation": 6, "transfer": 6, "multitask": 4, "meta_learning": 4}  # pictures in a report


class Reader(HTMLParser):
    """Notes the tags that are open at the end, every address, the scripts and the visible words."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.tags, self.words, self.scripts = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "srcset", "data", "action")]
        self.addresses += [value for name, value in attributes if name == "href" and tag != "a"]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open.pop() == tag

    def handle_data(self, data):
        (self.scripts if self.open[-1:] == ["script"] else self.words).append(data)


def read(text):
    reader = Reader()
    reader.feed(text)
    return reader


@pytest.mark.parametrize("technique", list(TECHNIQUES))
def test_a_report_holds_verdict_pictures_settings_and_origin(technique):
    result = recorded(technique)
    text = handout.html(result, EN, "https://lab.example/")
    page = read(text)
    words = " ".join(page.words)
    assert page.open == []
    assert str(result.verdict.text) in words
    assert page.tags.count("figure") == DEPTH[technique]
    held = [json.loads(script) for script in page.scripts[:-2]]  # the last two are programs
    assert len(held) == DEPTH[technique]
    assert all(figure["data"] for figure in held)
    for arm in result.arms:
        assert f"{arm.cost.parameters:,}" in words
        assert arm.name in words
    for name, spec in TECHNIQUES[technique].settings.specs().items():
        assert name in words
        assert spec.written(result.settings[name]) in words
    for fact in (result.provenance.processor, result.provenance.torch, result.provenance.created[:10]):
        assert fact in words
    assert handout.fingerprint(result) in words
    assert "MIT licence" in words
    assert f'href="https://lab.example/{technique}?lang=en"' in text


@pytest.mark.parametrize("technique", list(TECHNIQUES))
def test_a_report_asks_for_nothing_and_runs_no_script_but_its_two(technique):
    text = handout.html(recorded(technique), ZH)
    page = read(text)
    assert all(address.startswith("data:") for address in page.addresses)
    assert not {"link", "iframe", "object", "form"} & set(page.tags)
    assert page.tags.count("script") == DEPTH[technique] + 2
    assert f'content="{figure_html.policy()}"' in text
    assert "default-src 'none'" in text
    assert "url(" not in text.replace(figure_html.scripts(), "")
    assert 4_000_000 < len(text.encode()) < 6_000_000  # about 5 MB, as the README says
    assert '<html lang="zh">' in text
    assert ZH("Where the numbers come from") in text


def test_words_of_a_stranger_stay_words(small_result):
    hostile = '<script>alert("&")</script>'
    made = small_result.provenance.model_copy(update={"processor": hostile, "torch": hostile})
    said = message("{why}", why=hostile)
    verdict = small_result.verdict.model_copy(update={"text": said, "scope": (said,)})
    data = small_result.data.model_copy(update={"name": f"MNIST {hostile}"})
    text = handout.html(
        small_result.model_copy(update={"provenance": made, "verdict": verdict, "notes": (said,), "data": data}), EN
    )
    own = text.replace(figure_html.scripts(), "").replace('<script type="application/json">', "")
    assert "<script" not in own
    assert own.count(escape(hostile)) >= 5


def test_the_fingerprint_is_that_of_the_numbers(small_result):
    mine = handout.fingerprint(small_result)
    later = small_result.provenance.model_copy(update={"created": "2030-01-01T00:00:00", "seconds": 1.0})
    assert handout.fingerprint(small_result.model_copy(update={"provenance": later}).without_networks()) == mine
    arm = small_result.arms[0]
    trial = arm.trials[0].model_copy(update={"test_errors": arm.trials[0].test_errors + 1})
    arm = arm.model_copy(update={"trials": (trial, *arm.trials[1:])})
    assert handout.fingerprint(small_result.model_copy(update={"arms": (arm, *small_result.arms[1:])})) != mine


def test_the_command_line_of_a_report_gives_its_settings():
    settings = DistillationSettings(temperature=7.5, t_squared=False, arm_shuffled=True, student="mlp300", seeds=3)
    line = handout.command("distillation", settings.model_dump())
    options = _parser().parse_args(line.removeprefix("python -m kd_core ").split())
    assert _settings(DistillationSettings, options) == settings


# The figures


def drawn(figure, title="what it shows"):
    """The figure that a place holds, as its page reads it."""
    page = read(figure_html.place(figure, title))
    assert page.open == []
    (written,) = page.scripts
    return go.Figure(json.loads(written))


def test_a_report_draws_the_figures_own_numbers_and_leaves_the_figure_as_it_is():
    figure = arms.errors_by_arm(recorded("distillation"), EN)
    before = figure.to_json()
    shown = drawn(figure)
    assert figure.to_json() == before
    for mine, its in zip(shown.data, figure.data, strict=True):
        np.testing.assert_array_equal(mine.x, its.x)
        np.testing.assert_array_equal(mine.y, its.y)
        assert mine.hovertemplate == its.hovertemplate
    assert shown.layout.height == figure.layout.height
    assert shown.layout.paper_bgcolor is None  # the page's own ground shows, light or dark:
    assert shown.layout.template.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert 'aria-label="what it shows"' in figure_html.place(figure, "what it shows")


def test_a_foreign_word_cannot_leave_its_figure():
    hostile = '"></script><script>alert(1)</script><!--'
    figure = go.Figure(go.Scatter(x=[hostile], y=[1], mode="markers+text", text=[hostile], name=hostile))
    figure.update_layout(title=hostile).update_xaxes(title=hostile)
    text = figure_html.place(figure, hostile)
    assert text.count("<script") == text.count("</script") == 1
    assert "<!--" not in text
    shown = drawn(figure, hostile)
    assert (shown.data[0].name, shown.data[0].text[0]) == (hostile, hostile)


def test_the_policy_allows_the_two_scripts_to_the_letter():
    page = read(figure_html.scripts())
    assert len(page.scripts) == 2
    for script in page.scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in figure_html.policy()
    assert "unsafe" not in figure_html.policy().split("style-src")[0]


@pytest.mark.parametrize("technique", list(TECHNIQUES))
def test_the_words_over_the_settings_agree_with_their_table(technique):
    """No word of "all" over a row whose value is not its default: what a machine decides is said to be that."""
    specs = TECHNIQUES[technique].settings.specs()
    defaults = {name: spec.default for name, spec in specs.items()}
    by_machine = {name: "cpu" if name == "device" else "float32" for name, of in defaults.items() if of == "auto"}
    result = recorded(technique).model_copy(update={"settings": {**defaults, **by_machine}})
    said = " ".join(read(handout._settings(result, EN)).words)
    if not by_machine:
        assert "All settings are at their defaults." in said
        return
    assert "All settings are at" not in said
    assert "what the run used" in said
    assert "All other settings are at their defaults." in said
    assert all(specs[name].label in said.split("what the run used")[0] for name in by_machine)
    other = {**defaults, **by_machine, "seeds": 2}
    said = " ".join(read(handout._settings(result.model_copy(update={"settings": other}), EN)).words)
    assert "Bold and first" in said
    assert "what the run used" in said
