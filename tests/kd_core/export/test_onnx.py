"""An exported network is the network: ONNX Runtime says what torch says; int8 is measured, not promised."""

import numpy as np
import pytest
import torch
from safetensors.torch import save
from streamlit.testing.v1 import AppTest
from torch import nn

from app.results import measuring
from app.results.bundled import recorded
from app.results.take import measuring as measuring_here
from kd_core.cli.main import main
from kd_core.data import pixels
from kd_core.distillation.settings import DISTILLED
from kd_core.export import numpy_forward
from kd_core.export import onnx as export
from kd_core.messages import Problem
from kd_core.nn.evaluation import predict
from kd_core.nn.networks import build
from kd_core.paths import mnist_folder
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
    pixels_0_1 = (0.1307 + 0.3081 * images).numpy()
    answered = export.answers(export.onnx_of(kept(model)), pixels_0_1)
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
def test_a_stranger_feeds_pixels_and_makes_the_students_errors(mnist):
    """With onnxruntime and MNIST's bytes alone: what the file says of its input is enough."""
    import onnx
    import onnxruntime

    result = recorded("distillation")
    written = export.onnx_of(result.networks()[DISTILLED])
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape) == ("pixels_0_1", "tensor(float)", ["N", 1, 28, 28])
    model = onnx.load_from_string(written)
    for said in (model.doc_string, model.graph.doc_string, model.graph.input[0].doc_string,
                 {each.key: each.value for each in model.metadata_props}["input"]):  # fmt: skip
        assert "from 0 (black) to 1 (white)" in said
        assert "not normalised" in said
    raw = mnist_folder()
    images = np.frombuffer((raw / "t10k-images-idx3-ubyte").read_bytes()[16:], np.uint8).reshape(-1, 1, 28, 28)
    labels = np.frombuffer((raw / "t10k-labels-idx1-ubyte").read_bytes()[8:], np.uint8)
    (logits,) = session.run(None, {"pixels_0_1": images.astype(np.float32) / 255})
    trial = result.arm(DISTILLED).trials[0]
    assert (logits.argmax(1) != labels).sum() == trial.test_errors  # counted by torch in the recorded run
    assert result.data.name == "MNIST"


@needs_onnx
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("before", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_other_floats_and_wrappers_are_converted(kind, before):
    model = build("article", "student", torch.Generator().manual_seed(3))
    inputs = torch.rand(20, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    state = {before + key: value.to(kind).contiguous() for key, value in model.state_dict().items()}
    model.load_state_dict({key.removeprefix(before): value.float() for key, value in state.items()})
    expected = predict(model, (inputs - 0.1307) / 0.3081).numpy()
    answered = export.answers(export.onnx_of(save(state)), inputs.numpy())
    np.testing.assert_allclose(answered, expected, atol=export.SAME)


BAD = {
    "int8": ({"0.weight": torch.ones(10, 784, dtype=torch.int8), "0.bias": torch.ones(10)}, "type I8"),
    "float8": ({"0.weight": torch.ones(10, 784).to(torch.float8_e4m3fn), "0.bias": torch.ones(10)}, "type F8_E4M3"),
    "nan": ({"0.weight": torch.full((10, 784), torch.nan), "0.bias": torch.ones(10)}, "0.weight holds numbers"),
    "too large for float32": (
        {"0.weight": torch.full((10, 784), 1e300, dtype=torch.float64), "0.bias": torch.ones(10)}, "not finite"),
    "answers too large": (
        {"0.weight": torch.full((40, 784), 1e30), "0.bias": torch.ones(40), "2.weight": torch.full((10, 40), 1e30),
         "2.bias": torch.ones(10)}, "answers with numbers that are not finite"),
    "a dense layer of another size": (
        {"0.weight": torch.ones(40, 784), "0.bias": torch.ones(40), "2.weight": torch.ones(10, 30),
         "2.bias": torch.ones(10)}, "takes 30 inputs where 40 arrive"),
    "a dense layer behind padding": (
        {"0.weight": torch.ones(4, 1, 3, 3), "0.bias": torch.ones(4), "4.weight": torch.ones(10, 4 * 14 * 14),
         "4.bias": torch.ones(10)}, "takes 784 inputs where 676 arrive"),
    "colours": (
        {"0.weight": torch.ones(4, 3, 3, 3), "0.bias": torch.ones(4), "4.weight": torch.ones(10, 676),
         "4.bias": torch.ones(10)}, "takes 3 inputs where 1 arrive"),
    "a window wider than the image": ({"0.weight": torch.ones(4, 1, 30, 30), "0.bias": torch.ones(4)}, "nothing"),
    "a bias of another size": ({"0.weight": torch.ones(10, 784), "0.bias": torch.ones(9)}, "its bias [9]"),
    "nothing": ({"0.weight": torch.ones(0, 784), "0.bias": torch.ones(0)}, "does not fit"),
    "only some names wrapped": (
        {"module.0.weight": torch.ones(10, 784), "0.bias": torch.ones(10)}, "This kind of network"),
    "numbers that are none": ({"².weight": torch.ones(10, 784), "².bias": torch.ones(10)}, "This kind of network"),
}  # fmt: skip


@needs_onnx
@pytest.mark.parametrize("what", BAD)
def test_a_file_that_cannot_be_written_is_one_sentence(what, tmp_path, capsys):
    tensors, said = BAD[what]
    (tmp_path / "network.safetensors").write_bytes(save(tensors))
    assert main(["export", str(tmp_path / "network.safetensors")]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert len(told.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["network.safetensors"]


@needs_onnx
@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(30, "Read-only file system")])
def test_a_folder_that_cannot_be_written_is_one_sentence(error, tmp_path, capsys, monkeypatch):
    (tmp_path / "network.safetensors").write_bytes(GOOD)

    def forbidden(path, data):
        raise error

    monkeypatch.setattr("kd_core.cli.export.write_whole", forbidden)  # root may write everywhere
    assert main(["export", str(tmp_path / "network.safetensors")]) == 1
    told = capsys.readouterr().err
    assert f"{tmp_path / 'network.onnx'} cannot be written ({error.strerror})" in told
    assert "another folder" in told
    monkeypatch.undo()
    (tmp_path / "network.onnx").mkdir()
    assert main(["export", str(tmp_path / "network.safetensors")]) == 1
    assert "cannot be written" in capsys.readouterr().err


GOOD = save({"0.weight": torch.zeros(10, 784), "0.bias": torch.zeros(10)})


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
    images = pixels.test_pixels("UCI digits", range(400))
    answers = export.answers(made.int8, images).argmax(1)
    assert made.of_int8.errors == (answers != pixels.test_labels("UCI digits")).sum()
    assert abs(made.of_int8.errors - trial.test_errors) <= 20  # 5 % of the images
    assert made.of_int8.bytes == len(made.int8) < 0.5 * len(made.float32)
    assert (made.of_float32.images, made.of_float32.passes) == (400, 300)
    assert made.of_float32.latency_ms > 0
    import onnx

    cards = [
        {entry.key: entry.value for entry in onnx.load_from_string(file).metadata_props}
        for file in (made.float32, made.int8)
    ]
    assert cards[0]["Errors"].startswith(f"{trial.test_errors} on 400 test images")
    assert cards[1]["Errors"].startswith(f"{made.of_int8.errors} on 400 test images as int8")  # its own


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
def test_training_images_are_those_that_training_sees(name, uci):
    from kd_core.data.variants import inverted, rotated

    change = {"rotated": rotated, "inverted": inverted}.get(name.split()[-1], lambda digits: digits)
    expected = change(uci).train.images[:30].numpy()
    np.testing.assert_allclose(pixels.normalised(pixels.training_pixels(name, 30)), expected, atol=1e-5)


def test_training_images_of_mnist_and_of_some_digits(mnist):
    high = mnist.train.images[mnist.train.labels >= 5][:30]
    for name, expected in (("MNIST", mnist.train.images[:30]), ("MNIST 5-9", high)):
        given = pixels.training_pixels(name, 30)
        assert (given.min(), given.max()) == (0, 1)
        np.testing.assert_allclose(pixels.normalised(given), expected.numpy(), atol=1e-5)


@needs_onnx
def test_the_command_line_writes_and_measures(small_result, tmp_path, capsys, mnist):
    file = tmp_path / "student.safetensors"
    file.write_bytes(small_result.networks()[DISTILLED])
    assert main(["export", str(file), "--int8"]) == 0
    said = capsys.readouterr().out
    assert "10,000 test images" in said
    written = (tmp_path / "student.onnx").read_bytes()
    assert (tmp_path / "student-int8.onnx").stat().st_size < len(written)
    images = pixels.test_pixels("MNIST", range(20))
    np.testing.assert_allclose(
        export.answers(written, images),
        numpy_forward.logits(file.read_bytes(), pixels.normalised(images)),
        atol=1e-3,
    )
    (tmp_path / "bad.safetensors").write_bytes(b"no network")
    for name, why in (("bad.safetensors", "no safetensors"), ("none.safetensors", "cannot be read")):
        assert main(["export", str(tmp_path / name)]) == 1
        assert why in capsys.readouterr().err


PAGE = """
from app.results.take import take_network
from app.i18n.session import current
from tests.kd_core.export.test_onnx import SHOWN
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
