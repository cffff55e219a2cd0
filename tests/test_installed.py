"""The wheel has all of the lab, and works where there is no checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder in which the wheel is unpacked, as pip does it; what it needs is in the environment of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    wheel.unlink()
    return folder / "site"


def run(installed, *command, **more):
    """A command of Python in an empty folder, with the unpacked wheel first on its path."""
    env = os.environ | {"PYTHONPATH": str(installed)}
    elsewhere = installed.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    return subprocess.run([sys.executable, *command], cwd=elsewhere, env=env, capture_output=True, text=True,
                          timeout=300, **more)  # fmt: skip


def in_git():
    command = ["git", "ls-files", "-z", "-co", "--exclude-standard", "app", "assets", "kd_core", "pages"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no checkout of git")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def test_nothing_of_the_lab_is_missing_and_only_kd_core_is_added_to_a_persons_packages(installed):
    there = {str(file.relative_to(installed)) for file in installed.rglob("*") if file.is_file()}
    wanted = {name if name.startswith("kd_core/") else f"kd_core/lab/{name}" for name in in_git()}
    wanted |= {"kd_core/lab/streamlit_app.py", "kd_core/lab/.streamlit/config.toml"}
    info = {name for name in there if ".dist-info/" in name}
    assert there - info - wanted == set()
    assert wanted - there == set()
    assert {name.rsplit("/", 1)[1] for name in info} == {
        "METADATA", "WHEEL", "RECORD", "entry_points.txt", "LICENSE",
    }  # fmt: skip


def test_what_it_needs_is_pinned_as_in_the_requirements_and_no_test_tool_is_needed(installed):
    (metadata,) = installed.glob("*.dist-info/METADATA")
    lines = [line.removeprefix("Requires-Dist: ") for line in metadata.read_text().splitlines()
             if line.startswith("Requires-Dist: ")]  # fmt: skip
    needed = [line for line in lines if ";" not in line]
    pinned = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line]
    assert sorted([*needed, *(line for line in pinned if line.startswith("pytest"))]) == sorted(pinned)
    assert {line.split("extra == ")[1].strip("'") for line in lines if ";" in line} == {
        "auth", "backbones", "dev", "onnx", "postgres",
    }  # fmt: skip


def test_its_command_finds_its_parts(installed):
    (entry,) = installed.glob("*.dist-info/entry_points.txt")
    assert "distillation-lab = kd_core.cli.main:command" in entry.read_text()
    program = ("import sys; from kd_core.cli.main import command; from kd_core.paths import part; "
               "print(part('assets'), file=sys.stderr); sys.exit(command())")  # fmt: skip
    helped = run(installed, "-c", program, "--help")
    assert helped.stdout.startswith("usage: distillation-lab ")
    assert helped.stderr == f"{installed / 'kd_core' / 'lab' / 'assets'}\n"


@pytest.mark.proof
def test_it_trains_in_another_folder(installed):
    asked = ("distill", "--student", "mlp30", "--train-size", "50", "--epochs", "1", "--seeds", "1", "--json")
    trained = run(installed, "-m", "kd_core", *asked)
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["settings"]["student"] == "mlp30"


@pytest.mark.browser
@pytest.mark.proof
def test_its_command_serves_every_page_from_another_folder(installed):
    from tests.browser.conftest import free_port, sync_chromium, until_served

    port = free_port()
    env = os.environ | {"PYTHONPATH": str(installed), "PORT": str(port), "KD_WORKERS": "1"}
    program = "import sys; from kd_core.cli.main import command; sys.exit(command())"
    options = ["app", "--", "--server.headless", "true"]
    server = subprocess.Popen([sys.executable, "-c", program, *options], cwd=installed.parent, env=env)
    try:
        address = f"http://127.0.0.1:{port}"
        until_served(address)
        with sync_chromium() as browser:
            page = browser.new_page(locale="en-US")
            for name in ("", *(file.stem for file in (ROOT / "pages").glob("*.py") if file.stem != "overview")):
                page.goto(f"{address}/{name}")
                page.locator("h1").first.wait_for(timeout=60_000)
                assert page.get_by_text("Traceback").count() == 0
            page.goto(f"{address}/distillation?student=mlp30&train_size=50&epochs=1&seeds=2")
            page.locator(".st-key-run button:visible").click()
            page.locator(".st-key-stop button:visible").wait_for(timeout=60_000)
            page.locator(".st-key-stop button:visible").wait_for(state="hidden", timeout=120_000)
            assert "recorded on" not in page.locator(".st-key-verdict").inner_text()
    finally:
        server.terminate()
        server.wait(20)
