"""What is sent ahead of a page, in a real browser: in the page's places, alive, and gone once the page stands."""

import re

import pytest
from playwright.sync_api import expect

GONE = "!globalThis.labPrelude && !document.getElementById('prelude')"
PLACES = """() => {
  const place = (element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return [element.textContent.trim().slice(0, 20), x, y, width, height];
  };
  const { root, parts } = globalThis.labPrelude;
  const all = (within, selector) => [...within.querySelectorAll(selector)].map(place);
  const part = (shadow) => place(shadow.querySelector("section, aside"));
  const own = (key) => document.querySelector(`.st-key-${key} [data-testid^=stBidiComponent]`).shadowRoot;
  return {
    texts: [all(root, "main :is(h1, h3, h5, p, li)"), all(document, ".stMain :is(h1, h3, h5, .stMarkdown p, li)")],
    pictures: [all(root, "main img"), all(document, "[class*=st-key-way_] img")],
    pages: [all(root, "nav a"), all(document, "[data-testid=stSidebarNavLink]")],
    languages: [all(root, ".choice a"), all(document, "[data-testid=stSidebar] [data-variant=segmented_control]")],
    parts: [parts.map(({ shadow }) => part(shadow)), parts.map(({ key }) => part(own(key)))],
  };
}"""
OWN = "(key) => document.querySelector(`.st-key-${key} [data-testid^=stBidiComponent]`)?.shadowRoot"
DRAWN = f"""() => {{
  const isDrawn = ({{ key }}) => ({OWN})(key)?.querySelector("section, aside")?.textContent.trim();
  const images = [...document.querySelectorAll("img")];
  return (
    globalThis.labPrelude.parts.every(isDrawn) && images.every(({{ complete }}) => complete) &&
    !document.querySelector("[data-testid=stSkeleton]")
  );
}}"""
AHEAD = "({ parts }) => parts.find(({ key }) => key === 'live_soft_targets').shadow"
SLIDER = ".st-key-soft_targets input#T"


@pytest.fixture
def opened(chromium, server):
    """Open an address; what is sent ahead is held as long as a button of the mouse is down on it."""
    contexts, thrown = [], []

    def opened(path="/distillation", *, hold=True, width=1440, height=900, before="", **options):
        options = {"locale": "en-US", **options}
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, **options))
        if before:
            contexts[-1].add_init_script(before)
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: thrown.append(str(error)))
        page.goto(server.address + path, wait_until="commit")
        if hold:
            page.wait_for_function("globalThis.labPrelude")
            page.mouse.move(width - 3, 3)
            page.mouse.down()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert thrown == []


def stands(page) -> None:
    """Wait until the page below is drawn, as far as it is sent ahead."""
    page.locator("h1").wait_for()
    page.locator(".stApp[data-test-script-state=notRunning]").wait_for(timeout=30_000)
    page.wait_for_function(DRAWN)


def ahead(page, script: str):
    return page.evaluate(f"() => {{ const shadow = ({AHEAD})(globalThis.labPrelude); return {script}; }}")


def same_places(page) -> None:
    """Each thing that is sent ahead says what the page below says, in the same place."""
    sidebar = "getComputedStyle(globalThis.labPrelude.root.querySelector('aside')).display"
    has_sidebar = page.evaluate(sidebar) != "none"
    for name, (sent, own) in page.evaluate(PLACES).items():
        if name in ("pages", "languages") and not has_sidebar:
            continue  # it is behind a button
        assert sent or name in ("pictures", "parts"), name
        for (text, *place), (own_text, *own_place) in zip(sent, own[: len(sent)], strict=True):
            assert text == own_text
            assert place == pytest.approx(own_place, abs=1.5), text


@pytest.mark.parametrize(
    ("path", "options"),
    [("/", {"width": 1280}), ("/distillation", {"width": 390, "height": 844, "locale": "zh-CN"}),
     ("/distillation?lang=zh", {"width": 1100, "color_scheme": "dark"})],
)  # fmt: skip
def test_it_stands_where_the_page_will_and_goes_by_itself(opened, path, options):
    page = opened(path, **options)
    assert page.locator("h1").count() <= 1  # who looks for the page's elements finds Streamlit's alone
    stands(page)
    same_places(page)
    page.mouse.up()
    page.wait_for_function(GONE)
    assert page.evaluate("document.getElementById('root').inert") is False
    assert page.evaluate("performance.getEntriesByName('page stands').length") == 1


def test_what_was_done_ahead_goes_on_in_the_page(opened):
    page = opened()
    ahead(page, "shadow.querySelector('[data-guess=different]').click()")
    ahead(page, "shadow.querySelector('[name=scale][value=log]').click()")
    ahead(page, "shadow.querySelectorAll('.thumb')[0].click()")  # as digit B
    ahead(
        page, "[...shadow.querySelectorAll('.chips button')].find((chip) => chip.textContent === 'T = 8').click()"
    )
    ahead(page, "shadow.querySelector('.chips button').focus()")
    assert ahead(page, "shadow.querySelector('#T').valueAsNumber") == 8
    stands(page)
    page.mouse.up()
    page.wait_for_function(GONE)
    live = page.locator(".st-key-soft_targets")
    expect(live.locator("input#T")).to_have_value("8")
    expect(live.locator("[name=scale][value=log]")).to_be_checked()
    expect(live.locator(".thumb").first.locator(".side")).to_have_text("B")
    expect(live.locator(".quiz .step.now")).not_to_contain_text("Both are labelled")
    expect(live.locator(".chips button").first).to_be_focused()
    page.wait_for_url(re.compile("temperature=8"))  # Python has heard of it


def test_a_hand_on_it_is_not_disturbed(opened):
    page = opened(hold=False)
    page.wait_for_function("globalThis.labPrelude")
    page.wait_for_function("""document.fonts.check('16px "Source Sans"')""")  # with it, lines break elsewhere
    box = ahead(page, "shadow.querySelector('#T').getBoundingClientRect().toJSON()")
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.1 * box["width"], middle)
    page.mouse.down()
    stands(page)
    same_places(page)
    page.mouse.move(box["x"] + 0.5 * box["width"], middle, steps=4)
    held = ahead(page, "shadow.querySelector('#T').value")
    assert float(held) > 20
    page.mouse.up()
    page.wait_for_function(GONE)
    expect(page.locator(SLIDER)).to_have_value(held)
    page.wait_for_url(re.compile(f"temperature={held}"))


def test_where_the_browsers_language_is_not_the_requests_there_is_none(opened):
    before = "Object.defineProperty(Navigator.prototype, 'language', {get: () => 'zh-CN'})"
    page = opened(hold=False, before=before)
    page.wait_for_load_state("domcontentloaded")
    assert page.evaluate(GONE)
    page.locator("script[type=module]").wait_for(state="attached")  # Streamlit's page comes all the same


def test_its_links_lead_on_in_the_language_of_the_address(opened):
    page = opened("/?lang=zh")
    links = page.evaluate("[...globalThis.labPrelude.root.querySelectorAll('a')].map((link) => link.href)")
    assert page.evaluate("document.documentElement.lang") == "zh"
    assert len(links) == 10 + 2 + 1 + 4 + 1  # pages, languages, presentation, the four ways, the drawing page
    assert all(("lang=en" if "lang=en" in link else "lang=zh") in link for link in links)
    page.evaluate("globalThis.labPrelude.root.querySelector('.key-open_distillation').click()")
    page.wait_for_url("**/distillation?lang=zh", wait_until="commit")
    page.wait_for_function("globalThis.labPrelude?.root.querySelector('h1').textContent === '知识蒸馏'")


def test_a_theme_that_was_chosen_and_a_sidebar_that_was_shut_stay_so(opened):
    kept = {"stActiveTheme-/-v2": '"Dark"', "stSidebarCollapsed-": "true"}
    before = f"for (const [name, value] of Object.entries({kept})) localStorage.setItem(name, value);"
    page = opened("/", before=before, color_scheme="light")
    look = page.evaluate("""() => {
      const { root } = globalThis.labPrelude;
      const { color } = getComputedStyle(root.querySelector("h1"));
      return [color, getComputedStyle(root.querySelector("aside")).display];
    }""")
    assert look == ["rgb(232, 237, 242)", "none"]
    stands(page)
    assert page.evaluate("getComputedStyle(document.querySelector('.stMain h1')).color") == look[0]
    expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")
    same_places(page)
