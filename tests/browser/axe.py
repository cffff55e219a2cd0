"""axe-core, the accessibility checker, on a page of the lab."""

from tests.browser.conftest import still


def serious(page):
    """What axe-core calls serious or critical on one of Streamlit's pages, once it stands still."""
    from playwright.sync_api import expect

    still(page)
    page.locator(".stMarkdown style").first.wait_for(state="attached")
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)  # what is still to come
    for part in page.locator("section").all():  # a component's words are written a moment after it is drawn
        words = part.locator("[data-text]")
        if words.count():
            expect(words.first).not_to_be_empty()
    return serious_now(page)


def serious_now(page):
    """The same, of any page as it is."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for each in found if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]  # fmt: skip
