"""A trained network to take away: safetensors, ONNX, int8 with what it costs and gains."""

from concurrent.futures import Future
from typing import Any

import streamlit as st

from app.controls.choice import arm_choice
from app.figures.depth import within_noise
from app.i18n.text import Translate
from app.reports import files
from app.reports.card import bundle, card, named
from app.results.measuring import Exported, Measuring, checked
from kd_core.data import pixels
from kd_core.export import onnx
from kd_core.export.layers import layers
from kd_core.messages import Problem
from kd_core.results.numbers import fixed
from kd_core.results.schema import Result


@st.cache_resource(show_spinner=False, on_release=lambda made: made.close())
def measuring() -> Measuring:
    """The server's one place where networks are measured."""
    return Measuring()


def download(label: str, content: Any, name: str, kind: str, **options: Any) -> None:
    """A button that saves `content`, or what it makes, as the file `name`; the page is not drawn again."""
    st.download_button(
        label, content, name, kind, icon=":material/download:", width="stretch", on_click="ignore", **options
    )


def take_network(result: Result, _: Translate) -> None:
    """An arm's first network as files; its int8 form is made and measured when somebody asks for it."""
    networks = result.networks()
    if not networks:
        st.caption(_("This result contains no networks; run it again to get them."))
        return
    default = result.verdict.arm if result.verdict.arm in networks else next(iter(networks))
    name = arm_choice(_("Network of"), list(networks), "export_arm", default, _)
    first = result.arm(name).trials[0]
    file = f"{name} seed {first.seed}"
    saved = files.file_name(result, file, "safetensors")
    download(_("Weights of the first trial (safetensors)"), lambda: named(networks[name], card(result, name)),
             saved, "application/octet-stream", key="safetensors")  # fmt: skip
    known = _is_known(networks[name])
    if known:
        download(
            _("The same as ONNX"), lambda: checked(result, name)[0], files.file_name(result, file, "onnx"),
            "application/octet-stream", key="onnx", disabled=not onnx.installed(),
        )  # fmt: skip
    download(_("All of it with a model card (zip)"), lambda: _bundle(result, name, known, _),
             files.file_name(result, file, "zip"), "application/zip", key="bundle")  # fmt: skip
    if result.measure == "errors":
        st.caption(
            _("{model}, seed {seed}: {errors} errors on {images} test images.", model=result.arm(name).model,
              seed=first.seed, errors=first.test_errors, images=f"{result.data.test:,}")
        )  # fmt: skip
    if not onnx.installed():
        st.caption(_("ONNX needs two further packages: `pip install -r requirements-onnx.txt`."))
    elif known and _has_images(result):
        _int8(result, name, file, _)


def _bundle(result: Result, arm: str, known: bool, _: Translate) -> bytes:
    """The zip: with ONNX where the network has that form, and what writes it is here."""
    return bundle(result, arm, checked(result, arm)[0] if known and onnx.installed() else None, _)


def _is_known(weights: bytes) -> bool:
    try:
        return bool(layers(weights))
    except Problem:
        return False


def _has_images(result: Result) -> bool:
    """Whether the images of its run are here, so that it can be measured on them."""
    try:
        return len(pixels.test_labels(result.data.name)) == result.data.test and result.measure == "errors"
    except Problem:
        return False


def _int8(result: Result, arm: str, file: str, _: Translate) -> None:
    job = measuring().started(result, arm)
    if job is None:
        st.button(_("Make it int8, and measure"), key="int8", icon=":material/speed:", width="stretch",
                  on_click=_measure, args=(result, arm),
                  help=_("Weights and activations in 8 bits: about a quarter of the size. Takes some seconds and "
                         "does not hold up the page."))  # fmt: skip
    elif not job.done():
        st.fragment(_waiting, run_every=0.7)(job, _)
    elif isinstance(problem := job.exception(), Problem):
        st.warning(_.escaped(problem.message))
    elif problem:
        st.warning(_("The network could not be measured; see the server's log for the reason."))
    else:
        _measured(result, job.result(), file, _)


def _measure(result: Result, arm: str) -> None:
    measuring().start(result, arm)


def _waiting(job: "Future[Exported]", _: Translate) -> None:
    st.caption("◐ " + _("Making int8 and measuring both …"))
    if job.done():
        st.rerun()


def _measured(result: Result, made: Exported, file: str, _: Translate) -> None:
    """float32 against int8, as measured on this server, and both as files."""
    large, small = made.of_float32, made.of_int8
    rows = [
        (_("errors on {images} test images", images=f"{large.images:,}"), f"{large.errors:,}", f"{small.errors:,}"),
        (_("bytes of the ONNX file"), f"{large.bytes:,}", f"{small.bytes:,}"),
        (_("latency of one image, ms"), f"{large.latency_ms:.3f}", f"{small.latency_ms:.3f}"),
    ]
    lines = ["| | float32 | int8 |\n|:--|--:|--:|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]
    with st.container(key="int8_table"):
        st.markdown("\n".join(lines))
    saved = files.file_name(result, f"{file} int8", "onnx")
    download(_("The network in int8 (ONNX)"), made.int8, saved, "application/octet-stream", key="int8_file")
    ratio = small.latency_ms / large.latency_ms
    share = f"{fixed(100 * ratio)} %"
    told = (
        _("Here int8 takes about as long as float32.") if within_noise(ratio) else
        _("Here int8 takes {share} of float32's time: it is slower, as it often is for small networks.",
          share=share)
        if ratio > 1 else _("Here int8 takes {share} of float32's time.", share=share)
    )  # fmt: skip
    st.caption(told)
    st.caption(
        _("Measured now on this server with ONNX Runtime, one thread, median of {passes} passes each, in turns; "
          "ranges from {images} training images. Its float32 logits differ from PyTorch's by {apart} at most.",
          passes=large.passes, images=made.ranges, apart=f"{made.apart:.1e}")
    )  # fmt: skip
