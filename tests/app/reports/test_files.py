"""What is taken away says the same as what was shown."""

import ast
import base64
import io
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.torch import load

from app.figures.image import data_uri, tiles
from app.reports import files
from app.results.bundled import recorded
from kd_core import distillation, meta_learning
from kd_core.data.digits import Digits
from kd_core.distillation.settings import ALONE, DISTILLED
from kd_core.nn.evaluation import predict
from kd_core.nn.networks import build
from kd_core.nn.seeding import seeded
from kd_core.results.schema import Result
from kd_core.results.statistics import agreement, calibration_error
from kd_core.settings.common import TEACHER
from kd_core.techniques import TECHNIQUES


def test_csv_has_a_row_for_each_arm_and_trial(small_result):
    read = pd.read_csv(io.StringIO(files.csv(small_result)))
    assert len(read) == sum(len(arm.trials) for arm in small_result.arms) == 12
    row = read[(read["arm"] == DISTILLED) & (read["seed"] == 1)].iloc[0]
    arm, teacher = small_result.arm(DISTILLED), small_result.arm(TEACHER)
    trial = arm.trials[1]
    assert row["technique"] == "distillation"
    assert row["data"] == "UCI digits"
    assert row["labels"] == row["teacher_labels"] == 100
    assert row["test_errors"] == trial.test_errors
    assert row["errors_per_10000"] == 25 * trial.test_errors
    assert row["expected_calibration_error"] == pytest.approx(calibration_error(trial))
    assert row["agreement_with_teacher"] == pytest.approx(agreement(trial, teacher.trials[1]) / 400)
    assert row["parameters"] == arm.cost.parameters
    alone = read[read["arm"] == ALONE]
    assert alone["teacher_labels"].isna().all()
    assert read[read["arm"] == TEACHER]["agreement_with_teacher"].isna().all()


def test_a_saved_network_answers_as_recorded(small_result, uci: Digits):
    networks = small_result.networks()
    assert list(networks) == [arm.name for arm in small_result.arms]
    model = build("mlp30", "student", seeded(99, "other weights"))
    model.load_state_dict(load(networks[DISTILLED]))
    logits = predict(model, uci.test.images[list(uci.gallery)])
    recorded = small_result.arm(DISTILLED).trials[0].gallery_logits
    np.testing.assert_allclose(logits.numpy(), recorded, atol=1e-5)


def test_file_names_say_where_they_come_from(small_result):
    name = files.file_name(small_result, "distilled, same labels seed 3", "safetensors")
    assert name == "distillation-distilled-same-labels-seed-3.safetensors"


def test_images_become_png_and_captions_are_escaped():
    image = np.arange(28 * 20, dtype=np.uint32).reshape(28, 20).astype(np.uint8)
    for made in (image, image[:, ::2], np.asfortranarray(image)):  # however its pixels lie in memory
        kind, _, written = data_uri(made).partition(",")
        assert kind == "data:image/png;base64"
        read = Image.open(io.BytesIO(base64.b64decode(written)))
        assert (read.format, read.mode) == ("PNG", "L")
        np.testing.assert_array_equal(np.array(read), made)
    html = tiles([image], [["<b>7</b>", "image 3"]], ['a "seven"'])
    assert "&lt;b&gt;7&lt;/b&gt;<br>image 3" in html
    assert 'alt="a &quot;seven&quot;"' in html


ROOT = Path(__file__).parents[3]


def run_script(result: Result, folder: Path) -> tuple[int, list[str]]:
    """Exit status and lines of the script that repeats `result`, run as a person would run it."""
    file = folder / files.file_name(result, "repeat", "py")
    file.write_text(files.script(result), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, timeout=120, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()


def test_the_script_repeats_every_number_and_says_where_one_differs(uci, tmp_path, capsys, quick_teachers):
    def repeated(result):
        file = tmp_path / "repeat.py"
        file.write_text(files.script(result), encoding="utf-8")
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(file), run_name="__main__")
        return ended.value.code, capsys.readouterr().out.splitlines()

    asked = distillation.Settings(train_size=50, epochs=2, seeds=2, student="mlp30", teacher_data="same")
    *_, result = distillation.run(asked, uci)
    status, lines = repeated(result)
    for arm in result.arms:
        for trial in arm.trials:
            assert f"{arm.name}, seed {trial.seed}: {trial.test_errors}" in lines
    assert len(lines) == sum(len(arm.trials) for arm in result.arms) + 2
    assert str(result.verdict.text) in lines
    assert lines[-1] == "Every number is as it was."
    assert status == 0

    first, *others = result.arms
    trial = first.trials[0].model_copy(update={"test_errors": first.trials[0].test_errors + 1})
    first = first.model_copy(update={"trials": (trial, *first.trials[1:])})
    status, lines = repeated(result.model_copy(update={"arms": (first, *others)}))
    assert status == 1
    assert "Not every number is as it was" in "\n".join(lines)


def test_the_script_says_in_a_sentence_what_it_does_not_find(small_result, tmp_path, monkeypatch):
    file = tmp_path / "repeat.py"
    file.write_text(files.script(small_result), encoding="utf-8")
    monkeypatch.setitem(sys.modules, "kd_core.data", None)  # as where the lab is not
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(file), run_name="__main__")
    said = "This needs Distillation Lab, and kd_core.data was not found here. Put the file in the lab's own folder"
    assert str(ended.value).startswith(said)


@pytest.mark.proof
def test_the_script_repeats_losses_too(uci, tmp_path):
    *_, result = meta_learning.run(meta_learning.Settings(iterations=10, meta_batch=2, seeds=2), uci)
    status, lines = run_script(result, tmp_path)
    for name, losses in files.numbers(result).items():
        for seed, found in losses.items():
            assert f"{name}, seed {seed}: {found!r}" in lines
    assert status == 0


@pytest.mark.parametrize("technique", list(TECHNIQUES))
def test_a_script_has_all_settings_and_the_data_of_its_run(technique):
    result = recorded(technique)
    text = files.script(result)
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body if isinstance(node, ast.Assign)
    }  # fmt: skip
    assert values["SETTINGS"] == result.settings
    assert values["RECORDED"] == files.numbers(result)
    assert values["VERSION"] == result.version
    assert f"from kd_core import {technique} as technique" in text
    assert ("load_mnist()" in text) == (technique != "meta_learning")  # sinusoids need no images


def test_nothing_of_a_strangers_file_is_run_by_its_script(small_result):
    hostile = 'x"""\nimport os\nos.system("true")\n"""'
    made = small_result.provenance.model_copy(update={"processor": hostile, "torch": hostile, "python": hostile})
    arm = small_result.arms[0].model_copy(update={"name": hostile})
    text = files.script(small_result.model_copy(update={"provenance": made, "arms": (arm, *small_result.arms[1:])}))
    tree = ast.parse(text)
    assert not any(isinstance(node, ast.Import) and node.names[0].name == "os" for node in ast.walk(tree))
    assert len(tree.body) == len(ast.parse(files.script(small_result)).body)
