"""The page of one's own data: sending, being told, seeing, deleting; nobody else's, and not on a server for all."""

from pathlib import Path

import pytest
import streamlit as st

from app.own_data import page
from app.runs import server
from kd_core.data import own
from kd_core.data.own.adding import add_upload
from tests.kd_core.data.own.making import folders, keras, noise, zipped
from tests.pages import open_page, texts

PAGE = "pages/data.py"
GOOD = keras({"train": noise(3, 40), "test": noise(3, 10, seed=1)})


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(page, "visitor", lambda: "ada")


def send(at, name: str, content: bytes, called: str = ""):
    round_ = at.session_state["data_round"]
    sent = (name, content, "application/octet-stream")
    at.file_uploader(key=f"data_file_{round_}").set_value(sent).run()
    at.file_uploader(key=f"data_file_{round_}").set_value(sent)  # which AppTest forgets with each run
    if called:
        at.text_input(key=f"data_name_{round_}").set_value(called)
    at.button(key="data_add").click().run()
    assert not at.exception
    return at


def test_a_set_is_sent_seen_said_and_deleted():
    at = open_page(PAGE)
    assert "There are no data sets yet" in texts(at)
    send(at, "My Cats.npz", GOOD)
    assert own.visible_to("ada") == ("my-cats",)
    assert own.visible_to("bob") == ()
    said = texts(at)
    assert "my-cats is added" in at.success[0].value
    assert "3 classes; 108 training, 12 validation and 30 test images" in said
    assert "one image more or less is 3.3 points" in said
    assert "12 images were drawn from the training images" in said
    assert "you have 1 of 5" in said
    at.button(key="delete_my-cats").click().run()
    assert own.names() == ()
    assert "There are no data sets yet" in texts(at)


def test_what_is_wrong_is_one_sentence_and_the_form_stays():
    at = send(open_page(PAGE, lang="zh"), "a.zip", b"nonsense")
    assert [error.value for error in at.error]
    assert own.names() == ()
    at = send(open_page(PAGE), "a.zip", zipped(folders({"train": noise(2, 4)}, ("*a*", "[b](c)"), False)))
    assert own.describe("a").classes == ("*a*", "[b](c)")
    assert "Few training images: \\*a\\* \\(2\\), \\[b" in "".join(part.value for part in at.warning)
    send(at, "b.npz", GOOD, "a")
    assert "There is a data set called a already" in at.error[0].value


def test_each_sees_their_own_and_what_the_command_line_added(monkeypatch):
    own.add("uci", "uci")
    add_upload("a.npz", GOOD, "bobs", "bob")
    at = open_page(PAGE)
    assert [part.value for part in at.subheader] == ["uci", "Add a data set"]
    assert "everybody here sees it" in texts(at)
    page._delete("bobs")  # as a forged message might ask
    page._delete("uci")
    assert own.names() == ("bobs", "uci")


def test_quotas_of_a_person_and_of_the_server(monkeypatch):
    limits = server.limits()[0]
    monkeypatch.setattr(page, "limits", lambda: (limits.model_copy(update={"own_each": 1}), None))
    at = send(open_page(PAGE), "a.npz", GOOD)
    send(at, "b.npz", GOOD)
    assert "as many data sets here as one person may (1)" in at.error[0].value
    monkeypatch.setattr(page, "limits", lambda: (limits.model_copy(update={"own_mb": 0.1}), None))
    send(at, "b.npz", GOOD)
    assert "This server holds as many data sets as it may" in at.error[0].value
    monkeypatch.setattr(page, "limits", lambda: (limits.model_copy(update={"own_images": 100}), None))
    send(at, "b.npz", GOOD)
    assert "The number of images is 120; at most 100 are" in at.error[0].value
    assert own.names() == ("a",)


@pytest.mark.parametrize(
    ("address", "asked", "account", "may"),
    [("127.0.0.1", "http://localhost:8501/data", None, True),
     ("127.0.0.1", "https://lab.example/data", None, False),  # behind a web server
     ("127.0.0.1", "http://localhost/forwarded", None, False),  # behind one, by a browser that says what it likes
     ("0.0.0.0", "http://localhost:8501/data", None, False),
     ("0.0.0.0", "https://lab.example/data", "Ada", True),
     ("127.0.0.1", "http://localhost:8501/data", "", False)],
)  # fmt: skip
def test_only_the_signed_in_or_who_sits_at_the_server_may_send(monkeypatch, address, asked, account, may):
    headers = {"X-Forwarded-Proto": "http"} if "forwarded" in asked else {}
    monkeypatch.setattr(page, "account", lambda: account)
    monkeypatch.setattr(page, "sign_in_needed", lambda: account == "")
    monkeypatch.setattr(st, "get_option", lambda _name: address)
    monkeypatch.setattr(page.st, "context", type("Context", (), {"url": asked, "headers": headers}))
    assert page.may_send() is may


def test_a_server_for_all_says_how_else(monkeypatch):
    monkeypatch.setattr(page, "may_send", lambda: False)
    assert "This server takes no images from visitors" in texts(open_page(PAGE))
