"""Data sets of one's own: who may send one, what is said of each, adding and deleting.

What somebody sends is theirs alone: others neither see nor use it. What the command line added is everybody's.
"""

import re
import threading
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.controls.address import page_link
from app.i18n.text import Translate
from app.results.brought import look
from app.rooms.address import is_loopback
from app.runs.server import limits
from app.runs.visitor import account, sign_in, sign_in_needed, visitor
from app.shell.limits import NO_ROOM, uploads_fit
from kd_core.data import own
from kd_core.data.own.adding import add_upload
from kd_core.data.own.bounds import LEAST_CLASSES, MOST_CLASSES, UPLOAD
from kd_core.data.own.images import Form
from kd_core.data.own.kept import quota, uploaded
from kd_core.messages import N_, Message, Problem

ASKED = "data_asked"  # in the session: Add was pressed
ADDED = "data_added"  # in the session: the name of the set that was added last
FORMS: dict[Form, str] = {"as_is": N_("As they are, made 28 x 28"), "pad": N_("Centred, as a drawn digit is")}
INVERT = {"auto": N_("Where “centred” needs it"), "yes": N_("All"), "no": N_("None")}
_one_at_a_time = threading.Lock()  # reading takes up to half a GB


def may_send() -> bool:
    """Whether this person may send images: they are signed in, or the server and they are on one computer."""
    if account() is not None:
        return not sign_in_needed()
    asked = urlsplit(str(st.context.url or "")).hostname  # as the browser says: so a web server in front counts too
    is_direct = "X-Forwarded-Proto" not in st.context.headers
    return is_direct and is_loopback(str(st.get_option("server.address") or "0.0.0.0")) and is_loopback(asked)


def listed(_: Translate) -> None:
    """The sets that this person may see, each with a look at it, what is said of it, and the ways on."""
    person = visitor()
    there = own.usable_by(person)
    for known in there:
        with st.container(border=True, key=f"set_{known.name}"):
            _one(known, person, _)
    if not there:
        st.info(_("There are no data sets yet. The lab's own digits are always there."))


def _one(known: own.OwnData, person: str, _: Translate) -> None:
    st.subheader(known.name, anchor=False)
    look(known, _)
    for notice in known.notices:
        st.warning(_.escaped(notice))
    if known.said:
        st.caption(" ".join(_.escaped(said) for said in known.said))
    with st.container(horizontal=True, vertical_alignment="center"):
        page_link("distillation", _("Distil on it"), {"dataset": known.name}, icon=":material/arrow_forward:",
                  width="content")  # fmt: skip
        page_link("transfer", _("Transfer to it"), {"dataset": known.name}, icon=":material/arrow_forward:",
                  width="content")  # fmt: skip
        if known.owner == person:
            with st.popover(_("Delete"), icon=":material/delete:"):
                st.markdown(_("Its images and the teachers trained on it are deleted for good; results of runs "
                              "stay, as numbers."))  # fmt: skip
                st.button(_("Delete this data set"), key=f"delete_{known.name}", on_click=_delete,
                          args=(known.name,))  # fmt: skip
        else:
            st.caption(_("Added by whoever runs this server; everybody here sees it."))


def _delete(name: str) -> None:
    """Delete a set, if it is theirs: a browser can be made to send anything."""
    try:
        if own.describe(name).owner == visitor():
            own.remove(name)
    except Problem as problem:
        st.session_state["data_problem"] = problem.message


def add_one(_: Translate) -> None:
    """The form to add a set, or why it is not offered."""
    st.subheader(_("Add a data set"), anchor=False)
    problem: Message | None = st.session_state.pop("data_problem", None)
    if problem:
        st.error(_.escaped(problem))
    if not may_send():
        _not_offered(_)
        return
    round_ = st.session_state.setdefault("data_round", 0)  # another one has an empty file field
    if st.session_state.get(f"data_file_{round_}") is None and not uploads_fit():
        st.info(_(NO_ROOM))
        return
    file = st.file_uploader(_("Images as .npz or .zip"), type=["npz", "zip"], key=f"data_file_{round_}",
                            max_upload_size=UPLOAD.file // 10**6)  # fmt: skip
    allowed = limits()[0]
    st.caption(
        _("At most {mb} MB, {images} images and {least} to {most} classes. It is seen by you alone and kept until "
          "you delete it; you have {n} of {each}.", mb=UPLOAD.file // 10**6, images=f"{allowed.own_images:,}",
          least=LEAST_CLASSES, most=MOST_CLASSES, n=len(uploaded(visitor())), each=allowed.own_each)
    )  # fmt: skip
    proposed = _slug(file.name) if file else ""
    name = st.text_input(_("Name"), key=f"data_name_{round_}", placeholder=proposed or None, max_chars=30,
                         help=_("a–z, 0–9, - and _; it becomes part of addresses. Without one, the file's is "
                                "taken.")) or proposed  # fmt: skip
    with st.expander(_("More")):
        form = st.radio(_("Images"), list(FORMS), format_func=lambda one: _(FORMS[one]), key="data_form",
                        help=_("MNIST's digits are centred: the longer side 20 pixels, the centre of mass in the "
                               "middle. Choose it for what is drawn or written on an even ground."))  # fmt: skip
        invert = st.radio(_("Invert (white becomes black)"), list(INVERT), format_func=lambda one: _(INVERT[one]),
                          key="data_invert", horizontal=True)  # fmt: skip
        classes = st.text_input(_("Names of the classes"), key=f"data_classes_{round_}",
                                help=_("With commas between them, in the order of their numbers; folders have "
                                       "theirs."))  # fmt: skip
        seed = st.number_input(_("Seed"), 0, 9999, 0, key="data_seed",
                               help=_("By which splits are drawn that the file does not have."))  # fmt: skip
    st.button(_("Add"), type="primary", key="data_add", disabled=file is None, on_click=_ask)
    if st.session_state.pop(ASKED, False) and file is not None:
        given = tuple(classes.split(",")) if classes else ()
        _take(file, name, form, {"auto": None, "yes": True, "no": False}[invert], given, int(seed), _)


def _ask() -> None:
    st.session_state[ASKED] = True


def _take(
    file: UploadedFile,
    name: str,
    form: Form,
    invert: bool | None,
    classes: tuple[str, ...],
    seed: int,
    _: Translate,
) -> None:
    """Read what was sent and keep it; what is wrong with it is said here."""
    allowed, person = limits()[0], visitor()
    bar = st.progress(0.0, _("The images are being read …"))
    try:
        with _one_at_a_time:
            allowed.check_own(*quota(person))
            known = add_upload(
                file.name, file.getvalue(), name, person, images=allowed.own_images, seed=seed, form=form,
                invert=invert, classes=classes, told=lambda done: bar.progress(min(1.0, done)),
            )  # fmt: skip
    except Problem as problem:
        bar.empty()
        st.error(_.escaped(problem.message))
        return
    st.session_state[ADDED] = known.name
    st.session_state["data_round"] += 1
    st.rerun()


def _not_offered(_: Translate) -> None:
    if sign_in_needed():
        st.caption(_("Sign in to add images of your own: they are seen by you alone."))
        st.button(_("Sign in"), key="sign_in_data", icon=":material/login:", on_click=sign_in)
        return
    st.info(_("This server takes no images from visitors: it has no sign-in, so it could not keep them apart. Run "
              "the lab on your own computer, or ask whoever runs this server to add them with python -m kd_core "
              "data add FILE --name NAME."))  # fmt: skip


def added(_: Translate) -> None:
    """That a set was added, said once."""
    name = st.session_state.pop(ADDED, None)
    if name:
        st.success(_("{name} is added. Read what is said of it below, then distil on it.", name=name))


def forms(_: Translate) -> None:
    """The forms in which images can come, a line each."""
    with st.expander(_("Which files can be read"), icon=":material/folder_zip:", key="data_forms"):
        st.markdown(
            _("- **Keras's .npz**: arrays x_train [N, height, width], y_train [N], x_test, y_test; by choice "
              "x_val, y_val and class_names.\n"
              "- **MedMNIST's .npz**: train_images, train_labels, val_images, val_labels, test_images, "
              "test_labels.\n"
              "- **The IDX files of MNIST's relatives** in a .zip, as train-images-idx3-ubyte.gz.\n"
              "- **A .zip with a folder of images for each class**, cats/1.png, dogs/1.png; these folders may "
              "stand in folders train, validation and test.")
        )  # fmt: skip
        st.markdown(_("Splits that the file has are kept; others are drawn, class by class. Colour becomes grey. "
                      "On your own computer, python -m kd_core data add also reads plain folders, and knows uci, "
                      "fashion-mnist, kmnist and emnist-letters by name."))  # fmt: skip
        st.code("import numpy as np\n"
                "np.savez_compressed('mine.npz', x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)",
                language="python")  # fmt: skip


def _slug(file: str) -> str:
    """A name for a set, made of a file's."""
    return re.sub(r"[^a-z0-9_-]+", "-", Path(file).stem.lower()).strip("-_")[:30]
