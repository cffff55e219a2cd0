"""An exported network is the network: ONNX Runtime says what torch says; int8 is measured, not promised."""

import numpy as np
import pytest
import torch
from safetensors.torch import save
from streamlit.testing.v1 import AppTest
from torch import nn

from app import forward, measuring
from app.bundled import recorded
from app.take import measuring as measuring_here
from kd_core import export, pixels
from kd_core.__main__ import main
from kd_core.messages import Problem
from kd_core.models import build
from kd_core.settings import DISTILLED
from kd_core.training import predict
from tests.missing import missing

needs_onnx = pytest.mark.usefixtures("onnx")


@pytest.fixture
def onnx():
    if not export.installed():
        missing("ONNX is not installed: pip install -r requirements-onnx.txt", "KD_REQUIRE_ONNX")


def kept(model: nn.Module) -> bytes:
    return save({key: value.contiguous() for key, value in model.state_dict().items()})


@needs_onnx
@pytest.mark.parametrize(
    ("name", "role"), [("article", "teacher"), ("article", "student"), ("mlp30", "student"), ("mlp300", "teacher")]
)
def test_onnx_answers_as_torch(name, role, uci):
    model = build(name, role, torch.Generator().manual_seed(3))
    images = uci.test.images[:50]
    answered = export.answers(export.onnx_of(kept(model)), images.numpy())
    np.testing.assert_allclose(answered, predict(model, images).numpy(), atol=export.SAME)
    assert export.SAME == 1e-4


@needs_onnx
def test_onnx_of_a_network_of_numbers_answers_as_torch():
    model = nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))
    inputs = torch.linspace(-5, 5, 21)[:, None]
    with torch.no_grad():
        expected = model(inputs).numpy()
    np.testing.assert_allclose(export.answers(export.onnx_of(kept(model)), inputs.numpy()), expected, atol=1e-5)


@needs_onnx
def test_another_kind_of_network_is_refused():
    with pytest.raises(Problem, match="This kind of network"):
        export.onnx_of(kept(nn.GRU(3, 3)))


@needs_onnx
def test_int8_is_smaller_and_its_accuracy_is_that_of_its_answers(small_result):
    made = measuring.measured(small_result, DISTILLED)
    trial = small_result.arm(DISTILLED).trials[0]
    assert made.apart <= export.SAME
    assert made.of_float32.errors == trial.test_errors  # counted by torch in the run
    images = pixels.network_inputs("UCI digits", range(400))
    answers = export.answers(made.int8, images).argmax(1)
    assert made.of_int8.errors == (answers != pixels.test_labels("UCI digits")).sum()
    assert abs(made.of_int8.errors - trial.test_errors) <= 20  # 5 % of the images
    assert made.of_int8.bytes == len(made.int8) < 0.5 * len(made.float32)
    assert (made.of_float32.images, made.of_float32.passes) == (400, 300)
    assert made.of_float32.latency_ms > 0


@needs_onnx
def test_a_file_that_answers_otherwise_is_not_handed_out(small_result):
    arm = small_result.arm(DISTILLED)
    other = tuple(tuple(x + 0.01 for x in row) for row in arm.trials[0].gallery_logits)
    trial = arm.trials[0].model_copy(update={"gallery_logits": other})
    changed = arm.model_copy(update={"trials": (trial, *arm.trials[1:])})
    arms = tuple(changed if one.name == DISTILLED else one for one in small_result.arms)
    with pytest.raises(Problem, match="logits differ by"):
        measuring.checked(small_result.model_copy(update={"arms": arms}), DISTILLED)


@needs_onnx
def test_each_network_is_measured_once_for_all_who_ask(small_result):
    place = measuring.Measuring()
    try:
        assert place.started(small_result, DISTILLED) is None
        job = place.start(small_result, DISTILLED)
        assert place.start(small_result, DISTILLED) is job
        assert place.started(small_result, DISTILLED) is job
        assert job.result(timeout=60).of_int8.images == 400
    finally:
        place.close()


def test_without_the_packages_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    result = recorded("distillation")
    with pytest.raises(Problem, match="requirements-onnx"):
        export.onnx_of(result.networks()[DISTILLED])
    assert not export.installed()


@pytest.mark.parametrize("name", ["UCI digits", "UCI digits rotated", "UCI digits inverted"])
def test_training_inputs_are_those_that_training_sees(name, uci):
    from kd_core.data import inverted, rotated

    change = {"rotated": rotated, "inverted": inverted}.get(name.split()[-1], lambda digits: digits)
    expected = change(uci).train.images[:30].numpy()
    np.testing.assert_allclose(pixels.training_inputs(name, 30), expected, atol=1e-5)


def test_training_inputs_of_mnist_and_of_some_digits(mnist):
    np.testing.assert_allclose(pixels.training_inputs("MNIST", 30), mnist.train.images[:30].numpy(), atol=1e-5)
    high = mnist.train.images[mnist.train.labels >= 5][:30].numpy()
    np.testing.assert_allclose(pixels.training_inputs("MNIST 5-9", 30), high, atol=1e-5)


@needs_onnx
def test_the_command_line_writes_and_measures(small_result, tmp_path, capsys, mnist):
    file = tmp_path / "student.safetensors"
    file.write_bytes(small_result.networks()[DISTILLED])
    assert main(["export", str(file), "--int8"]) == 0
    said = capsys.readouterr().out
    assert "10,000 test images" in said
    written = (tmp_path / "student.onnx").read_bytes()
    assert (tmp_path / "student-int8.onnx").stat().st_size < len(written)
    images = pixels.network_inputs("MNIST", range(20))
    np.testing.assert_allclose(
        export.answers(written, images), forward.logits(file.read_bytes(), images), atol=1e-3
    )
    (tmp_path / "bad.safetensors").write_bytes(b"no network")
    for name, why in (("bad.safetensors", "no safetensors"), ("none.safetensors", "cannot be read")):
        assert main(["export", str(tmp_path / name)]) == 1
        assert why in capsys.readouterr().err


PAGE = """
from app.take import take_network
from app.text import current
from tests.test_export import SHOWN
take_network(SHOWN[0], current())
"""
SHOWN = []


def page_of(result):
    SHOWN[:] = [result]
    return AppTest.from_string(PAGE, default_timeout=20).run()


@needs_onnx
def test_the_page_measures_when_it_is_asked_and_shows_both(small_result):
    page = page_of(small_result)
    assert not page.exception
    assert not page.markdown
    page.button(key="int8").click().run()
    assert not page.exception
    job = measuring_here().started(small_result, small_result.verdict.arm)
    made = job.result(timeout=60)
    page.run()
    table = page.markdown[0].value
    assert f"| {made.of_float32.errors} | {made.of_int8.errors} |" in table
    assert f"| {len(made.float32):,} | {len(made.int8):,} |" in table
    assert "errors on 400 test images" in table
    assert "300 passes" in page.caption[-1].value


def test_the_page_says_what_is_missing(small_result, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    page = page_of(small_result)
    assert not page.exception
    assert "requirements-onnx.txt" in page.caption[-1].value
    assert not page.button
