"""Rooms: one guess a device, changed until the answer is shown, closed after three hours, within limits."""

import sqlite3
import threading
from dataclasses import replace

import pytest

from kd_core.messages import Problem
from kd_core.runs import rooms as module
from kd_core.runs.rooms import LETTERS, OPEN_SECONDS, NoRoom, Question, Rooms
from kd_core.runs.store import Store

WORDS = {"yes": "Yes", "no": "No"}
FIRST = Question("talk 1", {"en": "Will it?", "zh": "会吗？"}, {"en": WORDS, "zh": {"yes": "会", "no": "不会"}})
SECOND = replace(FIRST, name="talk 2")


class Clock:
    """Seconds that pass when the test says so; a state that was read a second ago is read again."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def rooms(store, clock):
    return Rooms(store, clock)


@pytest.fixture
def code(rooms):
    found = rooms.open("speaker")
    rooms.show("speaker", FIRST)
    return found


def test_a_code_is_short_and_of_letters_that_look_like_no_other(rooms):
    codes = {rooms.open(f"speaker {n}") for n in range(10)}
    assert len(codes) == 10
    assert all(len(code) == 4 and set(code) <= set(LETTERS) for code in codes)
    assert not set("01IOLl") & set(LETTERS)


def test_a_speaker_has_one_room_and_finds_it_again(rooms, code):
    assert rooms.open("speaker") == rooms.of("speaker") == code
    assert rooms.of("somebody else") is None
    rooms.close("somebody else")
    assert rooms.of("speaker") == code
    rooms.close("speaker")
    assert rooms.of("speaker") is None
    with pytest.raises(NoRoom, match=code):
        rooms.state(code)


def test_a_device_guesses_once_and_may_change_it(rooms, code):
    for device, choice in [("a", "yes"), ("b", "no"), ("a", "yes"), ("a", "no")]:
        rooms.guess(code, FIRST.name, choice, device)
    state = rooms.state(code)
    assert (state.guesses, state.truth, state.tally) == (2, None, {})  # covered: how many, and not what
    assert state.words["zh"] == {"ask": "会吗？", "options": {"yes": "会", "no": "不会"}}
    assert rooms.guesses(code, "a") == {FIRST.name: "no"}
    assert rooms.guesses(code, "c") == {}
    rooms.show("speaker", FIRST, truth="yes")
    state = rooms.state(code)
    assert (state.guesses, state.truth, state.tally) == (2, "yes", {"no": 2})


def test_the_answer_ends_the_guesses_and_covered_again_they_go_on(rooms, code):
    rooms.guess(code, FIRST.name, "yes", "a")
    rooms.show("speaker", FIRST, truth="no")
    with pytest.raises(Problem, match="closed"):
        rooms.guess(code, FIRST.name, "no", "a")
    rooms.show("speaker", FIRST)
    rooms.guess(code, FIRST.name, "no", "a")
    assert rooms.guesses(code, "a") == {FIRST.name: "no"}


def test_each_question_has_guesses_of_its_own_and_between_them_there_are_none(rooms, code):
    rooms.guess(code, FIRST.name, "yes", "a")
    rooms.show("speaker", SECOND)
    assert rooms.state(code).guesses == 0
    with pytest.raises(Problem, match="closed"):
        rooms.guess(code, FIRST.name, "no", "a")
    rooms.guess(code, SECOND.name, "no", "a")
    rooms.show("speaker", None)
    state = rooms.state(code)
    assert (state.question, state.words, state.guesses) == (None, {}, 0)
    with pytest.raises(Problem, match="closed"):
        rooms.guess(code, SECOND.name, "no", "a")
    rooms.show("speaker", FIRST)
    assert rooms.state(code).guesses == 1
    assert rooms.guesses(code, "a") == {FIRST.name: "yes", SECOND.name: "no"}


@pytest.mark.parametrize("choice", ["maybe", "", "Yes", "x" * 80])
def test_what_is_no_choice_is_refused(rooms, code, choice):
    with pytest.raises(Problem, match="not one of the answers"):
        rooms.guess(code, FIRST.name, choice, "a")
    assert rooms.state(code).guesses == 0


@pytest.mark.parametrize("unknown", ["", "ZZZZ", "' OR 1=1", "字", "A" * 20])
def test_an_unknown_code_is_named(rooms, code, unknown):
    for ask in (lambda: rooms.state(unknown), lambda: rooms.guess(unknown, FIRST.name, "yes", "a")):
        with pytest.raises(NoRoom, match="no class with the code"):
            ask()


def test_a_room_closes_after_three_hours_and_is_deleted_with_the_next_that_opens(rooms, code, clock, file):
    rooms.guess(code, FIRST.name, "yes", "a")
    clock.now += OPEN_SECONDS
    for ask in (lambda: rooms.state(code), lambda: rooms.guess(code, FIRST.name, "no", "a")):
        with pytest.raises(NoRoom, match="three hours"):
            ask()
    assert rooms.of("speaker") is None
    other = rooms.open("somebody else")
    with sqlite3.connect(file) as raw:
        assert raw.execute("SELECT code FROM rooms").fetchall() == [(other,)]
        assert raw.execute("SELECT * FROM guesses").fetchall() == []
    raw.close()


def test_rooms_and_devices_are_limited(rooms, code, monkeypatch):
    monkeypatch.setattr(module, "OPEN_ROOMS", 2)
    monkeypatch.setattr(module, "DEVICES", 2)
    rooms.open("second")
    with pytest.raises(Problem, match="2 classes are open"):
        rooms.open("third")
    assert rooms.open("speaker") == code
    for device in ("a", "b"):
        rooms.guess(code, FIRST.name, "yes", device)
    with pytest.raises(Problem, match="2 devices have guessed"):
        rooms.guess(code, FIRST.name, "yes", "c")
    rooms.guess(code, FIRST.name, "no", "b")  # who has guessed may change it still
    assert rooms.state(code).guesses == 2


def test_two_servers_share_a_room_and_no_guess_is_lost_or_counted_twice(rooms, code, file, clock):
    there = Store(f"sqlite:///{file}")
    servers = [rooms, Rooms(there, clock)]

    def phone(number):
        for choice in ("yes", "no", "yes"):
            servers[number % 2].guess(code, FIRST.name, choice, f"device {number % 10}")

    phones = [threading.Thread(target=phone, args=(number,)) for number in range(20)]
    for each in phones:
        each.start()
    for each in phones:
        each.join()
    rooms.show("speaker", FIRST, truth="yes")
    assert [sum(server.state(code).tally.values()) for server in servers] == [10, 10]
    there.close()


def test_a_state_is_read_again_only_when_it_is_old_or_has_changed(rooms, code, clock):
    rooms.guess(code, FIRST.name, "yes", "a")
    state = rooms.state(code)
    assert rooms.state(code) is state  # nothing has changed
    rooms.show("speaker", FIRST)  # nor has by this
    assert rooms.state(code) is state
    rooms.guess(code, FIRST.name, "no", "a")
    assert rooms.state(code).version != state.version


def test_a_database_of_a_lab_without_rooms_gets_them(store, file):
    store.history()
    store.close()
    with sqlite3.connect(file) as raw:
        for table in ("rooms", "guesses"):
            raw.execute(f"DROP TABLE {table}")
    raw.close()
    assert Rooms(store).open("speaker")


def test_a_database_that_cannot_be_used_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    out_of_reach = Store(f"sqlite:///{tmp_path}/file/lab.db")
    with pytest.raises(Problem, match=r"lab\.db|Not a directory|File exists"):
        Rooms(out_of_reach).open("speaker")
