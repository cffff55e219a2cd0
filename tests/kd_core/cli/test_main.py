"""The command line: what it prints, what it refuses, and the same numbers however a run is carried out."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kd_core.cli import main as command_line
from kd_core.cli.main import COMMANDS, main
from kd_core.distillation import hinton
from kd_core.results.schema import Result
from kd_core.techniques import TECHNIQUES
from kd_core.transfer import commands as of_transfer

ROOT = Path(__file__).parents[3]
TINY = ["--student", "mlp30", "--teacher-data", "same", "--train-size", "50", "--epochs", "2", "--seeds", "2"]


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kd_core", *arguments], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def answer(capfd, quick_teachers):
    """The same in this process, which has imported torch already: quicker."""

    def answered(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = main(arguments)
        printed = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, code, printed.out, printed.err)

    return answered


@pytest.fixture
def no_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder that cannot be: even root cannot make a folder inside a file."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path / "file" / "data"))


SHARED = ["--train-size", "60", "--epochs", "2", "--seeds", "2", "--teacher-epochs", "1", "--teacher", "mlp1200"]


@pytest.mark.parametrize(
    "flags", [
        pytest.param(TINY, id="own teachers", marks=pytest.mark.proof),
        pytest.param(SHARED, id="a shared teacher, fastest arithmetic", marks=pytest.mark.proof),  # trains for long
    ],
)  # fmt: skip
def test_one_process_and_the_queue_give_equal_numbers(no_mnist, flags):
    results = []
    for workers in ("1", "2"):
        done = call("distill", *flags, "--json", "--workers", workers)
        assert done.returncode == 0, done.stderr
        results.append(Result.model_validate_json(done.stdout))  # one JSON object and nothing else
        assert "This is NOT MNIST" in done.stderr
        assert "cannot be written" in done.stderr
    assert results[0].without_timings() == results[1].without_timings()
    assert results[0].data.name == "UCI digits"


def test_table_has_the_arms_and_the_verdict(no_mnist, answer):
    done = answer("distill", *TINY, "--workers", "1")
    assert done.returncode == 0, done.stderr
    for words in ("teacher", "student alone", "distilled student", "errors per 10,000", "95 % interval",
                  "The teacher saw 50 labels, each student 50."):  # fmt: skip
        assert words in done.stdout


@pytest.mark.parametrize(
    ("flag", "value"),
    [("temperature", "0"), ("temperature", "-3"), ("temperature", "nan"), ("temperature", "abc"),
     ("temperature", "1e9"), ("alpha", "1.5"), ("train-size", "0"), ("train-size", "1000000000")],
)  # fmt: skip
def test_bad_flag_is_one_sentence(flag, value, answer):
    done = answer("distill", f"--{flag}={value}")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"command line: {flag.replace('-', '_')} = {value} is not allowed; it must be ")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("text", ['{"temperature": 0}', '{"temperature": NaN}', '{"alpha": 1.5}', "[]", "oops"])
def test_bad_settings_file_is_one_sentence_with_its_name(tmp_path, text, answer):
    (tmp_path / "settings.json").write_text(text)
    done = answer("distill", "--settings", str(tmp_path / "settings.json"))
    assert done.returncode == 2
    assert done.stderr.startswith(str(tmp_path / "settings.json"))
    assert len(done.stderr.strip().splitlines()) == 1


def test_absent_settings_file_is_named(tmp_path, answer):
    done = answer("distill", "--settings", str(tmp_path / "none.json"))
    assert done.returncode == 2
    assert "none.json cannot be read" in done.stderr


def test_settings_file_is_read_and_flags_override_it(tmp_path, no_mnist, answer):
    made = {
        "student": "mlp30",
        "teacher": "mlp1200",
        "teacher_data": "same",
        "train_size": 60,
        "epochs": 1,
        "seeds": 1,
        "alpha": 0.5,
    }
    (tmp_path / "settings.json").write_text(json.dumps(made))
    done = answer("distill", "--settings", str(tmp_path / "settings.json"), "--alpha", "0.25", "--json")
    settings = json.loads(done.stdout)["settings"]
    assert settings["train_size"] == 60
    assert settings["alpha"] == 0.25


def test_more_images_than_there_are_is_one_sentence(no_mnist, answer):
    done = answer("distill", "--train-size", "5000", "--seeds", "1")
    assert done.returncode == 1
    assert "the training set has 1197; choose fewer" in done.stderr
    assert "Traceback" not in done.stderr


def test_data_that_cannot_be_kept_is_one_sentence(no_mnist):
    done = call("data")  # a process of its own, as a person starts it
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "KD_DATA_DIR" in done.stderr
    assert "Traceback" not in done.stderr


EVERY = [[], ["app"], ["data"], ["data", "add"], ["data", "list"], ["data", "remove"], ["backbone"], ["export"],
         ["hinton"], ["inspect"], ["sweep"], *([name] for name in COMMANDS),
         *(["sweep", name] for name in COMMANDS)]  # fmt: skip


def helped(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_every_subcommand_has_help(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "500")  # no word is broken over two lines
    said = helped(command, capsys)
    assert said.startswith(" ".join(["usage: python -m kd_core", *command]))
    if command and command[-1] in COMMANDS:
        for spec in COMMANDS[command[-1]].settings.specs().values():
            assert f"--{spec.name.replace('_', '-')}" in said
            assert f"{spec.help} {spec.allowed}; default {spec.default}" in said


def test_the_help_of_every_subcommand_is_tried():
    """`EVERY` is what the parser offers, so that a later subcommand is not forgotten."""

    def below(parser):
        for action in parser._subparsers._group_actions if parser._subparsers else []:
            for name, sub in action.choices.items():
                yield [name]
                yield from ([name, *further] for further in below(sub))

    assert sorted(map(" ".join, below(command_line._parser()))) == sorted(map(" ".join, EVERY[1:]))


HOSTILE = "30 % of %(prog)s, %(default)s %s %d 100% {hole} {0} \"quoted\" 'too' [a|b] (c)\n\nnext\r\nline %"


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_help_is_shown_as_it_is_written_whatever_it_says(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "500")
    word = "".join(HOSTILE.split())
    for technique in {one.settings for one in TECHNIQUES.values()}:
        changed = {
            name: replace(spec, help=HOSTILE, symbol=HOSTILE, default=HOSTILE)
            for name, spec in technique.specs().items()
        }
        monkeypatch.setattr(technique, "specs", lambda changed=changed: changed)
    hostile = {name: replace(technique, summary=HOSTILE) for name, technique in COMMANDS.items()}
    monkeypatch.setattr(command_line, "COMMANDS", hostile)
    monkeypatch.setattr(of_transfer, "BACKBONES", {word: word})
    monkeypatch.setattr(hinton, "PARTS", {word: word})
    monkeypatch.setattr(command_line, "__doc__", HOSTILE.replace("\n", " ").replace("\r", " "))
    said = helped(command, capsys)
    shown = word if command in (["backbone"], ["hinton"]) else " ".join(HOSTILE.split())
    constants = ("app", "data", "export", "inspect")  # their texts are the parser's own
    if command != ["sweep"] and command[:1] not in [[one] for one in constants]:
        assert shown in said


def test_a_terminal_without_greek_letters_is_given_a_substitute():
    done = subprocess.run(
        [sys.executable, "-m", "kd_core", "distill", "--help"], cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "--alpha" in done.stdout
