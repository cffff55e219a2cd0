"""axe-core finds nothing serious on any page, light, dark and on a phone, in a lesson and in a talk."""

import pytest

from tests.browser.axe import serious

pytestmark = [pytest.mark.browser, pytest.mark.proof]  # one page, each time: tests/browser/test_a_first_visit.py
PAGES = [
    *(
        "",
        "distillation",
        "transfer",
        "multitask",
        "meta_learning",
        "draw",
        "data",
        "sweep",
        "teacher",
        "pitfalls",
        "summary",
        "history",
    ),
    *("distillation?lesson=1", "transfer?lesson=2"),
    *("distillation?present=1&step=2", "multitask?present=1&step=1&lang=zh", "summary?present=1"),
]
TOO_WIDE = """() => [...document.querySelectorAll(".katex-display")]
    .filter(formula => formula.scrollWidth > formula.clientWidth + 3).map(formula => formula.textContent)"""


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 390)])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(open_page, path, scheme, width):
    page = open_page(f"/{path}", color_scheme=scheme, width=width, height=3000)
    # KaTeX's copy for screen readers, cut to a pixel, counts as something to scroll to; the formulas do fit.
    assert [one for one in serious(page) if '<span class="katex-display">' not in one] == []
    assert page.evaluate(TOO_WIDE) == []
