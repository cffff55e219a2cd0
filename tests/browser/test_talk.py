"""A talk given with the keys of a keyboard or a clicker alone."""

import re

import pytest
from playwright.sync_api import expect

from app.techniques import talk
from tests.browser.conftest import PATIENCE, ROOT, still

pytestmark = pytest.mark.browser
STEPS = talk("distillation")


@pytest.fixture(scope="module")
def page(open_once):
    """A projector's page; each test goes to its own address."""
    return open_once("/distillation?present=1", width=1920, height=1080)


@pytest.fixture
def at_step(page, server):
    """Go to a step of a talk, and wait until its keys are heard."""

    def go(technique, step):
        page.goto(f"{server.address}/{technique}?present=1" + (f"&step={step}" if step > 1 else ""))
        page.locator("[data-listens]").wait_for(state="attached")
        if technique == "distillation":
            shows(page, step)
        return page

    return go


def shows(page, step, revealed=False):
    """Wait until a step of distillation's talk is seen, its question answered or not."""
    title = (STEPS[step - 1].told if revealed else "") or STEPS[step - 1].title
    # One title, once the old page has gone.
    expect(page.locator("h1")).to_have_text([title], timeout=PATIENCE)
    url = rf"step={step}\b" if step > 1 else r"^((?!step=).)*$"
    expect(page).to_have_url(re.compile(url), timeout=PATIENCE)
    question = expect(page.locator(".st-key-talk_ask"))
    (question.not_to_contain_text if revealed else question.to_contain_text)("…", timeout=PATIENCE)


def test_distillation_goes_by_keys_alone(page):
    shows(page, 1)
    page.locator("[data-listens]").wait_for(state="attached")
    page.keyboard.press("v")
    shows(page, 1, revealed=True)
    page.keyboard.press("PageDown")
    shows(page, 2)
    page.keyboard.press("ArrowRight")
    shows(page, 3)
    # A button pressed by mouse does not swallow the next Space.
    page.locator(".clicker .back").click()
    shows(page, 2)
    page.keyboard.press("Space")
    shows(page, 3)
    page.keyboard.press("PageUp")
    shows(page, 2)
    for step in range(3, len(STEPS) + 1):
        page.keyboard.press("PageDown")
        shows(page, step)
        page.keyboard.press("Enter")
        shows(page, step, revealed=True)
        below = "document.querySelector('[data-testid=stMain]').scrollHeight - innerHeight"
        assert page.evaluate(below) <= 0, f"step {step} does not fit the screen"
        picture = page.locator(".st-key-talk_picture")
        picture.locator("svg text:visible, td:visible").first.wait_for(timeout=PATIENCE)
        sizes = picture.evaluate(SIZES)
        assert min(sizes.values()) >= 28, (step, sizes)
    page.reload()
    shows(page, len(STEPS))
    page.locator("[data-listens]").wait_for(state="attached")
    page.keyboard.press("Escape")
    expect(page.locator("h1")).to_have_text(["Distillation"], timeout=PATIENCE)
    expect(page).not_to_have_url(re.compile("present|step"), timeout=PATIENCE)


# The sizes in pixels of the letters that are seen in a picture: part of the page or of a shadow tree in it.
SIZES = """part => {
    const BESIDE = "style, script, .clicker, .st-key-ways, .track .name, [data-testid=stIconMaterial]";
    const sizes = {};
    const read = root => {
        for (const element of root.querySelectorAll("*")) {
            if (element.shadowRoot) read(element.shadowRoot);
            const words = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
            const isSeen = element.checkVisibility({ visibilityProperty: true });
            if (!words || !isSeen || element.closest(BESIDE)) continue;
            const name = (element.getAttribute("class") ?? "").split(" ")[0] || element.tagName;
            const size = parseFloat(getComputedStyle(element).fontSize) * element.currentCSSZoom;
            sizes[name] = Math.min(size, sizes[name] ?? size);
        }
    };
    read(part);
    return sizes;
}"""


ONE_SCREEN = "document.querySelector('[data-testid=stMain]').scrollHeight <= innerHeight"
LIVE = {"transfer": ".labels-curve", "multitask": ".gradients", "meta_learning": ".adaptation"}


@pytest.mark.parametrize(("technique", "step"), [
    *(("distillation", step) for step in (1, 2, 3)), ("transfer", 1), ("multitask", 1), ("meta_learning", 1),
])  # fmt: skip
def test_pictures_are_read_from_the_back_row(at_step, technique, step):
    page = at_step(technique, step)
    page.keyboard.press("v")
    if technique == "distillation":
        shows(page, step, revealed=True)
    else:
        expect(page.locator(".st-key-talk_ask")).not_to_contain_text("…", timeout=PATIENCE)
        page.locator(f"{LIVE[technique]}:not(.asks) svg text").first.wait_for(timeout=PATIENCE)
    sizes = page.locator(".st-key-talk_picture").evaluate(SIZES)
    assert min(sizes.values()) >= 28, sizes
    assert len(sizes) > 5
    if step == 2:
        assert sizes["value"] >= 36
    assert page.evaluate(ONE_SCREEN)


@pytest.mark.parametrize(("name", "picture", "value"), [
    ("draw", ".draw .value:not(:empty)", "value"), ("sweep", ".map td", ""), ("summary", ".three td", ""),
])  # fmt: skip
def test_pages_beside_the_talks_are_read_from_the_back_row_on_one_screen(page, server, name, picture, value):
    page.goto(f"{server.address}/{name}?present=1")
    page.locator(picture).first.wait_for(timeout=PATIENCE)
    still(page)
    everything = page.locator("[data-testid=stMain]")
    sizes = everything.evaluate(SIZES)
    assert min(sizes.values()) >= 28, sizes
    assert not value or sizes[value] >= 36
    assert page.evaluate(ONE_SCREEN)
    if name == "summary":  # its second screen
        page.get_by_role("radio", name="What to ship").click()
        page.locator(".st-key-budget svg .ring").wait_for(timeout=PATIENCE)
        sizes = everything.evaluate(SIZES)
        assert min(sizes.values()) >= 28, sizes
        assert page.evaluate(ONE_SCREEN)


def test_keys_belong_to_a_slider_that_has_the_focus_but_not_a_clickers(at_step):
    page = at_step("distillation", 2)
    slider = page.get_by_role("slider", name="Temperature T")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("4.5", timeout=PATIENCE)
    shows(page, 2)
    page.keyboard.press("Escape")  # out of the slider, and not yet out of the talk
    expect(slider).not_to_be_focused(timeout=PATIENCE)
    expect(page).to_have_url(re.compile(r"temperature=4\.5"), timeout=PATIENCE)  # Python has heard of it
    shows(page, 2)
    page.keyboard.press("ArrowRight")
    shows(page, 3)
    page.keyboard.press("PageUp")
    shows(page, 2)
    slider.focus()
    page.keyboard.press("PageDown")
    shows(page, 3)


# Step 2 is shown and covered again, 3 and 4 are shown: a key that is lost, or heard out of order, ends elsewhere.
PRESSED = ("v", "PageDown", "Enter", "PageUp", "v", "PageDown", "PageDown", "v")


@pytest.mark.parametrize(
    "gap", [0, *(pytest.param(gap, marks=pytest.mark.proof) for gap in (30, 100, 300))]
)  # milliseconds
def test_no_key_is_lost_however_fast_they_come(at_step, gap):
    page = at_step("distillation", 2)

    def press(*keys, gap):
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(gap)

    press(*PRESSED, gap=gap)
    shows(page, 4, revealed=True)
    press("v", "PageUp", gap=0)
    shows(page, 3, revealed=True)
    press("v", "PageUp", gap=0)
    shows(page, 2)  # covered, as 3 and 4 are now
    press(*["PageDown"] * 5, gap=gap)
    shows(page, 7)
    press(*["PageUp"] * 5, gap=0)
    shows(page, 2)


def test_a_part_hears_on_after_a_call_that_was_overtaken(page):
    # Two reruns in quick succession: Streamlit takes back the first of its calls after it has made the second.
    shared = (ROOT / "app" / "components" / "shared.js").read_text(encoding="utf-8")
    closed = page.evaluate("""([shared]) => {
        const { mount, Part } = new Function(`${shared}; return { mount, Part };`)();
        let closed = 0;
        class Heard extends Part { receive() {} close() { closed += 1; } }
        const parentElement = document.createElement("div");
        parentElement.innerHTML = "<section></section>";
        document.body.append(parentElement);
        const [first, second] = [1, 2].map((data) => mount(Heard, { data: [data], parentElement }));
        first();
        const overtaken = closed;
        parentElement.remove();
        second();
        return [overtaken, closed];
    }""", [shared])  # fmt: skip
    assert closed == [0, 1]


def test_the_last_step_leads_to_the_next_talk(at_step):
    page = at_step("meta_learning", 4)
    expect(page.locator(".clicker .next")).to_contain_text("Summary", timeout=PATIENCE)
    page.keyboard.press("PageDown")
    expect(page.locator("h1")).to_have_text(["What distillation buys"], timeout=PATIENCE)
    expect(page).to_have_url(re.compile("/summary.*present=1"), timeout=PATIENCE)
