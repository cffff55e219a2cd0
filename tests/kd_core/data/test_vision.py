"""torchvision imports beside this torch, and a build that matches goes through untouched."""

import subprocess
import sys
from types import ModuleType

import pytest
from torch import library

from kd_core.data import vision


@pytest.mark.proof  # eight seconds; `test_data` imports it in this process
def test_torchvision_works_in_a_fresh_process_without_a_warning() -> None:
    script = (
        "from kd_core.data.vision import import_torchvision\n"
        "torchvision = import_torchvision()\n"
        "assert import_torchvision() is torchvision\n"
        "from torchvision.datasets import MNIST\n"
        "from torchvision.models import vgg16\n"
        "from torchvision.transforms import v2\n"
        "import torch\n"
        "print(v2.Resize((3, 4))(torch.zeros(1, 28, 28)).shape)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "torch.Size([1, 3, 4])"


def test_a_matching_build_goes_through_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    matching = ModuleType("torchvision")
    monkeypatch.setitem(sys.modules, "torchvision", matching)
    monkeypatch.setattr(library, "define", lambda *_: pytest.fail("declared an op"))
    assert vision.import_torchvision() is matching


def test_another_failure_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> ModuleType:
        raise RuntimeError("something else")

    monkeypatch.setattr(vision.importlib, "import_module", broken)
    monkeypatch.setattr(library, "define", lambda *_: pytest.fail("declared an op"))
    with pytest.raises(RuntimeError, match="something else"):
        vision.import_torchvision()


def test_the_two_ops_are_declared_where_they_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    half, whole, declared = ModuleType("torchvision"), ModuleType("torchvision"), []
    monkeypatch.setitem(sys.modules, "torchvision", half)
    monkeypatch.setitem(sys.modules, "torchvision.extension", half)

    def mismatched(name: str) -> ModuleType:
        if not declared:
            raise RuntimeError("operator torchvision::nms does not exist")
        assert not [name for name in sys.modules if name.split(".")[0] == "torchvision"]
        return whole

    monkeypatch.setattr(vision.importlib, "import_module", mismatched)
    monkeypatch.setattr(library, "define", lambda op, schema: declared.append(op))
    assert vision.import_torchvision() is whole
    assert declared == ["torchvision::nms", "torchvision::qnms"]
