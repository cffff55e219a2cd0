"""axe-core finds nothing serious on any page, light and dark, in a lesson and in a talk."""

import pytest

pytestmark = pytest.mark.browser
PAGES = [
    *(
        "",
        "distillation",
        "transfer",
        "multitask",
        "meta_learning",
        "draw",
        "sweep",
        "pitfalls",
        "summary",
        "history",
    ),
    *("distillation?lesson=1", "transfer?lesson=2"),
    *("distillation?present=1&step=2", "multitask?present=1&step=1&lang=zh"),
]


def serious(page):
    """What axe-core calls serious or critical on a page that stands still."""
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import expect

    page.locator('[data-test-script-state="notRunning"]').first.wait_for(timeout=30_000)
    page.locator(".stMarkdown style").first.wait_for(state="attached", timeout=15_000)
    page.wait_for_timeout(1000)
    for part in page.locator("section").all():  # a component's words are written a moment after it is drawn
        words = part.locator("[data-text]")
        if words.count():
            expect(words.first).not_to_be_empty(timeout=15_000)
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for each in found if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]  # fmt: skip


def test_axe_finds_nothing_serious_on_distillation(open_page):
    assert serious(open_page("/distillation", height=3000)) == []


@pytest.mark.proof
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(open_page, path, scheme):
    assert serious(open_page(f"/{path}", color_scheme=scheme, height=3000)) == []
