"""`data add`, `data list`, `data remove` on the command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kd_core.cli.main import main
from kd_core.data import own
from tests.kd_core.data.own.making import keras, noise


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path))
    return tmp_path


def test_a_set_is_added_listed_and_removed(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "mine.npz").write_bytes(keras({"train": noise(3, 40), "test": noise(3, 10, seed=1)}))
    assert main(["data", "add", str(root / "mine.npz"), "--name", "mine", "--classes", "a,b,c", "--seed", "1"]) == 0
    said = capfd.readouterr()
    assert "mine: 3 classes (a, b, c); 108 training, 12 validation and 30 test images" in said.out
    assert "only 30 images: one image more or less is 3.3 points" in said.err
    assert main(["data", "list"]) == 0
    assert [line.split()[:5] for line in capfd.readouterr().out.splitlines()[1:]] == [
        ["mine", "3", "108", "12", "30"]
    ]
    (root / "own" / "mine" / "set.json").write_text("{")
    assert main(["data", "list"]) == 0
    assert "is damaged on disk; remove it" in capfd.readouterr().err
    assert main(["data", "remove", "mine"]) == 0
    assert own.names() == ()
    assert main(["data", "remove", "mine"]) == 1
    assert "There is no data set called mine" in capfd.readouterr().err


def test_without_torch_and_in_the_folder_that_is_named(root: Path) -> None:
    script = "import sys; from kd_core.cli.main import main; main(sys.argv[1:]); print(*sorted(sys.modules))"
    add = [sys.executable, "-c", script, "data", "--root", str(root / "other"), "add", "uci", "--name", "uci"]
    done = subprocess.run(add, capture_output=True, text=True, check=True, env=os.environ)
    assert (root / "other" / "own" / "uci" / "set.json").is_file()
    assert "torch" not in done.stdout.split()
