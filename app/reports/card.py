"""What a network that is taken away says of itself: a model card, in its files' metadata and as a README.

After Mitchell et al. 2019, "Model Cards for Model Reporting", arXiv 1810.03993: what it is, what goes in and comes
out, what it was trained on, how well it does and how certain that is, and whose data it was.
"""

import io
import zipfile
from collections.abc import Mapping

from safetensors.numpy import load, save

from app.i18n.text import Translate
from app.reports import files
from app.reports.handout import command, credits
from kd_core.results.schema import Result
from kd_core.techniques import title

ENGLISH = Translate("en")


def card(result: Result, arm: str, _: Translate = ENGLISH) -> dict[str, str]:
    """Of the first trial's network of an arm: what is told -> what there is to tell, in a fixed order."""
    about, first, data = result.arm(arm), result.arm(arm).trials[0], result.data
    network = f"{_(about.model)}, {_(arm)} ({_(title(result.technique))})"
    told = {_("Network"): network + ", " + _("seed {seed}", seed=first.seed)}
    if result.measure == "errors":
        told |= {
            _("Input, safetensors"):
                _("float32 [N, 1, 28, 28], grey pixels p from 0 (black) to 255 as (p / 255 − 0.1307) / 0.3081"),
            _("Input, ONNX"): _("float32 [N, 1, 28, 28], grey pixels from 0 (black) to 1 (white)"),
            _("Output"): _("logits [N, {classes}], before the softmax", classes=len(first.confusion)),
        }  # fmt: skip
    else:
        told |= {
            _("Input"): _("float32 [N, 1], a number x"),
            _("Output"): _("float32 [N, 1], the curve's value at x"),
        }
    tested = [answer for answer, row in enumerate(first.confusion) if sum(row)]
    if result.gallery and {digit.label for digit in result.gallery} <= {*tested}:  # else it answers another task
        told[_("Classes")] = ", ".join(map(data.called, tested))
    told[_("Trained on")] = _("{labels} labelled images of {data}", labels=f"{about.labels:,}", data=data.name)
    if about.teacher_labels:
        labels_before = f"{about.teacher_labels:,}"
        told[_("Learned from")] = _("a network that saw {labels} labelled images", labels=labels_before)
    if result.measure == "errors":
        told[_("Errors")] = _errors(result, arm, _)
    told[_("Size")] = _("{parameters} parameters, {bytes} bytes as float32",
                        parameters=f"{about.cost.parameters:,}", bytes=f"{about.cost.bytes:,}")  # fmt: skip
    made = result.provenance
    told[_("Made")] = f"{made.created}, {made.processor}, PyTorch {made.torch}"
    told[_("Repeat the run")] = command(result.technique, result.settings)
    told[_("Licence")] = " ".join(credits(result, _))
    return told


def card_of_int8(result: Result, arm: str, errors: int, ranges: int, _: Translate = ENGLISH) -> dict[str, str]:
    """The card of a network as int8. errors: those it makes; ranges: how many training images gave its ranges."""
    told = card(result, arm, _)
    told.pop(_("Input, safetensors"), None)  # it has no such form
    told[_("Quantised")] = _(
        "weights and activations of 8 bits, one scale an output channel; ranges from {images} training images",
        images=ranges,
    )
    told[_("Errors")] = _("{errors} on {images} test images as int8; as float32: {float32}", errors=f"{errors:,}",
                          images=f"{result.data.test:,}", float32=told[_("Errors")])  # fmt: skip
    return told


def _errors(result: Result, arm: str, _: Translate) -> str:
    """Its own errors on the test set, and where there are several trials their mean with its interval."""
    about = result.arm(arm)
    own = _("{errors} on {images} test images", errors=f"{about.trials[0].test_errors:,}",
            images=f"{result.data.test:,}")  # fmt: skip
    if about.shared or about.errors_per_10000.n < 2:
        return own
    mean = about.errors_per_10000
    return own + "; " + _("{errors} in 10,000 over {n} trials (95 % interval of the mean)", errors=str(mean),
                          n=mean.n)  # fmt: skip


def named(weights: bytes, told: Mapping[str, str]) -> bytes:
    """The same safetensors file with a model card as its metadata; every tensor is as it was."""
    return save(load(weights), dict(told))


def readme(result: Result, arm: str, _: Translate) -> str:
    """The model card as Markdown."""
    rows = [f"- **{what}:** {about}" for what, about in card(result, arm, _).items()]
    return "\n".join([f"# {_(arm)}", "", *rows, ""])


def bundle(result: Result, arm: str, onnx: bytes | None, _: Translate) -> bytes:
    """A zip of an arm's network as safetensors and, where it is given, as ONNX, and its card as README.md."""
    first = result.arm(arm).trials[0]
    name = f"{arm} seed {first.seed}"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.md", readme(result, arm, _))
        weights = named(result.networks()[arm], card(result, arm))
        archive.writestr(files.file_name(result, name, "safetensors"), weights)
        if onnx is not None:
            archive.writestr(files.file_name(result, name, "onnx"), onnx)
    return made.getvalue()
