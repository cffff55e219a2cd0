"""Two hundred people who have a page open and do nothing: another one's page comes as fast as without them."""

import time
from contextlib import ExitStack
from statistics import median

import pytest

from tests.browser.conftest import Server
from tests.visitor import Visitor, costs

pytestmark = pytest.mark.proof
SESSIONS, PAGES = 200, 15
SLOWER = 1.3  # times; by a clock, as a person waits, on a machine that does other things too


def page_seconds(lab) -> float:
    """How long a page takes in a session of its own, from opening the websocket to the end of its script."""
    taken = []
    for _ in range(PAGES):
        begun = time.monotonic()
        with Visitor(lab) as visitor:
            assert visitor.ask("distillation") == []
            taken.append(time.monotonic() - begun)
    return median(taken)


def test_two_hundred_idle_sessions_leave_a_page_quick(tmp_path):
    lab = Server(KD_DATABASE_URL=f"sqlite:///{tmp_path}/lab.db").wait()
    with ExitStack() as all_of_them:
        all_of_them.callback(lab.stop)
        page_seconds(lab)  # the server is warm
        alone, memory = page_seconds(lab), costs(lab)[1]
        for _ in range(SESSIONS):
            assert all_of_them.enter_context(Visitor(lab)).ask("distillation") == []
        spent = costs(lab)[0]
        time.sleep(10)
        share = (costs(lab)[0] - spent) / 10
        among, more = page_seconds(lab), (costs(lab)[1] - memory) / SESSIONS
    print(f"a page: {alone:.3f} s alone, {among:.3f} s among {SESSIONS}, {among / alone:.2f} times; "
          f"a session takes {more:.2f} MB; all of them {100 * share:.1f} % of a core")  # fmt: skip
    assert among < SLOWER * alone
    assert more < 5
    assert share < 0.2
