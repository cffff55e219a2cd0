"""Whether a person has moved the address: what was written and read, and when."""

from types import SimpleNamespace

import pytest

from app.controls import address


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(address, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def said(monkeypatch, clock):
    """What the address says."""
    said = {}
    monkeypatch.setattr(address, "st", SimpleNamespace(session_state={}, query_params=said))
    return said


def test_an_address_that_lags_is_told_from_one_that_a_person_moved(said, clock):
    assert not address.moved("t", "alpha")
    address.write("t", "8")
    assert said["t"] == "8"
    for earlier in ({}, {"t": "4"}):
        said.clear()
        said.update(earlier)
        assert not address.moved("t", "alpha")
        assert said["t"] == "8"  # and says again what was written
    clock.now += address.SETTLED_SECONDS
    del said["t"]
    assert address.moved("t", "alpha")
    assert "t" not in said
    assert not address.moved("t", "alpha")  # once


def test_what_is_written_again_or_read_is_not_waited_for(said, clock):
    address.write("t", "8")
    clock.now += address.SETTLED_SECONDS
    address.write("t", "8")
    for back in ("4", "2", "4"):  # as fast as they come
        said["t"] = back
        assert address.moved("t")
        address.write("t", back)
    address.write("t", None)
    said["t"] = "2"
    assert not address.moved("t")
    assert "t" not in said


def test_what_one_part_of_a_page_writes_holds_up_no_other(said):
    address.write("t", "8")
    said["lesson"] = "2"
    assert address.moved("lesson")
    said.update(lesson="3", t="4")
    assert not address.moved("lesson", "t")  # what is asked for together lags together
    assert said == {"lesson": "2", "t": "8"}


def test_another_page_begins_with_what_its_address_says(said):
    address.write("t", "8")
    address.begin()
    assert not address.is_known({"t": "8"})
    assert address.moved("t")
    assert address.is_known({"t": "8"})
