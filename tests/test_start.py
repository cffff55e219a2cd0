"""What is kept away from the first paint and from each rerun: slow imports, figures that there are, hidden tabs."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest
from streamlit.web.server.app_discovery import discover_asgi_app

from app import figures, start
from app.bundled import recorded
from app.kept import MOST, kept
from app.text import Translate
from app.watch import queue

ROOT = Path(__file__).parent.parent
ENTRY = str(ROOT / "streamlit_app.py")
SLOW = ["pandas", "pyarrow", "scipy", "sqlalchemy", "sklearn", "distributed", "torch"]
FIRST_PAINT = """
import sys
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest
at = AppTest.from_file(sys.argv[1], default_timeout=60).run()
assert not at.exception
if sys.argv[2]:
    at.switch_page(sys.argv[2]).run()
    assert not at.exception and at.session_state["page"] == "Distillation"
print(*(name for name in sys.argv[3:] if name in sys.modules))
"""


@pytest.fixture(scope="module", autouse=True)
def _end_the_workers():
    yield
    queue.clear()  # the next file has its own


@pytest.mark.parametrize("page", ["", "pages/distillation.py"])
def test_nothing_slow_is_imported_before_the_first_paint(page):
    command = [sys.executable, "-c", FIRST_PAINT, ENTRY, page, *SLOW]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split() == []


def test_streamlit_finds_the_app_that_makes_ready_at_its_start():
    assert discover_asgi_app(Path(ENTRY)).import_string == "streamlit_app:app"
    start.make_ready(careful=False)  # everything that it names exists


@pytest.fixture
def distillation():
    at = AppTest.from_file(ENTRY, default_timeout=30).run()
    at = at.switch_page("pages/distillation.py").run()
    assert not at.exception
    return at


def test_a_rerun_makes_no_figure_that_there_is(distillation, monkeypatch):
    made = []
    finish = figures.finish
    monkeypatch.setattr(figures, "finish", lambda figure, **how: made.append(figure) or finish(figure, **how))
    distillation.run()
    distillation.slider(key="alpha").set_value(0.5).run()
    assert made == []
    distillation.number_input(key="temperature").set_value(7.5).run()
    assert not distillation.exception
    assert made == []  # what follows T is drawn in the browser
    figures.errors_by_arm(recorded("distillation").model_copy(), Translate("en"))
    assert len(made) == 1  # of another Result it is another


def test_what_the_server_makes_beforehand_is_what_the_first_page_shows(monkeypatch):
    start.make_ready(careful=False)
    made = []
    finish = figures.finish
    monkeypatch.setattr(figures, "finish", lambda figure, **how: made.append(figure) or finish(figure, **how))
    at = AppTest.from_file(ENTRY, default_timeout=30).run().switch_page("pages/distillation.py").run()
    assert not at.exception
    assert len(at.get("plotly_chart")) == 2
    assert made == []


def test_only_the_open_tab_is_drawn(distillation):
    assert len(distillation.code) == 0
    assert distillation.get("plotly_chart")
    distillation.session_state["explained_distillation"] = "The article"
    distillation.run()
    assert len(distillation.code) == 3


def test_what_is_kept_depends_on_the_object_the_values_and_the_language():
    calls = []

    class Numbers:
        pass

    @kept
    def drawn(numbers, t, _, *, wide=False):
        calls.append((t, _.language, wide))
        return [t]

    one, english, chinese = Numbers(), Translate("en"), Translate("zh")
    first = drawn(one, 1.0, english)
    assert drawn(one, 1.0, Translate("en")) is first
    others = [drawn(Numbers(), 1.0, english), drawn(one, 2.0, english), drawn(one, 1.0, chinese),
              drawn(one, 1.0, english, wide=True)]  # fmt: skip
    assert all(other is not first for other in others)
    assert len(calls) == 5
    for t in range(MOST):
        drawn(one, t + 10.0, english)
    assert drawn(one, 1.0, english) is not first  # it was asked for longest ago


def test_a_page_with_figures_says_which_scripts_it_needs_before_they_are_asked_for():
    def asked(path, kind):
        sent = []

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
            await send({"type": "http.response.body", "body": b""})

        async def send(message):
            sent.append(message)

        asyncio.run(start.Hints(app)({"type": "http", "path": path}, None, send))
        return dict(sent[0]["headers"]).get(b"link", b"").decode()

    hints = asked("/distillation", start.HTML)
    named = [hint.partition(">")[0].removeprefix("<./static/js/") for hint in hints.split(", ")]
    assert [name.partition(".")[0] for name in named] == list(start.USED)
    assert all((start.SCRIPTS / name).is_file() for name in named)
    assert hints.count("rel=modulepreload") == len(named)
    assert asked("/", start.HTML) == asked("/static/js/index.js", b"text/javascript") == ""


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="open files have no names here")
def test_connections_send_small_pieces_at_once():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        start.send_at_once()
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_page_waits_for_what_the_server_imports_and_for_nothing_where_there_is_none(monkeypatch):
    begun = time.monotonic()
    start.await_imports()  # no server here
    assert time.monotonic() - begun < start.PATIENCE / 2
    monkeypatch.setattr(start, "_imported", threading.Event())
    waiting = threading.Thread(target=start.await_imports)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    start.make_ready(careful=False)
    waiting.join(10)
    assert not waiting.is_alive()


def test_the_first_address_of_a_server_runs_the_entry_script_too(monkeypatch):
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)  # as in a new server
    start.through_the_entry()
    manager = PagesManager(ENTRY)
    assert manager.uses_pages_directory is False  # else what is in pages/ is a page by itself
