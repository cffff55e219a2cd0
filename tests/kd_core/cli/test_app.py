"""`app` serves the lab by Streamlit, where and as it is told."""

import re
import subprocess
import sys

import pytest

from kd_core.cli import app
from kd_core.cli.main import main
from kd_core.paths import part


@pytest.fixture
def started(monkeypatch):
    """The command of each server that would be started, as on Windows, where it ends with 3."""
    commands = []

    class Server:
        def __init__(self, command):
            commands.append(command)

        def wait(self):
            return 3

    monkeypatch.setattr(subprocess, "Popen", Server)
    monkeypatch.setattr(app, "BECOMES", False)
    monkeypatch.delenv("PORT", raising=False)
    return commands


PLAIN = [sys.executable, "-m", "streamlit", "run", str(part("streamlit_app.py"))]


@pytest.mark.parametrize(("given", "told"), [
    ([], []),
    (["--port", "8600"], ["--server.port", "8600"]),
    (["--host", "localhost"], ["--server.address", "localhost"]),
    (["--host", "lab.example"], ["--server.address", "lab.example", "--server.headless", "true",
                                 "--browser.serverAddress", "lab.example"]),
    (["--", "--theme.base", "dark"], ["--theme.base", "dark"]),
])  # fmt: skip
def test_streamlit_is_told_what_was_asked_for_and_its_status_is_ours(started, given, told):
    assert main(["app", *given]) == 3
    assert started == [[*PLAIN, *told]]


def test_elsewhere_this_process_becomes_the_server_so_that_stopping_it_stops_that(started, monkeypatch):
    class Become(Exception):
        pass

    def become(path, command):
        raise Become(path, command)

    monkeypatch.setattr(app, "BECOMES", True)
    monkeypatch.setattr(app.os, "execv", become)
    with pytest.raises(Become) as became:
        main(["app", "--port", "8600"])
    assert became.value.args == (sys.executable, [*PLAIN, "--server.port", "8600"])
    assert started == []


def test_the_port_may_come_from_the_environment_and_a_flag_goes_before_it(started, monkeypatch):
    monkeypatch.setenv("PORT", "7000")
    main(["app"])
    main(["app", "--port", "7001"])
    assert [command[-1] for command in started] == ["7000", "7001"]


def test_who_listens_everywhere_is_called_by_an_address_that_others_can_use(started):
    main(["app", "--host", "0.0.0.0"])
    (command,) = started
    name = command[command.index("--browser.serverAddress") + 1]
    assert name not in app.EVERYWHERE
    assert re.fullmatch(r"[\w.-]+", name)


def test_a_port_that_is_none_is_refused(started, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["app", "--port", "many"])
    assert ended.value.code == 2
    assert "argument --port: invalid int value: 'many'" in capsys.readouterr().err
    assert started == []
