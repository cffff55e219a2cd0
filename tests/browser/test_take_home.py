"""What is taken home: the report opens without a network, the link brings the page back."""

import re
from contextlib import contextmanager
from datetime import date

import pytest
from playwright.sync_api import expect

from app.distillation.sizes import files
from app.i18n.text import Translate
from app.reports import handout
from app.results.bundled import recorded
from app.techniques import view
from kd_core.techniques import NAMES
from tests.browser.conftest import has_value, still, until
from tests.browser.test_result import open_tab

pytestmark = pytest.mark.browser
EN = Translate("en")
REFUSED = """() => new Promise(done => {
    document.addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));
    new Image().src = 'http://127.0.0.1:1/picture.png'})"""
CUT = """() => [...document.querySelectorAll(".plot")].flatMap((plot) => {
    const box = plot.getBoundingClientRect();
    return [...plot.querySelectorAll(".main-svg text")].filter((text) => {
        const { left, right, top, bottom, width } = text.getBoundingClientRect();
        const out = Math.max(box.left - left, right - box.right, box.top - top, bottom - box.bottom);
        return width && text.textContent && out > 1.5;
    }).map((text) => text.textContent);
})"""


@contextmanager
def offline(chromium, file, **options):
    """A report, opened from disk in a browser that has no network; it must ask nobody and say nothing."""
    options = {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}} | options
    context = chromium.new_context(**options)
    try:
        context.set_offline(True)
        report, asked, told = context.new_page(), [], []
        report.on("request", lambda request: asked.append(request.url))
        report.on("console", lambda said: told.append(said.text))
        report.on("pageerror", lambda error: told.append(str(error)))
        report.goto(file.as_uri())
        yield report
        assert all(address == file.as_uri() or address.startswith("data:") for address in asked)
        assert told == []
        assert report.evaluate(REFUSED) == "img-src"  # its own policy forbids it, network or not
    finally:
        context.close()


IN_PROOF = ("transfer", "multitask", "meta_learning")  # their figures are of the same kinds as the others'


@pytest.mark.parametrize(
    "technique", [pytest.param(name, marks=[pytest.mark.proof] * (name in IN_PROOF)) for name in NAMES]
)
def test_a_report_opens_without_a_network_shows_all_answers_the_pointer_and_prints(chromium, technique, tmp_path):
    result, file = recorded(technique), tmp_path / "report.html"
    file.write_text(handout.html(result, EN), encoding="utf-8")
    with offline(chromium, file) as report:
        assert report.locator(".plot:has(.main-svg .xy)").count() == len(list(view(technique).drawings(result, EN)))
        everything_can_be_seen(report)
        assert report.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 28)"
        inks = report.locator(".plot .xtick text").evaluate_all("all => all.map(one => getComputedStyle(one).fill)")
        assert set(inks) == {"rgb(232, 237, 242)"}  # light on dark
        answers_the_pointer(report, result)  # where it is scaled down

        report.set_viewport_size({"width": 1200, "height": 900})
        until(report, lambda: is_wide(report), "the wide figure")
        everything_can_be_seen(report)
        answers_the_pointer(report, result)

        report.evaluate(f"addEventListener('beforeprint', () => {{ globalThis.cut = ({CUT})() }})")
        printed = report.pdf(prefer_css_page_size=True)
        assert printed.startswith(b"%PDF")
        assert report.evaluate("globalThis.cut") == []
        until(report, lambda: is_wide(report), "the wide figure after printing")


@pytest.mark.parametrize(("language", "scheme"), [
    ("en", "light"), pytest.param("zh", "dark", marks=pytest.mark.proof),
])  # fmt: skip
def test_the_summary_prints_on_one_page_with_date_and_address_and_without_buttons(open_page, language, scheme):
    page = open_page(f"/summary?lang={language}", color_scheme=scheme)
    page.locator(".three").wait_for()
    still(page)
    a_budget_is_dragged_by_keys_and_by_hand(page)
    foot, button = page.locator(".printed"), page.locator("[data-testid=stMain] [data-testid=stButton]")
    expect(foot).to_be_hidden()
    expect(button).to_be_visible()
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    width, height = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed).groups()
    assert (round(float(width)), round(float(height))) == (595, 842)  # A4, in points
    page.emulate_media(media="print")
    expect(foot).to_contain_text(page.url.split("?")[0])
    expect(foot).to_contain_text(f"{date.today():%Y-%m-%d}")
    expect(button).to_be_hidden()
    ink = page.locator("h2").evaluate("element => getComputedStyle(element).color")
    assert ink == "rgb(27, 36, 48)", "dark on white paper, whatever the screen's scheme"


def a_budget_is_dragged_by_keys_and_by_hand(page):
    """The sentence is of the file that has the fewest validation errors of those within the budget."""
    says, slider = page.locator(".budget .says"), page.locator(".budget input")

    def told(by, budget):
        within = [file for file in files() if file[by] <= budget]
        best = min(within, key=lambda file: file["validation"]["mean"])
        expect(says).to_contain_text(best["network"])
        expect(says).to_contain_text(f"{best['form']}")
        expect(says).to_contain_text(f"{best['test']['mean']:.1f} %")

    told("bytes", 100_000)
    slider.focus()
    page.keyboard.press("Home")
    told("bytes", min(file["bytes"] for file in files()))
    page.keyboard.press("End")
    expect(says).to_contain_text("CNN 32-64-64")  # the teacher fits, and is best
    box = page.locator(".budget .stage svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 5, box["y"] + 100, steps=3)
    page.mouse.up()
    told("bytes", min(file["bytes"] for file in files()))
    page.locator(".budget .by button").nth(1).click()
    told("ms", 0.05)


def is_wide(report):
    """Asked by `evaluate`: to wait, `wait_for_function` evaluates a string, which the report's policy forbids."""
    return report.evaluate("document.querySelector('.plot .main-svg').clientWidth > 500")


def everything_can_be_seen(report):
    assert report.evaluate(CUT) == []
    assert report.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sizes = report.locator("figure .plot, figure img").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(({ width, height }) => width * height)"
    )
    assert min(sizes) > 1000
    images = report.locator("figure img")
    assert images.evaluate_all("all => all.every(image => image.complete && image.naturalWidth > 0)")


def answers_the_pointer(report, result):
    """Point at a mean of the first figure: its label says whose it is, and the number."""
    mean = report.locator(".plot").first.locator(".scatterlayer .trace .point").last
    mean.scroll_into_view_if_needed()
    box = mean.bounding_box()
    report.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    label = report.locator(".hoverlayer .hovertext").first
    names = "|".join(re.escape(arm.name) for arm in result.arms)
    expect(label).to_contain_text(re.compile(rf"({names})[\d.]+"))
    report.mouse.move(0, 0)
    expect(label).to_have_count(0)


@pytest.mark.proof
def test_the_report_opens_without_a_network_and_the_link_hides_its_controls(open_page, chromium, tmp_path):
    page = open_page("/distillation?temperature=8&hide=alpha")
    has_value(page.locator(".st-key-temperature input").first, 8)
    expect(page.locator(".st-key-alpha")).to_have_count(0)
    open_tab(page, "Export")
    link = page.locator(".st-key-result code").filter(has_text="/distillation?")
    link.wait_for()  # the parts of the page that draw it may have to be fetched first
    wanted = r"http://127\.0\.0\.1:\d+/distillation\?temperature=8&hide=alpha&lang=en"
    assert re.fullmatch(wanted, link.inner_text())
    with page.expect_download() as download:
        page.locator(".st-key-report button").first.click()
    assert download.value.suggested_filename == "distillation-report.html"
    file = tmp_path / "report.html"
    download.value.save_as(file)

    with offline(chromium, file) as report:
        expect(report.locator(".plot .main-svg").first).to_be_visible()
        assert report.locator("td", has_text="soft targets (Hinton)").count()

    page.goto(link.inner_text())  # as whoever gets the link
    has_value(page.locator(".st-key-temperature input").first, 8)
    expect(page.locator(".st-key-alpha")).to_have_count(0)
