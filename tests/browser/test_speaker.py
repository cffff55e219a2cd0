"""The speaker's view and the projector: turned in one window, seen in the other; and what the route refuses."""

import json
import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

from app.i18n.text import Translate
from app.techniques import talk
from tests.browser.axe import serious
from tests.browser.conftest import PATIENCE, fits_a_phone

pytestmark = pytest.mark.browser
STEPS = talk("distillation")


@pytest.fixture(scope="module")
def windows(open_once):
    """The projector's window, and the speaker's, which its footer opens."""
    projector = open_once("/distillation?present=1", width=1920, height=1080)
    projector.locator("[data-listens]").wait_for(state="attached")
    with projector.expect_popup() as popup:
        projector.get_by_role("link", name="Speaker view").click()
    speaker = popup.value
    speaker.set_viewport_size({"width": 1280, "height": 800})
    shows(speaker, 1)
    yield projector, speaker
    speaker.close()


def shows(window, step, part=".speaker h1"):
    """Wait until the speaker's view is at this step."""
    expect(window.locator(part)).to_have_text(STEPS[step - 1].told or STEPS[step - 1].title, timeout=PATIENCE)


def at_projector(window, step):
    expect(window.locator(".clicker .count span")).to_contain_text(f"step {step} of", timeout=PATIENCE)
    expect(window.locator("h1")).to_have_text([re.compile(re.escape(STEPS[step - 1].title))], timeout=PATIENCE)


def test_what_one_window_turns_the_other_shows(windows):
    projector, speaker = windows
    expect(speaker.locator(".notes")).to_have_text(STEPS[0].notes)
    expect(speaker.locator(".coming")).to_contain_text(STEPS[1].title)
    expect(speaker.locator("output")).to_have_text("0:00")
    projector.keyboard.press("PageDown")
    shows(speaker, 2)
    expect(speaker.locator("output")).not_to_have_text("0:00", timeout=PATIENCE)  # the clock goes
    speaker.keyboard.press("PageDown")
    at_projector(projector, 3)
    speaker.keyboard.press("ArrowLeft")
    at_projector(projector, 2)
    speaker.keyboard.press("v")
    expect(projector.locator(".clicker .reveal")).to_contain_text("Cover", timeout=PATIENCE)
    expect(projector.locator(".st-key-talk_ask")).not_to_contain_text("…", timeout=PATIENCE)
    speaker.locator("li button").nth(4).click()
    at_projector(projector, 5)
    projector.locator("[data-listens]").wait_for(state="attached")
    projector.keyboard.press("v")
    expect(speaker.locator(".asks")).to_contain_text("answer shown", timeout=PATIENCE)


def test_the_view_is_read_on_a_phone_in_chinese_and_by_its_link(windows, chromium):
    _projector, speaker = windows
    _ = Translate("zh")
    link = speaker.locator(".link").get_attribute("href")
    assert re.search(r"speaker=[\w-]{16}", link)
    context = chromium.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    phone = context.new_page()
    phone.goto(link.replace("lang=en", "lang=zh"))
    expect(phone.locator(".notes")).to_have_text(_(STEPS[4].notes), timeout=PATIENCE)
    fits_a_phone(phone)
    assert not serious(phone)
    phone.get_by_role("button", name=_("← Back")).click()
    shows(speaker, 4)
    context.close()


def test_the_route_refuses_what_is_no_place(windows, server):
    _projector, speaker = windows
    key = re.search(r"speaker=([\w-]{16})", speaker.locator(".link").get_attribute("href"))[1]

    def post(body, key=key, kind="application/json"):
        sent = urllib.request.Request(f"{server.address}/talk/{key}", body, {"content-type": kind})
        try:
            with urllib.request.urlopen(sent) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["problem"]

    place = json.dumps({"technique": "distillation", "at": 1, "revealed": []}).encode()
    for body, kind in (
        (b"{", "application/json"), (place, "text/plain"), (b'{"at": -1}', "application/json"),
        (b'{"at": 1e9}', "application/json"), (b'{"revealed": ' + b"[1]" * 500 + b"}", "application/json"),
    ):  # fmt: skip
        status, said = post(body, kind=kind)
        assert (status, "no place of a talk" in said) == (409, True)
    status, said = post(place, key="k" * 16)
    assert (status, "This talk is over" in said) == (404, True)
    status, now = post(b'{"clock": true}')
    assert status == 200
    assert now["elapsed"] < 1
