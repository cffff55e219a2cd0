"""Where phones find a room: the address that the speaker's browser used, and what a phone cannot reach."""

import pytest

from app.rooms.address import is_loopback, qr_code, room_address


@pytest.fixture
def options(monkeypatch):
    """Set options of the server, as `make app HOST=…` does."""
    import streamlit as st

    chosen = {"server.address": "127.0.0.1"}
    monkeypatch.setattr(st, "get_option", chosen.get)
    return chosen


@pytest.mark.parametrize(("seen", "address"), [
    ("http://127.0.0.1:8501/distillation", "http://127.0.0.1:8501/c/K7QX"),
    ("http://192.168.1.20:8501/distillation", "http://192.168.1.20:8501/c/K7QX"),
    ("https://lab.example/transfer", "https://lab.example/c/K7QX"),
    ("http://[fd00::7]:8501/transfer", "http://[fd00::7]:8501/c/K7QX"),
])  # fmt: skip
def test_it_is_built_from_what_the_browser_used(options, seen, address):
    assert room_address("K7QX", seen) == address


def test_a_base_path_belongs_to_it(options):
    options["server.baseUrlPath"] = "/lab/"
    assert room_address("K7QX", "https://school.example/lab/transfer") == "https://school.example/lab/c/K7QX"


def test_a_speaker_who_came_by_loopback_is_given_the_address_that_others_use(options):
    options |= {"server.address": "0.0.0.0", "browser.serverAddress": "192.168.1.20"}
    assert room_address("K7QX", "http://127.0.0.1:8501/distillation") == "http://192.168.1.20:8501/c/K7QX"
    assert room_address("K7QX", "http://10.0.0.9:8501/distillation") == "http://10.0.0.9:8501/c/K7QX"
    options["browser.serverAddress"] = "localhost"  # Streamlit's default: nobody was told another
    assert room_address("K7QX", "http://localhost:8501/distillation") == "http://localhost:8501/c/K7QX"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.3", "::1", "LOCALHOST.", None, ""])
def test_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.168.1.20", "lab.example", "fd00::7", "0.0.0.0"])
def test_not_loopback(host):
    assert not is_loopback(host)


def test_a_qr_code_is_an_image_without_any_request():
    assert qr_code("http://192.168.1.20:8501/c/K7QX").startswith("data:image/svg+xml")
