"""Class mode: a phone guesses over HTTP and in a browser, and the projector shows how many have, and then what."""

import http.client
import json
import re
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from app.i18n.text import Translate
from app.techniques import talk
from benchmarks.class_mode import TARGET_SECONDS, attended
from kd_core.runs.rooms import FRESH_SECONDS, Question, Rooms
from kd_core.runs.store import Store
from tests.browser.axe import serious, serious_now
from tests.browser.conftest import PATIENCE, Server, until_served

pytestmark = pytest.mark.browser
JSON = "application/json"
OPTIONS = {"yes": "Yes", "no": "No"}
QUESTION = Question("talk 1", {"en": "Will it?", "zh": "会吗？"}, {"en": OPTIONS, "zh": OPTIONS})


class Phone:
    """A browser's requests, with the cookie that it was given."""

    def __init__(self, address, path):
        self.connection, self.path, self.cookie = http.client.HTTPConnection(urlsplit(address).netloc), path, ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def ask(self, method="GET", end="", body=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            named["cookie"] = self.cookie
        self.connection.request(method, self.path + end, body, named)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        self.cookie = self.cookie or (answer.headers["set-cookie"] or "").partition(";")[0]
        return answer, text

    def guess(self, choice, question=QUESTION.name):
        body = json.dumps({"question": question, "choice": choice})
        return self.refused("POST", "/guess", body, content_type=JSON)

    def refused(self, *request, **headers):
        """The status, and what is said in a sentence where there is one."""
        answer, text = self.ask(*request, **headers)
        return (answer.status, json.loads(text)["problem"]) if text else (answer.status, "")

    def load(self, **headers):
        return self.ask(accept="text/html", **headers)


@pytest.fixture(scope="module")
def rooms():
    """The rooms of the database that the tests' server has too: of two servers that share one."""
    store = Store()
    yield Rooms(store)
    store.close()


@pytest.fixture
def code(rooms):
    found = rooms.open("a speaker")
    rooms.show("a speaker", QUESTION)
    yield found
    rooms.close("a speaker")


@pytest.fixture
def phone(server, code):
    with Phone(server.address, f"/c/{code}") as found:
        yield found


def told(phone, about):
    """Ask for the state until this is so: it is read from the database four times a second."""
    while not about(state := json.loads(phone.ask(end="/state")[1])):
        time.sleep(FRESH_SECONDS)
    return state


def test_a_page_is_small_and_gives_a_cookie_that_no_script_reads(phone):
    answer, text = phone.load(accept_language="zh-CN,en;q=0.5")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert len(text.encode()) < 15_000
    assert '<html lang="zh">' in text
    assert "<script src" not in text
    assert "WebSocket" not in text
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))
    policy = answer.headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert answer.headers["cache-control"] == "private, no-cache"


def test_a_device_guesses_once_changes_it_and_is_told_the_answer(phone, rooms):
    assert phone.guess("yes")[1].startswith("This browser keeps no cookies")
    phone.load()
    assert [phone.guess(choice) for choice in ("yes", "no")] == [(204, "")] * 2
    assert told(phone, lambda state: state["guesses"])["tally"] == {}
    assert "&quot;talk 1&quot;: &quot;no&quot;" in phone.load()[1]  # after a refresh the phone knows
    rooms.show("a speaker", QUESTION, truth="yes")
    state = told(phone, lambda state: state["truth"])
    assert (state["guesses"], state["truth"], state["tally"]) == (1, "yes", {"no": 1})
    status, said = phone.guess("yes")
    assert status == 409
    assert "closed" in said


def test_a_poll_without_news_has_no_body(phone):
    answer, _ = phone.ask(end="/state")
    tag = answer.headers["etag"]
    again, text = phone.ask(end="/state", if_none_match=tag)
    assert (again.status, text, again.headers["etag"]) == (304, "", tag)


@pytest.mark.parametrize(("body", "kind"), [
    ("", JSON), ("[]", JSON), ("{", JSON), ("[" * 900, JSON), ('{"question": "talk 1"}', JSON),
    ('{"question": 1, "choice": null}', JSON), ('{"question": "talk 1", "choice": "a\\u0000"}', JSON),
    ("x" * 5_000, JSON), ('{"question": "talk 1", "choice": "yes"}', "text/plain"),
    ("question=talk+1&choice=yes", "application/x-www-form-urlencoded"),
])  # fmt: skip
def test_a_body_that_is_no_guess_is_one_sentence(phone, body, kind):
    phone.load()
    status, said = phone.refused("POST", "/guess?lang=en", body, content_type=kind)
    assert status == 409
    assert said.startswith("This is no guess")


def test_an_unknown_code_is_one_sentence_in_the_phones_language(server):
    with Phone(server.address, "/c/%3Cb%3E") as phone:
        answer, text = phone.load(accept_language="zh")
        assert answer.status == 404
        assert "没有代码为 &lt;B&gt; 的班" in text
        said = "There is no class with the code <B>; look at the screen again."
        assert phone.refused("GET", "/state?lang=en") == (404, said)


def test_a_device_that_asks_too_often_is_told_to_wait(phone):
    phone.load()
    answers = [phone.ask(end="/state?lang=en") for _ in range(60)]
    busy = [(answer, text) for answer, text in answers if answer.status == 429]
    assert busy
    assert busy[0][0].headers["retry-after"] == "1"
    assert json.loads(busy[0][1]) == {"problem": "Too many requests: wait a second."}


def test_from_a_guess_to_the_tally(open_page, server):
    """The projector in English, a phone in Chinese, and switched to English."""
    step = talk("distillation")[0]
    projector = open_page("/distillation?present=1", width=1920, height=1080)
    projector.locator("[data-listens]").wait_for(state="attached")
    projector.get_by_role("button", name="Class", exact=True).click()
    room = projector.locator(".tally")
    expect(room.get_by_role("img", name="QR code of")).to_be_visible(timeout=PATIENCE)
    expect(projector.get_by_text("make app HOST=0.0.0.0")).to_be_visible(timeout=PATIENCE)
    address = room.locator(".address", has_text="/c/").inner_text()
    assert re.fullmatch(re.escape(server.address.removeprefix("http://")) + "/c/[2-9A-Z]{4}", address)
    below = "document.querySelector('[data-testid=stMain]').scrollHeight - innerHeight"
    assert projector.evaluate(below) <= 0

    phone = open_page(f"/c/{address[-4:]}", width=390, height=844, locale="zh-CN")
    _ = Translate("zh")
    expect(phone.locator("h1")).to_have_text(re.compile("教师的回答"))
    phone.get_by_role("button", name=_("Different")).click()
    expect(phone.get_by_role("status")).to_have_text(
        _("Your guess is in. You can change it until the answer is shown.")
    )
    expect(room.locator(".count")).to_have_text("1 guess")
    expect(room.locator("li .number").first).to_be_hidden()
    phone.get_by_role("link", name="English").click()
    expect(phone.get_by_role("button", name="Different", pressed=True)).to_be_visible()
    phone.get_by_role("button", name="The same").click()
    expect(phone.get_by_role("button", name="The same", pressed=True)).to_be_visible()
    fits_phone = "document.documentElement.scrollWidth <= innerWidth"
    assert phone.evaluate(fits_phone)

    projector.keyboard.press("v")
    expect(projector.locator("h1")).to_have_text([step.told], timeout=PATIENCE)
    expect(room.locator("li.right")).to_contain_text("Different")
    expect(room.locator("li").first.locator(".number")).to_have_text("1 · 100 %")
    expect(room.locator("li").last.locator(".number")).to_have_text("0 · 0 %")
    expect(phone.locator("button.right")).to_contain_text("Different")
    expect(phone.get_by_role("status")).to_have_text("You guessed otherwise: the right answer is marked.")
    expect(phone.get_by_role("button", name="The same")).to_be_disabled()
    assert projector.evaluate(below) <= 0


@pytest.mark.proof
def test_phones_follow_the_talk_over_steps_without_choices_and_back(open_page, server):
    projector = open_page("/distillation?present=1&step=2&lang=zh", width=1440, height=900)
    projector.locator("[data-listens]").wait_for(state="attached")
    projector.get_by_role("button", name="全班参与", exact=True).click()
    room = projector.locator(".tally")
    code = room.locator(".address", has_text="/c/").inner_text()[-4:]
    phone = open_page(f"/c/{code.lower()}", width=390, height=844)
    phone.get_by_role("button", name="No").click()
    expect(room.locator(".count")).to_have_text("1 人已猜")
    projector.keyboard.press("PageDown")
    waiting = "Look at the screen: the next question will appear here."
    expect(phone.get_by_role("status")).to_have_text(waiting, timeout=PATIENCE)
    expect(room).to_have_count(0)
    projector.keyboard.press("PageUp")
    expect(room.locator(".count")).to_have_text("1 人已猜", timeout=PATIENCE)
    expect(phone.get_by_role("button", name="No", pressed=True)).to_be_visible(timeout=PATIENCE)
    projector.reload()  # the speaker finds the room again
    expect(projector.locator(".tally .address")).to_contain_text(code, timeout=PATIENCE)
    expect(projector.locator(".tally .count")).to_have_text("1 人已猜", timeout=PATIENCE)
    assert serious(projector) == []
    for scheme in ("light", "dark"):
        phone.emulate_media(color_scheme=scheme)
        assert serious_now(phone) == []
    projector.locator("[data-listens]").wait_for(state="attached")
    projector.keyboard.press("v")
    phone.locator("button.right").wait_for()
    projector.locator(".tally li.right").wait_for()
    assert serious(projector) == []
    for scheme in ("light", "dark"):
        phone.emulate_media(color_scheme=scheme)
        assert serious_now(phone) == []
    projector.get_by_role("button", name="结束全班参与").click()
    expect(room).to_have_count(0, timeout=PATIENCE)
    expect(phone.get_by_role("status")).to_contain_text("There is no class with the code", timeout=PATIENCE)
    expect(phone.locator("button")).to_have_count(0)


@pytest.mark.proof
def test_a_hundred_phones_and_four_browsers_see_a_guess_within_a_second(chromium):
    seen = attended(100, chromium)
    assert seen.errors == []
    assert seen.guesses == 103
    assert max(seen.until_tally) < TARGET_SECONDS


@pytest.mark.proof
def test_a_room_works_under_a_path(tmp_path):
    url = f"sqlite:///{tmp_path}/lab.db"
    server = Server(KD_DATABASE_URL=url, STREAMLIT_SERVER_BASE_URL_PATH="lab")
    rooms = Rooms(store := Store(url))
    try:
        until_served(f"{server.address}/lab")
        code = rooms.open("a speaker")
        rooms.show("a speaker", QUESTION)
        with Phone(server.address, f"/lab/c/{code}") as phone:
            answer, _ = phone.load()
            assert answer.status == 200
            assert "Path=/lab" in answer.headers["set-cookie"]
            assert phone.guess("yes") == (204, "")
    finally:
        server.stop()
        store.close()
