"""The steps of the Dockerfile in a bare Debian tree: there the lab serves and trains for a user who may not write.

No container engine is asked for: debootstrap makes the tree, chroot enters it, which both need root.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.browser.conftest import free_port, until_served
from tests.missing import missing

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.proof
USER = "65534:65534"  # nobody
CHROOT = (shutil.which("chroot") or "chroot", f"--userspec={USER}")


def told(*command, **more):
    """What a command prints; where it fails, the test says what it printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def folders_of_pip():
    """Local folders in which pip is set to look for packages, and its settings as files."""
    listed = told(sys.executable, "-m", "pip", "config", "list") + " ".join(
        value for name, value in os.environ.items() if name.startswith("PIP_")
    )
    named = {Path(path) for path in re.findall(r"(?:file://)?(/[^'\s\\]+)", listed)}
    indexes = [path.parent if path.name == "simple" else path for path in named]  # files lie beside an index
    return [path for path in indexes if path.is_dir() and len(path.parts) > 2]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A Debian with Python and nothing else, the checkout in /src, and the lab installed by deploy/install.sh."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        missing("debootstrap was not found, or this is not root", "KD_REQUIRE_CONTAINER")
    folder = tmp_path_factory.mktemp("tree")
    folder.chmod(0o755)  # it becomes the root of a file system that others than root look at
    told(
        "debootstrap",
        "--variant=minbase",
        "--include=python3,python3-venv,ca-certificates",
        "bookworm",
        str(folder),
    )
    files = told("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).split("\n")
    (folder / "src").mkdir()
    told("tar", "-C", str(ROOT), "-cf", str(folder / "src.tar"), *(f for f in files if f and (ROOT / f).exists()))
    told("tar", "-C", str(folder / "src"), "-xf", str(folder / "src.tar"))
    for name in ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/root/.config/pip/pip.conf",
                 "/etc/ssl/certs/ca-certificates.crt"):  # fmt: skip
        with suppress(FileNotFoundError):
            (folder / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, folder / name[1:])
    with ExitStack() as mounted:
        for path in (Path("/proc"), Path("/dev"), *folders_of_pip()):
            (folder / path.relative_to("/")).mkdir(parents=True, exist_ok=True)
            told("mount", "--rbind", str(path), str(folder / path.relative_to("/")))
            mounted.callback(told, "umount", "-l", str(folder / path.relative_to("/")))
        told("chroot", str(folder), "/src/deploy/install.sh", "/opt/lab", "/var/lib/lab", "onnx")
        told("chown", "-R", USER, str(folder / "var/lib/lab"))
        told("chmod", "-R", "a-w", str(folder / "src"))
        yield folder


def within(tree, **more):
    env = {"PATH": "/usr/bin:/bin", "HOME": "/var/lib/lab", "KD_DATA_DIR": "/var/lib/lab", "KD_WORKERS": "1",
           "KD_DATABASE_URL": "sqlite:////var/lib/lab/lab.db", **more}  # fmt: skip
    return [*CHROOT, str(tree), "/opt/lab/bin/distillation-lab"], env


def test_it_trains_and_writes_nothing_but_its_data(tree):
    command, env = within(tree)
    before = set((tree / "opt/lab").rglob("*"))
    asked = ("distill", "--student", "mlp30", "--train-size", "100", "--epochs", "2", "--seeds", "1", "--json")
    done = subprocess.run([*command, *asked], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["data"]["train"] in (55_000, 1_197)
    assert set((tree / "opt/lab").rglob("*")) == before


def test_it_serves(tree):
    port = free_port()
    command, env = within(tree, PORT=str(port))
    server = subprocess.Popen([*command, "app", "--host", "0.0.0.0"], env=env, stdout=subprocess.PIPE, text=True)
    try:
        until_served(f"http://127.0.0.1:{port}")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/distillation", timeout=5) as page:
            assert b"<title>Streamlit</title>" in page.read()
    finally:
        server.terminate()
        said, _ = server.communicate(timeout=30)
    assert "Traceback" not in said
    assert f":{port}" in said
