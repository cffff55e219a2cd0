"""People sign in, by Streamlit's own OpenID Connect: a real provider on loopback, a real server, a real browser."""

import time

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Server, browsing, free_port
from tests.openid import CLIENT, PEOPLE, SECRET, provider

pytestmark = [pytest.mark.browser, pytest.mark.proof]
ADA, BEN = PEOPLE.values()
COOKIE, COOKIE_SECRET = "_streamlit_user", "of this test, and long enough"
LONG = "student=mlp300&train_size=5000&epochs=200&seeds=20"
DAY = 24 * 60 * 60


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A lab with `[auth]`; afterwards its log has no trace."""
    folder, port = tmp_path_factory.mktemp("lab"), free_port()
    with provider() as issuer:
        (folder / "secrets.toml").write_text(f"""[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "{COOKIE_SECRET}"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
server_metadata_url = "{issuer}/.well-known/openid-configuration"
""")
        env = {
            "STREAMLIT_SECRETS_FILES": str(folder / "secrets.toml"),
            "KD_DATABASE_URL": f"sqlite:///{folder}/lab.db",
        }
        server = Server(port, **env).wait()
        yield server
        server.process.terminate()
        said, _ = server.process.communicate(timeout=20)
    assert "Traceback" not in said


@pytest.fixture
def browser(chromium, lab):
    """How to open an address in a browser of its own, with these cookies."""
    with browsing(chromium, lab) as opened:
        yield opened


def enter(page, name):
    """Sign in as this person, and be back in the lab."""
    page.locator(".st-key-sign_in_here button").click()
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("heading", name="Distillation Lab").first.wait_for()


def runs(page):
    return page.locator(".st-key-run button:visible")


def is_out(page):
    """Nobody is signed in: the page is whole, and nothing on it starts a run."""
    expect(page.locator(".st-key-sign_in_here button")).to_be_visible(timeout=PATIENCE)
    expect(runs(page)).to_be_disabled(timeout=PATIENCE)
    expect(page.locator(".st-key-sign_in button")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".st-key-verdict h4").first).to_be_visible(timeout=PATIENCE)
    assert page.locator(".stException").count() == 0


def user_cookies(page):
    return [(c["name"], c["value"]) for c in page.context.cookies() if c["name"].startswith(COOKIE)]


def test_who_is_not_signed_in_sees_every_page_and_starts_nothing(browser):
    page = browser()
    is_out(page)
    page.goto(page.url.replace("distillation", "history"))
    page.get_by_text("Read a result in (JSON)").click()
    page.get_by_text("Sign in to read results in.").wait_for()
    is_chinese = browser(locale="zh-CN").locator(".st-key-sign_in_here button")
    expect(is_chinese).to_contain_text("登录", timeout=PATIENCE)


def test_a_person_is_their_account_in_every_browser_until_they_sign_out(browser, lab):
    page = browser()
    enter(page, ADA)
    page.get_by_text(f"Signed in as {ADA}.", exact=True).wait_for()  # as it is written, stars and all
    page.goto(f"{lab.address}/distillation?{LONG}")
    runs(page).click()
    page.wait_for_url("**run=*")
    link = page.url.removeprefix(lab.address)

    ben = browser()
    enter(ben, BEN)
    ben.get_by_text("Signed in as Ben [x](http").wait_for()
    assert ben.locator('a[href*="evil.example"]').count() == 0
    ben.goto(lab.address + link)
    ben.get_by_text("You are watching somebody else's run.").wait_for()
    assert ben.locator(".st-key-stop button").count() == 0
    elsewhere = browser(link)
    elsewhere.get_by_text("You are watching somebody else's run.").wait_for()  # not signed in, she is a stranger
    enter(elsewhere, ADA)
    elsewhere.goto(lab.address + link)
    elsewhere.locator(".st-key-stop button").click()
    page.get_by_text("Stopped", exact=False).first.wait_for()

    page.locator(".st-key-sign_out button").click()
    page.locator(".st-key-sign_in_here button").wait_for()
    assert user_cookies(page) == []
    page.goto(f"{lab.address}/distillation")
    is_out(page)
    elsewhere.reload()
    elsewhere.get_by_text(f"Signed in as {ADA}.", exact=True).wait_for()  # another browser stays signed in


def test_who_says_no_at_the_provider_is_back_and_not_signed_in(browser, lab):
    page = browser()
    enter(page, "Nobody")
    page.goto(f"{lab.address}/distillation")
    is_out(page)


class Then(TimestampSigner):
    """Signs as a server did forty days ago."""

    def get_timestamp(self) -> int:
        return int(time.time()) - 40 * DAY


def signed(value, secret=COOKIE_SECRET, signer=TimestampSigner):
    """A cookie as Streamlit signs it."""
    return URLSafeTimedSerializer(secret, salt=COOKIE, signer=signer).dumps(value)


def test_a_cookie_that_is_old_or_changed_or_foreign_signs_nobody_in_and_leaves_no_trace(browser, lab):
    page = browser()
    enter(page, ADA)
    page.locator(".st-key-sign_out button").wait_for()
    good = dict(user_cookies(page))
    value = good[COOKIE].strip('"')
    said = URLSafeTimedSerializer(COOKIE_SECRET, salt=COOKIE).loads(value)
    again = browser(cookies=[(COOKIE, signed(said))])
    again.locator(".st-key-sign_out button").wait_for()  # so this test signs as Streamlit does
    bad = {
        "expired": signed(said, signer=Then), "of another secret": signed(said, "another"),
        "another person": value.replace(value[5:9], "AAAA"), "cut off": value[: len(value) // 2], "nothing": ".",
        "of another site": signed(said.replace("127.0.0.1", "evil")),
    }  # fmt: skip
    for cookie in bad.values():
        is_out(browser(cookies=[(COOKIE, cookie)]))
