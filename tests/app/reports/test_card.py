"""The model card: what a network's files say of it is what its Result says, and every tensor stays as it was."""

import io
import zipfile

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load

from app.i18n.text import Translate
from app.reports.card import bundle, card, card_of_int8, named, readme
from app.results.bundled import recorded
from app.results.measuring import checked
from kd_core.distillation.settings import DISTILLED
from kd_core.export import numpy_forward
from kd_core.export import onnx as export

EN, ZH = Translate("en"), Translate("zh")
needs_onnx = pytest.mark.skipif(not export.installed(), reason="onnx and onnxruntime are optional")


def test_a_card_says_what_the_result_says():
    result = recorded("distillation")
    arm, told = result.arm(DISTILLED), card(result, DISTILLED)
    assert told["Network"] == f"{arm.model}, distilled student (Distillation), seed 0"
    assert told["Trained on"] == "500 labelled images of MNIST"
    assert told["Learned from"] == "a network that saw 55,000 labelled images"
    assert told["Classes"] == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert told["Errors"] == (
        f"{arm.trials[0].test_errors} on 10,000 test images; {arm.errors_per_10000} in 10,000 over 5 trials "
        "(95 % interval of the mean)"
    )
    assert told["Repeat the run"].startswith("python -m kd_core distill")
    assert "CC BY-SA 3.0" in told["Licence"]
    alone = card(result, "student alone")
    assert "Learned from" not in alone
    teacher = card(result, "teacher")
    assert teacher["Errors"] == "88 on 10,000 test images"  # one network, no interval
    assert card(recorded("transfer"), "fine-tuning")["Classes"] == "5, 6, 7, 8, 9"
    curve = card(recorded("meta_learning"), "MAML")
    assert curve["Input"] == "float32 [N, 1], a number x"
    assert "Errors" not in curve


@pytest.mark.parametrize("_", [EN, ZH], ids=["en", "zh"])
def test_the_readme_has_a_line_for_each_thing_told(_):
    result = recorded("distillation")
    lines = readme(result, DISTILLED, _).splitlines()
    assert lines[0] == f"# {_(DISTILLED)}"
    assert lines[2:] == [f"- **{what}:** {about}" for what, about in card(result, DISTILLED, _).items()]
    assert all(about for about in card(result, DISTILLED, _).values())


def test_a_network_keeps_its_tensors_and_carries_its_card(tmp_path):
    result = recorded("distillation")
    plain = result.networks()[DISTILLED]
    file = tmp_path / "named.safetensors"
    file.write_bytes(named(plain, card(result, DISTILLED)))
    with safe_open(file, "np") as read:
        assert read.metadata() == card(result, DISTILLED)
    before, after = load(plain), load(file.read_bytes())
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert tensor.dtype == after[name].dtype
        np.testing.assert_array_equal(tensor, after[name])


@needs_onnx
def test_the_zip_holds_both_files_with_the_card_and_they_answer_alike():
    import onnx

    result = recorded("distillation")
    model = checked(result, DISTILLED)[0]
    with zipfile.ZipFile(io.BytesIO(bundle(result, DISTILLED, model, ZH))) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    base = "distillation-distilled-student-seed-0"
    assert list(files) == ["README.md", f"{base}.safetensors", f"{base}.onnx"]
    assert files["README.md"].decode() == readme(result, DISTILLED, ZH)
    props = {entry.key: entry.value for entry in onnx.load_from_string(files[f"{base}.onnx"]).metadata_props}
    assert props.items() >= card(result, DISTILLED).items()
    assert props["input_name"] == "pixels_0_1"
    image = np.random.default_rng(0).random((1, 1, 28, 28), np.float32)
    answered = numpy_forward.logits(files[f"{base}.safetensors"], (image - 0.1307) / 0.3081)
    np.testing.assert_allclose(export.answers(files[f"{base}.onnx"], image), answered, atol=1e-3)


def test_the_card_of_int8_says_its_own_errors_beside_those_of_float32():
    result = recorded("distillation")
    plain, told = card(result, DISTILLED), card_of_int8(result, DISTILLED, 401, 500)
    own = result.arm(DISTILLED).trials[0].test_errors
    assert told["Errors"].startswith(f"401 on 10,000 test images as int8; as float32: {own} on 10,000")
    assert "500 training images" in told["Quantised"]
    assert {key for key, value in plain.items() if told.get(key) != value} == {"Input, safetensors", "Errors"}


@needs_onnx
def test_a_file_that_is_labelled_answers_as_before_and_carries_its_card():
    import onnx

    plain = export.onnx_of(recorded("distillation").networks()[DISTILLED], {"Network": "first"})
    labelled = export.labelled(plain, {"Network": "second", "Errors": "7"})
    props = {entry.key: entry.value for entry in onnx.load_from_string(labelled).metadata_props}
    assert (props["Network"], props["Errors"], props["input_name"]) == ("second", "7", "pixels_0_1")
    image = np.random.default_rng(0).random((2, 1, 28, 28), np.float32)
    np.testing.assert_array_equal(export.answers(labelled, image), export.answers(plain, image))


def test_without_onnx_the_zip_holds_the_rest():
    with zipfile.ZipFile(io.BytesIO(bundle(recorded("distillation"), DISTILLED, None, EN))) as archive:
        assert [name.rsplit(".", 1)[1] for name in archive.namelist()] == ["md", "safetensors"]
