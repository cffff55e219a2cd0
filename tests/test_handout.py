"""The report says what the Result says, holds its pictures, and asks nobody for anything."""

import re
from html import escape, unescape
from html.parser import HTMLParser
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
import pytest

from app import handout
from app.axes import axes_of
from app.bundled import recorded
from app.drawing import INKS, address, svg
from app.text import Translate
from kd_core.__main__ import _parser, _settings
from kd_core.messages import message
from kd_core.settings import TECHNIQUES, DistillationSettings

EN, ZH = Translate("en"), Translate("zh")
DEPTH = {"distillation": 6, "transfer": 6, "multitask": 4, "meta_learning": 4}  # pictures in a report


class Reader(HTMLParser):
    """Notes the tags that are open at the end, every address, and the visible words."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.tags, self.words = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "srcset", "data", "action")]
        self.addresses += [value for name, value in attributes if name == "href" and tag != "a"]
        if tag not in ("meta", "img", "rect", "path", "polygon", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


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
    assert page.tags.count("svg") == DEPTH[technique]
    for arm in result.arms:
        assert f"{arm.cost.parameters:,}" in words
        assert arm.name in words
    for name, spec in TECHNIQUES[technique].specs().items():
        assert name in words
        assert spec.written(result.settings[name]) in words
    for fact in (result.provenance.processor, result.provenance.torch, result.provenance.created[:10]):
        assert fact in words
    assert handout.fingerprint(result) in words
    assert "MIT licence" in words
    assert f'href="https://lab.example/{technique}?lang=en"' in text


@pytest.mark.parametrize("technique", list(TECHNIQUES))
def test_a_report_asks_for_nothing_and_runs_nothing(technique):
    text = handout.html(recorded(technique), ZH)
    page = read(text)
    assert all(address.startswith("data:") for address in page.addresses)
    assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
    assert "url(" not in re.sub(r"url\(#p\d-\w+\)", "", text)
    assert "default-src 'none'" in text
    assert 40_000 < len(text) < 100_000  # about 60 kB, as the README says
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
    assert "<script" not in text
    assert text.count(escape(hostile)) >= 5


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


# The drawing


def drawn(figure):
    return ElementTree.fromstring(svg(figure, "what it shows"))


def numbers(path):
    return [float(x) for x in re.findall(r"-?[\d.]+", path)]


def test_points_lie_where_their_axes_say():
    figure = go.Figure(go.Scatter(x=[1, 10, 100], y=[0, 5, 10], mode="lines"))
    figure.update_xaxes(type="log", range=[0, 2])
    figure.update_yaxes(range=[0, 10])
    picture = drawn(figure)
    (line,) = [p for p in picture.iter("path") if p.get("fill") == "none" and p.get("stroke")]
    x1, y1, x2, y2, x3, y3 = numbers(line.get("d"))
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.2)  # each ten times as much
    assert y1 - y2 == pytest.approx(y2 - y3, abs=0.2)
    assert y3 < y1  # more is higher
    assert picture.get("aria-label") == "what it shows"
    labels = {e.text: float(e.get("x")) for e in picture.iter("text") if e.get("text-anchor") == "middle"}
    for label, x in {"1": x1, "10": x2, "100": x3}.items():
        assert labels[label] == pytest.approx(x, abs=0.2)


def test_bars_are_as_long_as_their_values_and_cells_hold_their_text():
    figure = go.Figure([go.Bar(x=[0, 1], y=[2, 4], name="a"), go.Bar(x=[0, 1], y=[1, 3], name="b")])
    figure.update_layout(barmode="group")
    heights = [float(r.get("height")) for r in drawn(figure).iter("rect") if float(r.get("width")) > 21]
    assert np.array(heights) / heights[0] * 2 == pytest.approx([2, 4, 1, 3], abs=0.05)
    cells = go.Figure(go.Heatmap(z=[[0.25, np.nan], [1, 0.5]], zmin=0, zmax=1, colorscale="Cividis",
                                 texttemplate="%{z:.2f}"))  # fmt: skip
    shown = [e.text for e in drawn(cells).iter("text") if e.get("style")]
    assert shown == ["0.25", "1.00", "0.50"]


def test_what_waits_in_the_legend_is_left_out_and_intervals_are_within_the_axis():
    figure = go.Figure(go.Scatter(x=[1], y=[1], mode="markers", error_x=dict(array=[3]), name="there"))
    figure.add_scatter(x=[9], y=[9], name="waiting", visible="legendonly")
    figure.add_scatter(x=[2], y=[2], name="also there")
    text = svg(figure, "")
    assert "waiting" not in text
    assert "also there" in text
    axis = axes_of(figure, {("x", "y"): figure.data[:1]})["x"]
    assert axis.low < -2 < 4 < axis.high


def test_a_foreign_colour_or_word_cannot_leave_the_picture():
    figure = go.Figure(go.Scatter(x=['<b>&"x'], y=[1], mode="markers", name='"><script>'))
    figure.add_scatter(x=["b"], y=[2], name="second", line=dict(color="red"))
    text = svg(figure, '"><script>')
    ElementTree.fromstring(text)
    assert "<script" not in text
    assert "red" not in unescape(text)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_still_picture_stands_alone_with_its_size_and_its_colours(theme):
    figure = go.Figure(
        [go.Bar(x=["a", "b"], y=[2, 4], name="50 % & more"), go.Bar(x=["a", "b"], y=[1, 3], name="b")]
    )
    kind, _, picture = address(figure, (600, 250), theme).partition(",")
    assert kind == "data:image/svg+xml"
    assert not set(picture) & set('"<>#')  # it may stand in an attribute, and is whole there
    root = ElementTree.fromstring(unquote(picture))
    space = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{space}svg"
    assert root.get("viewBox") == "0 0 600 250"
    assert len([r for r in root.iter(f"{space}rect") if float(r.get("width")) > 21]) == 4
    assert INKS[theme] in root.find(f"{space}style").text
    assert "50 % & more" in [text.text for text in root.iter(f"{space}text")]
