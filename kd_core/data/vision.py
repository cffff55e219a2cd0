"""torchvision, imported beside whichever torch is installed.

torchvision's wheel carries ops compiled for one build of torch. Beside another (a CUDA wheel beside a
CPU torch, as `pip install` gives where a CPU torch is at hand) they do not load, and the import itself
dies: it describes `nms` and `qnms`, which were never declared. Nothing here uses any of these ops, so
declaring the two is enough for `datasets`, `transforms` and `models` to work.
"""

import importlib
import sys
import threading
from types import ModuleType

from torch import library

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_OPS = ("torchvision::nms", "torchvision::qnms")
_once = threading.Lock()


def import_torchvision() -> ModuleType:
    """The imported `torchvision` module; where its compiled ops match torch, nothing else happens.

    Raises ImportError where torchvision is not installed, and whatever else its import raises.
    """
    with _once:
        try:
            return importlib.import_module("torchvision")
        except RuntimeError as error:
            if f"operator {_OPS[0]} does not exist" not in str(error):
                raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]  # half imported
        for op in _OPS:
            library.define(op, _SCHEMA)
        return importlib.import_module("torchvision")
