"""`python -m kd_core inspect`: its table, its JSON, what it refuses and with which status."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kd_core.cli.main import main
from kd_core.inspection.examples import hundred_classes

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def hundred(tmp_path_factory):
    logits = hundred_classes()
    path = tmp_path_factory.mktemp("logits") / "hundred.npz"
    np.savez(path, logits=logits.values, labels=logits.labels, class_names=np.array(logits.names),
             student_logits=logits.student)  # fmt: skip
    return path


def test_a_process_without_torch_prints_a_table(hundred):
    script = ("import sys; from kd_core.cli.main import main; status = main(); assert 'torch' not in sys.modules; "
              "sys.exit(status)")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script, "inspect", str(hundred), "--rows", "400", "--loss", "pytorch"], cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for words in ("400 rows, 100 classes", "outside top", "Best calibrated", "Begin between T = ",
                  " looks like group ", "def distillation_loss(", "The student's top class"):  # fmt: skip
        assert words in done.stdout
    assert "A random sample: 400 of 1,500 rows." in done.stderr


def test_json_is_one_object_with_every_number(hundred, capfd):
    assert main(["inspect", str(hundred), "--rows", "300", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["rows"], found["rows_used"], found["classes"], found["labels"]) == (1500, 300, 100, True)
    assert 1.5 < found["calibration_temperature"]["value"] < 2.6
    assert found["range"]["low"]["value"] < found["suggested"] < found["range"]["high"]["value"]
    for name in ("entropy", "top", "outside_top", "outside_label", "nll", "effective", "calibration_error"):
        assert len(found[name]) == len(found["temperatures"])


def test_probabilities_need_consent(tmp_path, capfd):
    file = tmp_path / "p.csv"
    file.write_text("cat,dog,owl\n1,0,0\n.7,.2,.1\n.1,.8,.1\n")
    assert main(["inspect", str(file)]) == 1
    assert "add --probabilities" in capfd.readouterr().err
    assert main(["inspect", str(file), "--probabilities"]) == 0
    done = capfd.readouterr()
    assert "2 probabilities were 0" in done.err
    assert "3 rows, 3 classes, no labels" in done.out
    file.write_text("cat,dog\n-0.1053605,-2.3025851\n-0.6931472,-0.6931472\n")
    assert main(["inspect", str(file)]) == 0
    done = capfd.readouterr()
    assert "log-probabilities" in done.err
    assert "With two classes a soft target is one number" in done.out


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["nowhere.npz"], 1, "The file nowhere.npz cannot be read (No such file or directory)."),
        ([str(ROOT)], 1, "Is a directory"),
        (["nowhere.npz", "--rows", "0"], 2, "rows = 0 is not allowed"),
        (["nowhere.npz", "--alpha", "1.5"], 2, "alpha = 1.5 is not allowed; it must be 0 to 1."),
        ([str(ROOT / "README.md")], 1, "A file that ends in .md cannot be read"),
    ],
)
def test_what_it_cannot_do_is_a_sentence(arguments, status, words, capfd):
    assert main(["inspect", *arguments]) == status
    assert words in capfd.readouterr().err
