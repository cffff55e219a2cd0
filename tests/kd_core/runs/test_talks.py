"""Where a talk stands: one place for both windows, a clock of the server's, and an end."""

import pytest

from kd_core.messages import Problem
from kd_core.runs import talks as talks_module
from kd_core.runs.store import Store
from kd_core.runs.talks import KEPT_SECONDS, PAUSE_SECONDS, NoTalk, Place, Talks


class Clock:
    now = 1000.0


@pytest.fixture
def stores(tmp_path):
    """Two servers' stores of one database."""
    made = [Store(f"sqlite:///{tmp_path / 'lab.db'}") for _server in range(2)]
    yield made
    for store in made:
        store.close()


@pytest.fixture
def two(stores):
    return [Talks(store, lambda: Clock.now) for store in stores]


def test_both_windows_read_what_the_latest_has_written_also_at_two_servers(two):
    here, there = two
    key = here.open("ann")
    assert there.open("ann") == there.of("ann") == key
    assert here.open("bob") != key
    assert there.place(key) == Place("", 0, [], 0, None)
    here.turn(key, "distillation", 0, [])
    assert there.turn(key, "distillation", 2, [1, 0, 1]).revealed == [0, 1]
    found = here.place(key)
    assert (found.technique, found.at, found.revealed, found.changes) == ("distillation", 2, [0, 1], 2)
    assert here.turn(key, "distillation", 2, [0, 1]) == found  # nothing new


def test_the_clock_begins_with_the_first_turn_and_anew_when_asked(two, monkeypatch):
    talks = two[0]
    monkeypatch.setattr(Clock, "now", 1000.0)
    key = talks.open("ann")
    assert talks.turn(key, "distillation", 0, []).elapsed is None  # the projector says where it is
    Clock.now += 60
    assert talks.turn(key, "distillation", 1, []).elapsed == 0.0
    Clock.now += 30
    assert talks.place(key).elapsed == 30.0
    assert talks.turn(key, "distillation", 1, [], clock=True).elapsed == 0.0
    Clock.now += 30
    now = talks.turn(key, "", 0, [], clock=True)
    assert (now.technique, now.at, now.elapsed) == ("distillation", 1, 0.0)  # the clock alone
    Clock.now += PAUSE_SECONDS + 1
    assert talks.place(key).elapsed is None  # a talk given hours later begins at 0
    assert talks.turn(key, "distillation", 2, []).elapsed == 0.0


def test_a_talk_ends_half_a_day_after_its_last_turn_and_there_are_not_too_many(two, monkeypatch):
    talks = two[0]
    monkeypatch.setattr(Clock, "now", 1000.0)
    monkeypatch.setattr(talks_module, "OPEN_TALKS", 2)
    key = talks.open("ann")
    talks.open("bob")
    with pytest.raises(Problem, match="2 talks are open"):
        talks.open("carol")
    Clock.now += KEPT_SECONDS
    with pytest.raises(NoTalk):
        talks.place(key)
    with pytest.raises(NoTalk):
        talks.turn("nothing", "distillation", 0, [])
    assert talks.of("ann") is None
    assert talks.open("ann") != key
    assert talks.open("carol")


def test_without_a_database_it_is_one_sentence():
    with pytest.raises(Problem, match="not kept at present"):
        Talks(Store("sqlite:////proc/nowhere/lab.db")).open("ann")
