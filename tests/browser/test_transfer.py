"""The transfer page's curve in a browser: a guess first, a silent drag, one word on release, true numbers."""

import pytest

from app.transfer.bundled import recorded_curve
from kd_core.settings.common import SCRATCH
from kd_core.transfer.settings import TUNED
from tests.browser.conftest import has_value, silent

pytestmark = pytest.mark.browser


@pytest.fixture
def live(open_page):
    """The live part of the page, nothing guessed yet."""

    def opened(path="/transfer", **options):
        page = open_page(path, **options)
        slider(page).wait_for(state="attached")
        page.locator(".quiz .step.now").wait_for()
        return page

    return opened


def slider(page):
    return page.get_by_label("Labels per class", exact=True).and_(page.locator("input[type=range]"))


def out(page, name):
    return page.locator(f".readout [data-out={name}]").inner_text()


def place_of(page, at, y=0.5):
    """Where recorded point number `at` stands in the chart, in pixels of the window."""
    tick = page.locator(".grid text[text-anchor=middle]").nth(at).bounding_box()
    chart = page.locator(".stage svg").bounding_box()
    return tick["x"] + tick["width"] / 2, chart["y"] + y * chart["height"]


def expected(at):
    """What the marker must read at recorded point number `at`, from the asset."""
    curve = recorded_curve()
    scratch, tuned = (f"{100 - curve['arms'][arm]['mean'][at] / 100:.1f} %" for arm in (SCRATCH, TUNED))
    return scratch, tuned, curve["gain"][at]


def truth():
    """The first recorded number of labels from which on no gain is detected, or None."""
    curve = recorded_curve()
    still = [at for at, gain in enumerate(curve["gain"]) if gain["kind"] == "better"]
    first = still[-1] + 1 if still else 0
    return curve["labels"][first] if first < len(curve["labels"]) else None


@pytest.mark.proof
def test_a_guess_then_the_fact_in_this_browser_alone(live):
    sent = []
    page = live(sent=sent)
    silent(page, sent)
    cover = page.locator(".stage .cover")
    assert cover.is_visible()
    assert page.locator(".curve").count() == 0  # not drawn: nothing to find beneath
    assert (out(page, "scratch"), out(page, "tuned"), out(page, "gain")) == ("?", "?", "?")
    choices = page.locator(".guesses button").all_inner_texts()
    labels = recorded_curve()["labels"]
    assert choices[-2:] == [str(labels[-1]), "never here"]
    assert set(choices[:-1]) <= set(map(str, labels))

    page.locator(".guesses button").first.click()
    cover.wait_for(state="hidden")
    assert page.locator(".curve").count() == 2
    said = page.locator(".quiz .step.now").inner_text()
    assert f"You said {choices[0]}." in said
    if truth() is None:
        assert f"Never here: even at {labels[-1]} labels per class" in said
    elif any(gain["kind"] == "better" for gain in recorded_curve()["gain"]):
        assert f"From {truth()} labels per class on" in said
    else:
        assert "No gain can be detected" in said
    page.wait_for_timeout(600)  # silence takes time: a key's pause is 400 ms
    assert sent == []
    page.reload()
    page.locator(".quiz .step.now").wait_for()
    assert f"You said {choices[0]}." in page.locator(".quiz .step.now").inner_text()
    page.get_by_role("button", name="Ask again").click()
    assert cover.is_visible()
    page.get_by_role("button", name="Skip").click()
    assert "You said" not in page.locator(".quiz .step.now").inner_text()


@pytest.mark.proof  # as the temperature's, which is tested each time
def test_a_drag_is_silent_and_its_release_sets_the_control_once(live):
    sent = []
    page = live(sent=sent)
    page.get_by_role("button", name="Skip").click()
    silent(page, sent)
    labels = recorded_curve()["labels"]
    start, last = labels.index(10), len(labels) - 1
    page.mouse.move(*place_of(page, start))
    page.mouse.down()
    for at in (*range(start, last + 1), *range(last, -1, -1), 1):
        page.mouse.move(*place_of(page, at))
        scratch, tuned, gain = expected(at)
        has_value(slider(page), str(labels[at]))
        assert (out(page, "scratch"), out(page, "tuned")) == (scratch, tuned)
        shown = out(page, "gain").replace("−", "-").removesuffix(" points")
        assert float(shown) == pytest.approx(gain["points"], abs=0.06)
        assert (out(page, "gain-name") == "no detectable difference") == (gain["kind"] == "undetectable")
    page.wait_for_timeout(700)  # silence takes time
    assert sent == []
    page.mouse.up()
    page.wait_for_url(f"**labels_per_class={labels[1]}**")
    spinner = page.locator(".st-key-labels_per_class input")
    has_value(spinner, labels[1])
    has_value(slider(page), labels[1])

    spinner.fill(str(labels[-1]))  # and the control leads the marker
    spinner.press("Enter")
    page.wait_for_url(f"**labels_per_class={labels[-1]}**")
    has_value(slider(page), labels[-1])


@pytest.mark.proof
def test_keys_move_from_point_to_point_on_a_phone(live):
    page = live(width=390, height=844)
    labels = recorded_curve()["labels"]
    slider(page).focus()
    page.keyboard.press("End")
    assert page.locator(".curve").count() == 2  # who moves it has seen enough of the cover
    page.keyboard.press("ArrowLeft")
    has_value(slider(page), str(labels[-2]))
    assert f"at {labels[-2]} labels per class" in slider(page).get_attribute("aria-valuetext")
    page.wait_for_url(f"**labels_per_class={labels[-2]}**")
    stage = page.locator(".stage").bounding_box()
    assert stage["x"] >= 0
    assert stage["x"] + stage["width"] <= 390
