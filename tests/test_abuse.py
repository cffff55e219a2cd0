"""What strangers can reach, as docs/security.md lists it: bad input ends in a sentence, or is ignored, and soon.

A few hundred inputs of each kind that this process reads itself, more of them by `make proof`; and what goes to a
real server by HTTP and websocket.
"""

import http.client
import json
import random
import time
from contextlib import suppress
from threading import Thread
from urllib.parse import quote, urlencode

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from app.controls import link, widgets
from app.history import importing
from app.i18n.text import Translate
from app.reports import files
from app.results.bundled import recorded
from kd_core.cli import main as command_line
from kd_core.export.layers import layers
from kd_core.messages import Problem
from kd_core.sweeps.plan import Plan
from kd_core.techniques import TECHNIQUES
from tests import hostile
from tests.browser.conftest import Server
from tests.visitor import Visitor, costs

SECONDS = 2.0  # that any answer may take
COUNTS = [60, pytest.param(300, marks=pytest.mark.proof)]
CHINESE = Translate("zh")


def soon(call, *given):
    """What is answered, in time; a Problem is one sentence in both languages."""
    begun = time.process_time()
    try:
        return call(*given)
    except Problem as problem:
        for said in (str(problem), CHINESE.escaped(problem.message)):
            assert 0 < len(said) < 1500
            assert "Traceback" not in said
        return problem
    finally:
        assert time.process_time() - begun < SECONDS, str(given)[:200]


@pytest.mark.parametrize("count", COUNTS)
def test_parameters_of_an_address_are_allowed_or_named(count):
    dice = random.Random(count)
    for _ in range(count):
        technique = TECHNIQUES[dice.choice(list(TECHNIQUES))].settings
        spec = dice.choice(list(technique.specs().values()))
        given = [hostile.text(dice) for _ in range(dice.choice([1, 1, 1, 2, 50]))]
        wrong = soon(widgets._wrong, spec.name, given, spec)
        if wrong is None:
            assert technique.parse({spec.name: widgets._read(spec, given[0])})
        else:
            assert len(CHINESE.escaped(wrong)) < 1000
        known, unknown = link.named(",".join(given), technique.specs())
        assert set(known) <= set(technique.specs())
        assert all(len(name) <= 30 for name in unknown)


@pytest.mark.parametrize("count", COUNTS)
def test_axes_of_a_map_are_allowed_or_named(count):
    dice = random.Random(count)
    for _ in range(count):
        axes = [dice.choice(["temperature", "alpha", "epochs", hostile.text(dice)]) + "=" + hostile.text(dice)
                for _ in range(dice.randrange(4))]  # fmt: skip
        plan = soon(Plan.read, dice.choice(list(TECHNIQUES)), axes, {}, dice.choice([0, 5, -1, 10**9]))
        assert isinstance(plan, Plan | Problem)


@pytest.mark.parametrize("count", COUNTS)
def test_a_command_line_ends_with_a_sentence(count, monkeypatch, capsys):
    def instead(*_given):
        raise Problem("It would run.")

    for name in ("in_process", "in_queue", "sweep", "_data", "serve", "export_network"):
        monkeypatch.setattr(command_line, name, instead)
    dice = random.Random(count)
    for _ in range(count):
        command = dice.choice([["distill"], ["transfer"], ["multitask"], ["meta"], ["sweep", "distill"], ["export"],
                               [hostile.text(dice)]])  # fmt: skip
        known = ["--temperature=", "--alpha=", "--seeds=", "--settings=", "--workers=", "--epochs=", ""]
        flags = [dice.choice(known) + hostile.text(dice) for _ in range(dice.randrange(4))]
        begun = time.process_time()
        try:
            status = command_line.main([*command, *flags])
        except SystemExit as ended:
            status = ended.code
        assert time.process_time() - begun < SECONDS
        said = capsys.readouterr()
        assert status in (0, 1, 2), (command, flags)
        assert "Traceback" not in said.err
        assert said.err.strip() or "--help" in flags or "usage:" in said.out


@pytest.mark.parametrize("count", COUNTS)
def test_a_result_to_import_is_one_or_is_refused(count):
    dice = random.Random(count)
    record = json.loads(files.json(recorded("distillation")))
    record["gallery"] = record["gallery"][:2]
    for arm in record["arms"]:
        arm["trials"] = arm["trials"][:2]
    before = psutil.Process().memory_info().rss
    for _ in range(count):
        assert isinstance(soon(importing.read, hostile.changed(dice, record)), Problem)
    assert psutil.Process().memory_info().rss - before < 100e6


@pytest.mark.parametrize("count", COUNTS)
def test_a_file_of_weights_is_one_or_is_refused(count):
    dice = random.Random(count)
    content = next(iter(recorded("distillation").networks().values()))
    assert layers(content)
    for _ in range(count):
        soon(layers, hostile.spoilt(dice, content))


# A real server, as a stranger reaches it.

ROUTES = ["/", "/distillation", "/nowhere", "/media/", "/component/", "/static/", "/app/static/", "/_stcore/health",
          "/_stcore/host-config", "/_stcore/metrics", "/_stcore/bidi-components/", "/_stcore/upload_file/a/b",
          "/auth/login?provider=", "/auth/logout", "/oauth2callback?state=", "/_stcore/stream"]  # fmt: skip
LIVE = {"distillation": "temperature", "draw": "temperature", "multitask": "weights", "transfer": "labels",
        "pitfalls": "chosen"}  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    server = Server(KD_DATABASE_URL=f"sqlite:///{tmp_path_factory.mktemp('lab')}/lab.db").wait()
    log: list[str] = []
    reader = Thread(
        target=lambda: log.extend(server.process.stdout), daemon=True
    )  # a full pipe would stop the server
    reader.start()
    yield server
    server.process.terminate()
    server.process.wait(20)
    reader.join(20)
    server.process.stdout.close()


@pytest.mark.proof
def test_no_route_shows_a_trace_or_hangs(lab):
    dice = random.Random(1)
    for _ in range(300):
        path = dice.choice(ROUTES) + quote(hostile.text(dice)[:500], safe=dice.choice(["", "/?=&%."]))
        method = dice.choice(["GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
        headers = {
            "accept": dice.choice(["*/*", "text/html"]),
            "cookie": "_streamlit_user=" + "x" * dice.randrange(99),
        }
        begun = time.monotonic()
        asked = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=SECONDS)
        asked.request(method, path, body=b"x" * dice.choice([0, 5, 10_000]), headers=headers)
        answer = asked.getresponse()
        said = answer.read()
        assert time.monotonic() - begun < SECONDS, (method, path)
        assert b"Traceback" not in said, (method, path)
        assert b"root:" not in said
        assert answer.status != 500, (method, path, said[:200])
        asked.close()


@pytest.mark.proof
def test_bytes_that_are_no_message_close_a_websocket_and_nothing_else(lab):
    dice = random.Random(2)
    before = 0.0
    for count in range(300):
        with Visitor(lab) as visitor:
            kind = dice.randrange(4)
            if kind == 0:
                visitor.send(hostile.text(dice)[:5_000])  # text
            elif kind == 1:
                visitor.send(b"x" * 1_000_001)  # larger than may be
            else:
                visitor.send(dice.randbytes(dice.randrange(2_000)))
            with suppress(ConnectionClosed, TimeoutError):
                while True:
                    said = visitor.socket.recv(0.05)
                    assert b"Traceback" not in (said if isinstance(said, bytes) else said.encode())
        if count == 100:
            before = costs(lab)[1]
    assert costs(lab)[1] < before + 30


def address(dice: random.Random) -> str:
    """The query of an address: names that mean something or nothing, and anything as their values."""
    fields = [name for one in TECHNIQUES.values() for name in one.settings.specs()]
    names = [*fields, "run", "lang", "present", "step", "lesson", "speaker", "hide", "runs", "maps", "axes",
             "embed", "technique"]  # fmt: skip
    return urlencode([(dice.choice([*names, hostile.text(dice)[:50]]), hostile.text(dice)[:5_000])
                      for _ in range(dice.randrange(5))])  # fmt: skip


@pytest.mark.proof
def test_messages_that_say_anything_draw_a_page_without_a_trace(lab):
    """Addresses of every page, and what the client-side parts say: some 400 messages of 20 sessions."""
    dice = random.Random(3)
    pages = [*LIVE, "", "sweep", "history", "summary", "meta_learning", "nowhere", "../streamlit_app"]
    before, slow = 0.0, []
    with Visitor(lab) as visitor:
        for page in pages:  # what the first visit of a page imports is not the next one's to wait for
            visitor.ask(page)
    for session in range(20):
        with Visitor(lab) as visitor:

            def asked(page, query, states=(), visitor=visitor):
                taken = costs(lab)[0]
                assert visitor.ask(page, query, states) == [], (page, query, states)
                if costs(lab)[0] - taken > SECONDS:
                    slow.append((page, query, states))

            for _ in range(10):
                asked(dice.choice(pages), address(dice))
            for page, name in LIVE.items():
                visitor.ids.clear()
                visitor.ask(page, "present=0")
                for part in list(visitor.ids.values()):
                    told = hostile.value(dice) if dice.random() < 0.3 else {name: hostile.value(dice)}
                    if dice.random() < 0.3:
                        told = {name: {inner: hostile.value(dice) for inner in ("number", name, "T")}}
                    asked(page, "present=0", [(part, json.dumps(told))])
        if session == 9:
            before = costs(lab)[1]
    assert slow == []
    assert costs(lab)[1] < 1.1 * before
    with Visitor(lab) as visitor:
        assert visitor.ask("distillation") == []
