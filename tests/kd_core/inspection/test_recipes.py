"""The losses to paste: each is run as it is written, in its library, against this lab's loss."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from kd_core.data.vision import import_torchvision
from kd_core.distillation import conventions, distillation_loss
from kd_core.inspection.recipes import RECIPES, TITLES, WRITERS, written

SET = [(4.0, 0.9), (1.5, 0.3), (20.0, 1.0), (1.0, 0.0)]
EXACT = {torch.float64: 1e-9, torch.float32: 1e-5}


def batch(dtype):
    draw = torch.Generator().manual_seed(0)
    student, teacher = (3 * torch.randn(16, 7, generator=draw, dtype=torch.float64) for _ in range(2))
    return student.to(dtype), teacher.to(dtype), torch.randint(7, (16,), generator=draw)


def pasted(library: str, t: float, alpha: float) -> dict:
    there: dict = {}
    exec(compile(written(library, t, alpha), library, "exec"), there)
    return there


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize(("t", "alpha"), SET)
def test_pytorch_gives_the_labs_loss_and_gradient(t, alpha, dtype):
    student, teacher, labels = batch(dtype)
    student.requires_grad_()
    ours = distillation_loss(student, teacher, labels, t, alpha)
    theirs = pasted("pytorch", t, alpha)["distillation_loss"](student, teacher, labels)
    torch.testing.assert_close(theirs, ours, rtol=EXACT[dtype], atol=0)
    gradients = [torch.autograd.grad(loss, student)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=10 * EXACT[dtype], atol=1e-2 * EXACT[dtype])


@pytest.mark.parametrize(("t", "alpha"), SET)
def test_torchdistills_settings_give_the_labs_loss(t, alpha):
    """As the lab knows torchdistill's loss; the library itself is asked below."""
    found = yaml.safe_load(written("torchdistill", t, alpha))["criterion"]["kwargs"]
    student, teacher, labels = batch(torch.float64)
    theirs = conventions.torchdistill(
        student, teacher, labels, temperature=found["temperature"], alpha=found["alpha"], beta=found["beta"]
    )
    ours = distillation_loss(student, teacher, labels, t, alpha)
    torch.testing.assert_close(theirs, ours, rtol=1e-9, atol=1e-9 if alpha < 1 else 1e-8)


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize(("t", "alpha"), SET)
def test_torchdistill_itself(t, alpha, dtype):
    import_torchvision()  # torchdistill imports it, and alone it fails beside a torch without CUDA
    from torchdistill.losses import mid_level as losses

    kwargs = yaml.safe_load(written("torchdistill", t, alpha))["criterion"]["kwargs"]
    student, teacher, labels = batch(dtype)
    theirs = losses.KDLoss(**kwargs)({".": {"output": student}}, {".": {"output": teacher}}, labels)
    ours = distillation_loss(student, teacher, labels, t, alpha)
    torch.testing.assert_close(theirs, ours, rtol=EXACT[dtype] if alpha < 1 else max(EXACT[dtype], 1e-8), atol=0)


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize(("t", "alpha"), SET)
def test_keras(t, alpha, dtype, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    import keras

    keras.config.set_floatx(str(dtype).removeprefix("torch."))  # in which Keras computes, whatever it is given
    student, teacher, labels = batch(dtype)
    arrays = [keras.ops.convert_to_tensor(part.numpy()) for part in (student, teacher, labels)]
    theirs = float(pasted("keras", t, alpha)["distillation_loss"](*arrays).numpy().mean())
    ours = float(distillation_loss(student, teacher, labels, t, alpha))
    assert theirs == pytest.approx(ours, rel=EXACT[dtype])


class Answers(torch.nn.Module):
    """A model as transformers has them: logits, and with labels their loss."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def forward(self, labels):
        loss = torch.nn.functional.cross_entropy(self.logits, labels)
        return SimpleNamespace(logits=self.logits, loss=loss)


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize(("t", "alpha"), SET)
def test_hugging_face(t, alpha, dtype, tmp_path):
    import_torchvision()  # transformers imports it, and alone it fails beside a torch without CUDA
    import transformers

    student, teacher, labels = batch(dtype)
    options = transformers.TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to=[])
    trainer = pasted("huggingface", t, alpha)["DistillationTrainer"](
        Answers(student), options, teacher=Answers(teacher)
    )
    theirs = trainer.compute_loss(trainer.model, {"labels": labels}, num_items_in_batch=16)
    ours = distillation_loss(student, teacher, labels, t, alpha)
    torch.testing.assert_close(theirs, ours, rtol=EXACT[dtype], atol=0)
    assert trainer.compute_loss(trainer.model, {"labels": labels}, return_outputs=True)[1].logits is not None


def test_hugging_faces_lines_without_the_library(monkeypatch):
    class Trainer:
        def __init__(self, model):
            self.model, self.args = model, SimpleNamespace(device="cpu")

    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(Trainer=Trainer))
    student, teacher, labels = batch(torch.float64)
    trainer = pasted("huggingface", 4.0, 0.9)["DistillationTrainer"](Answers(student), teacher=Answers(teacher))
    theirs = trainer.compute_loss(trainer.model, {"labels": labels})
    torch.testing.assert_close(theirs, distillation_loss(student, teacher, labels, 4.0, 0.9), rtol=1e-9, atol=0)


@pytest.mark.parametrize("library", WRITERS)
def test_how_a_file_is_written_takes_five_lines(library):
    lines = WRITERS[library].strip().splitlines()
    assert len(lines) == 5
    compile(WRITERS[library], library, "exec")
    assert max(map(len, lines)) <= 116


def test_what_pytorch_writes_is_read(tmp_path, monkeypatch):
    from kd_core.inspection.reading import read_file

    monkeypatch.chdir(tmp_path)
    model, x, y = torch.nn.Linear(5, 3), torch.randn(8, 5), torch.arange(8) % 3
    exec(
        WRITERS["PyTorch"], {"model": model, "loader": [(x[:4], y[:4]), (x[4:], y[4:])], "class_names": list("abc")}
    )
    found = read_file(tmp_path / "teacher.npz")
    np.testing.assert_allclose(found.values, model(x).detach().numpy(), rtol=1e-6)
    assert (found.labels.tolist(), found.names) == (y.tolist(), ("a", "b", "c"))


def test_titles_name_every_recipe():
    assert TITLES.keys() == RECIPES.keys()
