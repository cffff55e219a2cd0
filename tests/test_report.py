"""What is taken away says the same as what was shown."""

import io

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load

from app import report
from app.chart import png, tiles
from kd_core.data import Digits
from kd_core.events import Result
from kd_core.models import build
from kd_core.settings import ALONE, DISTILLED, TEACHER
from kd_core.statistics import agreement, calibration_error
from kd_core.training import predict, seeded


def test_csv_has_a_row_for_each_arm_and_trial(small_result):
    read = pd.read_csv(io.StringIO(report.csv(small_result)))
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


def test_json_reads_back_without_the_networks(small_result):
    text = report.json(small_result)
    read = Result.model_validate_json(text)
    assert all(trial.weights is None for arm in read.arms for trial in arm.trials)
    assert report.json(read) == text
    assert read.verdict == small_result.verdict
    assert read.arm(DISTILLED).trials[2].mistakes == small_result.arm(DISTILLED).trials[2].mistakes


def test_a_saved_network_answers_as_recorded(small_result, uci: Digits):
    networks = small_result.networks()
    assert list(networks) == [arm.name for arm in small_result.arms]
    model = build("mlp30", "student", seeded(99, "other weights"))
    model.load_state_dict(load(networks[DISTILLED]))
    logits = predict(model, uci.test.images[list(uci.gallery)])
    recorded = small_result.arm(DISTILLED).trials[0].gallery_logits
    np.testing.assert_allclose(logits.numpy(), recorded, atol=1e-5)


def test_file_names_say_where_they_come_from(small_result):
    name = report.file_name(small_result, "distilled, same labels seed 3", "safetensors")
    assert name == "distillation-distilled-same-labels-seed-3.safetensors"


def test_images_become_png_and_captions_are_escaped():
    from PIL import Image  # Streamlit needs it too

    image = np.arange(28 * 28, dtype=np.uint32).reshape(28, 28).astype(np.uint8)
    np.testing.assert_array_equal(np.array(Image.open(io.BytesIO(png(image)))), image)
    html = tiles([image], [["<b>7</b>", "image 3"]], ['a "seven"'])
    assert "&lt;b&gt;7&lt;/b&gt;<br>image 3" in html
    assert 'alt="a &quot;seven&quot;"' in html
