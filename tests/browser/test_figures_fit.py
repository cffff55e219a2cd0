"""Every text of every figure has its place: within its figure, apart from the others, and not under a mark."""

import json

import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs

from app.figures.arms import FONTS
from app.i18n.text import Translate
from tests.every_figure import every
from tests.without_digits import without

pytestmark = pytest.mark.browser
HALF = ("errors", "scores", "curves", "with the previous run", "reliability", "calibration", "agreement",
        "mistakes repeated", "slices", "importance")  # fmt: skip
PAGE = 1060  # px of a page's content in a window of 1440
WIDTHS = {1440: {"half": 520, "whole": PAGE}, 390: {"half": 358, "whole": 358}}  # px of a figure's place, by window
TALK = (1360, 560)  # px of a talk's figure, across and down
CLOSE = 1.5  # px by which boxes of letters may meet: they are higher than the letters
DRAW = """async figures => {
    document.body.replaceChildren();
    for (const { name, figure, width, height } of figures) {
        const place = document.createElement("div");
        place.dataset.name = name;
        place.style.height = `${height}px`;
        document.body.append(place);
        const layout = { ...figure.layout, width, height };
        await Plotly.newPlot(place, figure.data, layout, { displayModeBar: false });
    }
}"""
# What is wrong, in words: texts cut by the figure's edge, texts over each other, numbers that a mark covers.
WRONG = """close => {
    const found = [], box = (element) => element.getBoundingClientRect();
    const boxed = (element) => ({ box: box(element), said: element.textContent });
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > close &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2 * close;
    const past = (a, edge) =>
        Math.max(edge.left - a.left, a.right - edge.right, edge.top - a.top, a.bottom - edge.bottom) > close;
    for (const place of document.querySelectorAll("[data-name]")) {
        const say = (what, ...them) => found.push(`${place.dataset.name}: ${what}: ${them.join(" | ")}`);
        const all = (those) => [...place.querySelectorAll(those)];
        const isShown = (text) => text.textContent.trim() && box(text).width && getComputedStyle(text).opacity > 0;
        const texts = all(".main-svg text").filter(isShown).map(boxed), edge = box(place);
        texts.forEach((text, at) => {
            if (past(text.box, edge)) say("cut", text.said);
            for (const other of texts.slice(at + 1)) {
                if (meet(text.box, other.box)) say("over each other", text.said, other.said);
            }
        });
        const marks = all(".points > path.point").filter((mark) => getComputedStyle(mark).opacity > 0.5).map(box);
        for (const number of all(".textpoint text").filter(isShown).map(boxed)) {
            if (marks.some((mark) => meet(number.box, mark))) say("under a mark", number.said);
        }
        const plots = all(".nsewdrag").map(box);
        for (const text of all(".cartesianlayer [clip-path] text").filter(isShown)) {
            if (plots.every((plot) => past(box(text), plot))) say("cut by its plot", text.textContent);
        }
        for (const axis of Object.values(place._fullLayout)) {
            if (!axis?._vals || axis.type === "category" || axis.showticklabels === false) continue;
            for (const { x, text } of axis._vals.filter(({ text }) => text && String(text).trim())) {
                const value = axis.type === "log" ? 10 ** x : x;
                const read = Number(String(text).replaceAll(",", "").replace("−", "-"));
                if (!(Math.abs(read - value) <= 1e-6 * Math.abs(value))) say("a tick that lies", text, value);
            }
        }
    }
    return found;
}"""


@pytest.fixture(scope="module")
def page(chromium):
    page = chromium.new_page()
    page.set_content(f"<!doctype html><body style='margin: 0; font-family: {json.dumps(FONTS)[1:-1]}'></body>")
    page.add_script_tag(content=get_plotlyjs())
    yield page
    page.close()


def as_on_the_page(name: str, figure: go.Figure, window: int) -> dict[str, object]:
    what = name.split(": ", 1)[1]
    width = WIDTHS[window]["half" if what in HALF else "whole"]
    shown = {"name": name, "figure": json.loads(figure.to_json()), "width": width, "height": figure.layout.height}
    if what.endswith("in a talk"):
        return shown | {"width": TALK[0], "height": TALK[1]}
    return shown


@pytest.mark.parametrize(("window", "language"), [
    (1440, "en"),
    *(pytest.param(*other, marks=pytest.mark.proof) for other in [(390, "zh"), (1440, "zh"), (390, "en")]),
])  # fmt: skip
def test_no_text_of_a_figure_is_cut_or_covered_and_no_tick_lies(page, window, language):
    figures = [
        as_on_the_page(name, figure, window)
        for name, figure in every(Translate(language), without("3"))
        if window == 1440 or not name.endswith("in a talk")  # a talk is on a projector
    ]
    assert len(figures) > 40
    page.set_viewport_size({"width": window, "height": 900})
    page.evaluate(DRAW, figures)
    assert page.evaluate(WRONG, CLOSE) == []
