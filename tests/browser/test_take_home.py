"""What is taken home: the report opens without a network, the link brings the page back."""

import re

import pytest
from playwright.sync_api import expect

from app.handout import DRAWINGS
from app.text import Translate
from tests.browser.conftest import has_value
from tests.browser.test_result import open_tab

pytestmark = pytest.mark.browser


@pytest.mark.proof
def test_the_report_opens_without_a_network_and_the_link_hides_its_controls(
    open_page, chromium, small_result, tmp_path
):
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

    pictures = len(list(DRAWINGS["distillation"](small_result, Translate("en"))))
    context = chromium.new_context(color_scheme="dark", viewport={"width": 390, "height": 844})
    try:
        context.set_offline(True)
        report, asked, told = context.new_page(), [], []
        report.on("request", lambda request: asked.append(request.url))
        report.on("console", lambda said: told.append(said.text))
        report.on("pageerror", lambda error: told.append(str(error)))
        report.goto(file.as_uri())
        assert report.locator("figure svg").count() == pictures
        sizes = report.locator("figure svg, figure img").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().width * one.getBoundingClientRect().height)"
        )
        assert len(sizes) == pictures + 1
        assert min(sizes) > 1000  # each can be seen
        assert report.locator("figure img").evaluate("image => image.complete && image.naturalWidth > 0")
        assert report.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert report.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 28)"
        assert all(address == file.as_uri() or address.startswith("data:") for address in asked)
        assert told == []
        refused = report.evaluate(
            "() => new Promise(done => {"
            "document.addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));"
            "new Image().src = 'http://127.0.0.1:1/picture.png'})"
        )
        assert refused == "img-src"  # its own policy forbids it, network or not
    finally:
        context.close()

    page.goto(link.inner_text())  # as whoever gets the link
    has_value(page.locator(".st-key-temperature input").first, 8)
    expect(page.locator(".st-key-alpha")).to_have_count(0)
