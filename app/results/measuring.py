"""A network as ONNX and in int8, made and measured in a thread of its own: the page does not wait for it."""

import hashlib
import logging
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from app.reports.card import card, card_of_int8
from kd_core.data import pixels
from kd_core.export import onnx
from kd_core.messages import Problem
from kd_core.results.schema import Result

MOST = 32  # networks of which the measurement is kept; the one asked for longest ago gives way
CALIBRATION = 500  # training images that int8 takes its ranges from


@dataclass(frozen=True)
class Exported:
    """A network in both forms and what was measured of each.

    apart: the largest distance from torch's logits; ranges: how many training images gave the ranges of int8.
    """

    float32: bytes
    int8: bytes
    apart: float
    ranges: int
    of_float32: onnx.Measured
    of_int8: onnx.Measured


class Measuring:
    """The server's one place where networks are measured: one at a time, each once, for all who ask."""

    def __init__(self) -> None:
        self._one = ThreadPoolExecutor(max_workers=1, thread_name_prefix="measuring")
        self._kept: OrderedDict[str, Future[Exported]] = OrderedDict()
        self._lock = threading.Lock()

    def started(self, result: Result, arm: str) -> "Future[Exported] | None":
        """The measurement of an arm's network, if somebody has asked for it."""
        with self._lock:
            return self._kept.get(_name(result, arm))

    def start(self, result: Result, arm: str) -> "Future[Exported]":
        """Measure an arm's network, unless that is done or under way."""
        with self._lock:
            name = _name(result, arm)
            if name not in self._kept or (self._kept[name].done() and self._kept[name].exception()):
                self._kept[name] = self._one.submit(measured, result, arm)
                while len(self._kept) > MOST:
                    self._kept.popitem(last=False)
            return self._kept[name]

    def close(self) -> None:
        """End with the server; what is under way is not waited for."""
        self._one.shutdown(wait=False, cancel_futures=True)


def _name(result: Result, arm: str) -> str:
    return hashlib.sha256(result.data.name.encode() + result.networks()[arm]).hexdigest()


def checked(result: Result, arm: str) -> tuple[bytes, float]:
    """An arm's network as ONNX, and how far its answers to the gallery are from torch's, at most.

    The Result has what torch answered in the run. Raises Problem if ONNX Runtime says something else, or for a
    network that cannot be written.
    """
    model, first = onnx.onnx_of(result.networks()[arm], card(result, arm)), result.arm(arm).trials[0]
    if not first.gallery_logits or len(first.gallery_logits[0]) != len(first.confusion):
        return model, 0.0
    images = pixels.test_pixels(result.data.name, [digit.index for digit in result.gallery])
    return model, onnx.apart(onnx.answers(model, images), np.array(first.gallery_logits))


def measured(result: Result, arm: str) -> Exported:
    """Both forms of an arm's network, on all test images. Raises Problem as `checked` does."""
    try:
        return _measured(result, arm)
    except Problem:
        raise
    except Exception:
        logging.getLogger(__name__).exception("a network could not be measured")
        raise


def _measured(result: Result, arm: str) -> Exported:
    model, apart = checked(result, arm)
    name = result.data.name
    bare = onnx.onnx_of(result.networks()[arm])  # its card is another one
    training = pixels.training_pixels(name, CALIBRATION)
    small = onnx.int8_of(bare, training)
    images = pixels.test_pixels(name, range(result.data.test))
    large_is, small_is = onnx.compare([model, small], images, np.asarray(pixels.test_labels(name)))
    small = onnx.labelled(small, card_of_int8(result, arm, small_is.errors, len(training)))
    return Exported(model, small, apart, len(training), large_is, replace(small_is, bytes=len(small)))
