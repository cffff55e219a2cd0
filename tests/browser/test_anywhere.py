"""The lab where something is missing that it counts on: it says so in one sentence, serves, and ends a run.

Each environment is real: mounts in a mount namespace of the server's own, which Linux lets root make.
"""

import os
import shutil
import subprocess
import sys

import pytest

from tests.browser.conftest import PATIENCE, ROOT, free_port, until_served
from tests.browser.test_runs import press_run
from tests.missing import missing

pytestmark = [pytest.mark.browser, pytest.mark.proof]
SMALL = {"student": "mlp30", "train_size": "50", "epochs": "1", "seeds": "2"}
PAGE = "/distillation?lang=en&" + "&".join(f"{name}={value}" for name, value in SMALL.items())
COMMAND = [part for name, value in SMALL.items() for part in (f"--{name.replace('_', '-')}", value)]

TINY = "mount -t tmpfs -o size=1m none $FOLDER"  # in the lab's way a disk of a megabyte
FILLED = "cat /dev/zero > $FOLDER/filler 2>/dev/null"
UNKNOWN = (  # the system knows of no user, so of no home folder of theirs
    "grep -v ^root: /etc/passwd > $FOLDER/passwd; mount --bind $FOLDER/passwd /etc/passwd;"
    "echo passwd: files > $FOLDER/nsswitch; mount --bind $FOLDER/nsswitch /etc/nsswitch.conf; unset HOME"
)
NO_MNIST = "This is NOT MNIST"
NOT_KEPT = "Runs are not kept at present"
# What is done before the lab starts; where the lab is told that data and database are; what it says of it.
PLACES = {
    "no home folder": (UNKNOWN, "", [NO_MNIST, "this user has no home folder", "KD_DATA_DIR", "KD_DATABASE_URL"]),
    "a home folder that can only be read": (
        "mount -t tmpfs -o ro none $FOLDER; export HOME=$FOLDER",
        "",
        [NO_MNIST, NOT_KEPT, "cannot be written (Read-only file system)", "KD_DATABASE_URL"],
    ),
    "a full disk": (
        f"{TINY}; {FILLED}",
        "$FOLDER",
        [NO_MNIST, NOT_KEPT, "cannot be written (No space left on device); free some space", "new runs are kept"],
    ),
    "a disk that is full soon": (
        f"{TINY}; (until [ -s $FOLDER/lab.db ]; do sleep 0.1; done; {FILLED}) &",
        "$FOLDER",
        [NO_MNIST, NOT_KEPT, "database or disk is full", "free some space on its disk"],
    ),
}


def within(prepared: str, given: str, folder) -> list[str]:
    """The beginning of a command that is carried out in a mount namespace in which `prepared` was done."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None:
        missing("this is not root on Linux, who can mount", "KD_REQUIRE_CONTAINER")
    told = f"export KD_DATA_DIR={given} KD_DATABASE_URL={given and f'sqlite:///{given}/lab.db'}"
    script = f'unset XDG_CACHE_HOME XDG_DATA_HOME\nFOLDER={folder}; {told}\n{prepared}\nexec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


def run_in(before: list[str], chromium) -> tuple[str, str]:
    """A run to its end in a browser, of a server started so: what its page shows, and what the server said."""
    port = free_port()
    app = (sys.executable, "-m", "kd_core", "app", "--port", str(port), "--", "--server.headless", "true")
    server = subprocess.Popen(
        [*before, *app], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    page = chromium.new_page(viewport={"width": 1440, "height": 900}, locale="en-US")
    page.set_default_timeout(PATIENCE)
    try:
        until_served(f"http://127.0.0.1:{port}")
        page.goto(f"http://127.0.0.1:{port}{PAGE}")
        press_run(page)
        page.get_by_text("Finished in").wait_for(timeout=2 * PATIENCE)
        page.locator(".st-key-verdict").get_by_text("2 paired trials").first.wait_for()
        shown = page.locator("[data-testid=stMain]").inner_text()
    finally:
        page.close()
        server.terminate()
        said, _ = server.communicate(timeout=30)
        print(said)  # pytest shows it where the test fails
    assert "Traceback" not in said
    return shown, said


@pytest.mark.parametrize("place", PLACES)
def test_the_page_says_so_and_shows_the_result_of_a_run(place, chromium, tmp_path):
    prepared, given, sentences = PLACES[place]
    shown, _ = run_in(within(prepared, given, tmp_path), chromium)
    assert [sentence for sentence in sentences if sentence not in shown] == []


def test_without_shared_memory_one_worker_trains(chromium, tmp_path, monkeypatch):
    monkeypatch.setenv("KD_WORKERS", "2")
    there = os.environ.get("KD_DATA_DIR", "")
    prepared = "while umount /dev/shm 2>/dev/null; do :; done; mount -t tmpfs -o ro none /dev/shm"
    own = f"export KD_DATA_DIR={there} KD_DATABASE_URL=sqlite:///{tmp_path}/lab.db"  # nothing is known of this run
    _, said = run_in(within(f"{prepared}; {own}", "", tmp_path), chromium)
    assert "one worker trains" in said


@pytest.mark.parametrize("place", ["no home folder", "a full disk"])
def test_the_command_line_says_so_too(place, tmp_path):
    prepared, given, _ = PLACES[place]
    command = [*within(prepared, given, tmp_path), sys.executable, "-m", "kd_core", "distill", *COMMAND]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0
    (line,) = done.stderr.strip().splitlines()
    assert NO_MNIST in line
    assert "2 paired trials" in done.stdout
