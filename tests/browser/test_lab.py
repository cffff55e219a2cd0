"""What only a browser shows of the lab as a whole: languages, themes, a phone, no other host, a port."""

import subprocess
import sys

import pytest

from tests.browser.conftest import ROOT, fits_a_phone, free_port, until
from tests.browser.live import slider

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def asked():
    """Every address that the browser asks in this file's visit."""
    return []


@pytest.fixture(scope="module")
def visit(open_once, asked):
    """A visit that begins with the overview."""
    return open_once("/", asked=asked)


def nothing_is_asked_of_another_host(asked):
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith(("http://127.0.0.1", "data:", "blob:"))] == []


def test_the_overview_fits_a_phone_and_nothing_is_asked_of_another_host(visit, asked):
    fits_a_phone(visit)
    visit.set_viewport_size({"width": 1440, "height": 900})
    visit.get_by_role("link", name="Distillation").click()
    slider(visit).wait_for()
    visit.locator(".st-key-errors .scatterlayer .point").first.wait_for()
    nothing_is_asked_of_another_host(asked)


def test_chinese(visit, asked, server):
    visit.goto(f"{server.address}/distillation?lang=zh")
    visit.get_by_role("heading", name="知识蒸馏").first.wait_for()
    visit.wait_for_function("() => document.documentElement.lang === 'zh'")  # as what listens to the page is told
    visit.locator(".st-key-verdict").get_by_text("蒸馏有帮助").first.wait_for()
    entries = visit.evaluate("history.length")
    visit.get_by_role("link", name="概览").click()
    visit.get_by_role("heading", name="蒸馏实验室").wait_for()
    assert visit.url.endswith("/?lang=zh")
    assert visit.evaluate("history.length") == entries + 1  # one page, one entry: one Back leads back
    visit.go_back()
    visit.wait_for_url("**/distillation?lang=zh**")
    visit.locator(".st-key-verdict").get_by_text("蒸馏有帮助").first.wait_for()
    fits_a_phone(visit)
    nothing_is_asked_of_another_host(asked)


@pytest.mark.proof
def test_a_choice_speaks_the_new_language(open_page):
    page = open_page()
    student = page.locator(".st-key-student [role=combobox], .st-key-student input").first
    says = "element => (element.value || element.innerText).includes('{}')"
    assert student.evaluate(says.format("CNN (16-32-32)"))
    page.locator(".st-key-lang").get_by_text("中文").click()
    page.get_by_role("heading", name="知识蒸馏").first.wait_for()
    until(page, lambda: student.evaluate(says.format("文章的 CNN")), "the student's name in Chinese")
    page.wait_for_function("() => document.documentElement.lang === 'zh'")


@pytest.mark.proof
def test_presentation_hides_the_sidebar_and_enlarges_type(open_page):
    plain, presented = open_page(), open_page("/summary?present=1")  # a technique's page is a talk then
    size = "() => parseFloat(getComputedStyle(document.documentElement).fontSize)"
    presented.get_by_role("button", name="Leave presentation mode").wait_for()
    presented.get_by_role("link", name="Overview").wait_for()
    assert (
        presented.locator('[data-testid="stSidebar"]').count() == 0
        or not presented.locator('[data-testid="stSidebar"]').is_visible()
    )
    presented.wait_for_function(f"() => ({size})() > {plain.evaluate(size)}")


def test_a_port_that_is_taken_is_said_in_a_sentence(server):
    second = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(server.port),
         "--server.headless", "true"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert second.returncode != 0
    assert f"Port {server.port} is" in second.stdout + second.stderr
    assert "Traceback" not in second.stdout + second.stderr
    assert free_port() != server.port
