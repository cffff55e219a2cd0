"""What only a browser shows: dragging, streaming, stopping, refreshing, languages, themes, a phone."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.browser.conftest import ROOT, Server, free_port, has_value

pytestmark = pytest.mark.browser
TINY = "student=mlp30&train_size=50&epochs=2&seeds=2"
LONG = "student=article&teacher_data=same&train_size=5000&epochs=200&seeds=4"


def slider(page):
    return page.locator(".st-key-soft_targets").get_by_role("slider", name="Temperature T", exact=True)


def bars(page):
    """The twenty live bars' probabilities as drawn."""
    heights = page.locator(".st-key-soft_targets .panel .column .solid").evaluate_all(
        "bars => bars.map(bar => +bar.style.getPropertyValue('--p'))"
    )
    assert len(heights) == 20
    return np.array(heights).reshape(2, 10)


def expected_bars(temperature):
    digits = json.loads((ROOT / "assets" / "gallery.json").read_text(encoding="utf-8"))["digits"]
    pair = [next(d for d in digits if d["index"] == index) for index in (0, 4027)]
    z = np.array([digit["logits"] for digit in pair]) / temperature
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def press_run(page):
    page.locator(".st-key-run button").click()
    page.locator(".st-key-stop").wait_for(timeout=20_000)


def drawn(page):
    """Wait until the whole page stands, as a person does before they reach for a button at its top."""
    page.locator(".st-key-result .js-plotly-plot").first.wait_for(timeout=20_000)
    page.locator('[data-test-script-state="notRunning"]').first.wait_for(timeout=20_000)


def test_first_paint_is_full_its_figures_come_to_rest_and_the_web_process_has_no_torch(open_page, server):
    sent = []
    page = open_page("/distillation", sent=sent, rest=False)
    slider(page).wait_for()
    page.get_by_text("recorded on").wait_for()
    page.locator(".st-key-verdict").get_by_text("Distillation helped").first.wait_for()
    page.locator(".st-key-result table.arms").get_by_text("121,930").wait_for()
    np.testing.assert_allclose(bars(page), expected_bars(4.0), atol=1e-3)
    page.locator(".st-key-errors .scatterlayer .point").first.wait_for()
    page.wait_for_timeout(1_500)
    before = len(sent)
    page.wait_for_timeout(2_500)
    assert len(sent) == before  # it does not ask again and again
    mapped = {Path(region.path).name for region in psutil.Process(server.process.pid).memory_maps()}
    assert not any("torch" in name for name in mapped)
    nothing_is_cut_on_a_phone(page)


def nothing_is_cut_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(2_500)
    main = page.locator('[data-testid="stMain"]')
    assert main.evaluate("element => element.scrollWidth - element.clientWidth") <= 1


def test_dragging_is_silent_and_a_release_speaks_once(open_page):
    from playwright.sync_api import expect

    sent = []
    page = open_page("/distillation", sent=sent)
    page.get_by_text("recorded on").wait_for()
    page.wait_for_timeout(1500)
    box = slider(page).bounding_box()
    middle = box["y"] + box["height"] / 2
    start = box["x"] + box["width"] * (4 - 0.5) / 49.5
    sent.clear()
    before = bars(page)
    page.mouse.move(start, middle)
    page.mouse.down()
    seen = []
    for step in range(1, 21):
        page.mouse.move(start + step * 10, middle)
        seen.append(bars(page)[0].max())
    assert sent == []  # the bars have followed the hand, and the server knows nothing of it
    assert len({round(p, 6) for p in seen}) > 10
    assert not np.allclose(bars(page), before)
    temperature = float(slider(page).input_value())
    np.testing.assert_allclose(bars(page), expected_bars(temperature), atol=1e-3)
    page.mouse.up()
    page.wait_for_timeout(1500)
    assert len(sent) == 1
    assert f"temperature={temperature:g}" in page.url
    number = page.locator(".st-key-temperature input")
    expect(number).to_have_value(re.compile(rf"^{re.escape(f'{temperature:g}')}\.?0*$"), timeout=15_000)

    alpha = page.locator(".st-key-alpha input[type=range]")
    page.locator(".st-key-alpha").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    sent.clear()
    box = alpha.locator("xpath=../..").bounding_box()  # the handle
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 - 100, box["y"] + box["height"] / 2, steps=5)
    held = float(alpha.input_value())
    expect(page.locator("[data-out=alpha]").first).to_have_text(f"{held:.2f}")  # the formula follows this hand, too
    assert held < 0.9
    assert sent == []
    page.mouse.up()


def test_keys_presets_and_the_browsers_back_move_the_temperature(open_page):
    page = open_page()
    page.wait_for_timeout(1500)
    slider(page).focus()
    page.keyboard.press("ArrowRight")
    has_value(slider(page), "4.5")
    page.wait_for_url("**temperature=4.5**")
    page.get_by_role("button", name="T = 20", exact=True).click()
    page.wait_for_url("**temperature=20**")
    page.locator(".st-key-preset_hard_teacher button").first.click()
    page.wait_for_url("**temperature=1**")
    page.wait_for_timeout(500)
    has_value(slider(page), "1")

    page.wait_for_timeout(1500)  # what is published settles before a person goes back
    page.get_by_role("button", name="T = 8", exact=True).click()
    page.wait_for_url("**temperature=8**")
    page.wait_for_timeout(1500)
    for go, temperature in ((page.go_back, "1"), (page.go_back, "20"), (page.go_forward, "1")):
        go()
        page.wait_for_url(f"**temperature={temperature}**")
        has_value(slider(page), temperature)
        page.wait_for_timeout(1500)  # from when Python has followed, which under load takes a while


@pytest.mark.proof
def test_a_choice_speaks_the_new_language(open_page):
    page = open_page()
    student = page.locator(".st-key-student [role=combobox], .st-key-student input").first
    expect = "element => (element.value || element.innerText).includes('{}')"
    assert student.evaluate(expect.format("CNN (16-32-32)"))
    page.locator(".st-key-lang").get_by_text("中文").click()
    page.get_by_role("heading", name="知识蒸馏").first.wait_for()
    page.wait_for_timeout(1000)
    assert student.evaluate(expect.format("文章的 CNN"))
    assert page.evaluate("document.documentElement.lang") == "zh"


def test_nothing_is_asked_of_another_host(open_page):
    asked = []
    page = open_page("/", asked=asked)
    nothing_is_cut_on_a_phone(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("link", name="Distillation").click()
    slider(page).wait_for()
    page.wait_for_timeout(1500)
    assert [url for url in asked if not url.startswith(("http://127.0.0.1", "data:", "blob:"))] == []


def test_run_to_the_verdict(open_page):
    page = open_page(f"/distillation?{TINY}")
    page.locator(".st-key-run button").click()
    page.get_by_text(re.compile(r"Finished in [\d.]+ s")).wait_for(timeout=60_000)
    assert page.get_by_text("recorded on").count() == 0
    verdict = page.locator(".st-key-verdict").inner_text()
    assert "2 paired trials" in verdict
    assert "each student 50" in verdict


def test_run_streams_survives_a_refresh_and_stops_within_a_second(open_page):
    page = open_page(f"/distillation?{LONG}")
    press_run(page)
    progress = page.locator(".st-key-progress")
    for stage in ("Train the teacher", "Make soft targets", "Train the students"):
        assert progress.get_by_text(stage).count() == 1
    canvas = progress.locator("canvas").first
    canvas.wait_for(timeout=30_000)
    progress.get_by_text(re.compile(r"\d+ % done")).wait_for(timeout=60_000)  # its workers may be new
    canvas.evaluate("element => element.dataset.mark = 'same'")
    page.wait_for_timeout(2500)
    assert progress.locator("canvas").first.get_attribute("data-mark") == "same"  # drawn on, never replaced

    page.reload()  # a new session: the address finds the run again
    page.locator(".st-key-stop").wait_for(timeout=20_000)
    drawn(page)
    started = time.monotonic()
    page.locator(".st-key-stop button").click()
    page.get_by_text("Stopped after").wait_for(timeout=5_000)
    assert time.monotonic() - started < 4  # the claim is one second; the rest is for a busy machine
    assert page.locator(".st-key-stop").count() == 0
    assert page.locator(".st-key-run button").is_enabled()


@pytest.mark.proof
def test_two_tabs_run_at_once(open_page):
    pages = [open_page(f"/distillation?{TINY}&seed={seed}") for seed in (1, 2)]
    for page in pages:
        page.locator(".st-key-run button").click()
    for page in pages:
        page.get_by_text(re.compile(r"Finished in [\d.]+ s")).wait_for(timeout=90_000)
    assert pages[0].url != pages[1].url


@pytest.mark.proof
def test_a_killed_worker_is_replaced_and_the_page_says_so(open_page, server):
    page = open_page(f"/distillation?{LONG}")
    press_run(page)
    page.locator(".st-key-progress").get_by_text(re.compile(r"\d+ % done")).wait_for(timeout=30_000)
    page.wait_for_timeout(2000)
    family = psutil.Process(server.process.pid).children(recursive=True)
    busy = max((p for p in family if p.status() != "zombie"), key=lambda p: p.cpu_times().user)
    busy.kill()
    page.get_by_text("A worker process died").wait_for(timeout=30_000)
    page.locator(".st-key-stop button").click()
    page.get_by_text("Stopped after").wait_for(timeout=10_000)


def test_chinese(open_page):
    page = open_page("/distillation?lang=zh")
    page.get_by_role("heading", name="知识蒸馏").first.wait_for()
    page.wait_for_function("document.documentElement.lang === 'zh'")  # as what listens to the page is told
    page.locator(".st-key-verdict").get_by_text("蒸馏有帮助").first.wait_for()
    page.get_by_role("link", name="概览").click()
    page.get_by_role("heading", name="蒸馏实验室").wait_for()
    page.wait_for_url("**lang=zh**")
    page.go_back()
    page.get_by_role("heading", name="知识蒸馏").first.wait_for()
    nothing_is_cut_on_a_phone(page)


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
    presented.wait_for_function(f"({size})() > {plain.evaluate(size)}")


def test_first_request_of_a_new_server_may_be_a_page(chromium):
    # Streamlit would run pages/distillation.py without the entry script until st.navigation is called.
    server = Server().wait()
    try:
        page = chromium.new_page()
        page.goto(f"{server.address}/distillation?temperature=8&alpha=nan")  # other values: tests/test_pages.py
        slider(page).wait_for()
        assert page.get_by_role("link", name="Overview").count() == 1
        has_value(slider(page), "8")
        page.get_by_text("alpha = nan").wait_for()
        has_value(page.locator(".st-key-alpha input"), "0.9")
        page.close()
    finally:
        server.stop()


@pytest.mark.proof
def test_nothing_is_left_when_the_server_is_killed(open_page, chromium):
    server = Server().wait()
    page = chromium.new_page()
    page.goto(f"{server.address}/distillation?{LONG}")
    page.locator(".st-key-run button").click()
    page.locator(".st-key-stop").wait_for(timeout=30_000)
    page.locator(".st-key-progress").get_by_text("done").first.wait_for(timeout=30_000)
    family = psutil.Process(server.process.pid).children(recursive=True)
    assert len(family) >= 2
    server.process.kill()
    server.process.communicate()
    page.close()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert alive == []


def test_a_port_that_is_taken_is_said_in_a_sentence(server):
    second = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(server.port),
         "--server.headless", "true"],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert second.returncode != 0
    assert f"Port {server.port} is" in second.stdout + second.stderr
    assert "Traceback" not in second.stdout + second.stderr
    assert free_port() != server.port


@pytest.mark.proof  # one more server, and a whole run on it; AppTest reads the notice
def test_without_mnist_the_page_says_so_and_still_runs(chromium, tmp_path):
    (tmp_path / "file").write_text("")  # even root cannot make a folder inside a file
    server = Server(KD_DATA_DIR=str(tmp_path / "file" / "data")).wait()
    try:
        page = chromium.new_page()
        page.goto(f"{server.address}/distillation?{TINY}")
        page.get_by_text("This is NOT MNIST").first.wait_for(timeout=60_000)  # by itself, nothing was pressed
        page.locator(".st-key-run button").click()
        page.get_by_text(re.compile(r"Finished in [\d.]+ s")).wait_for(timeout=90_000)
        assert page.get_by_text("cannot be written").count() >= 1
        assert page.locator(".st-key-preset_small_student button").first.is_disabled()
        assert page.get_by_text("1,197 training").count() == 1
        page.close()
    finally:
        server.stop()
