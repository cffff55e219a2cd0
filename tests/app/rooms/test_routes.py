"""What a request says of its sender: language, code, device. The routes themselves: tests/browser/test_class.py."""

import pytest
from starlette.requests import Request

from app.rooms.routes import code_of, device_of, language_of
from app.runs.visitor import COOKIE


def asked(code="K7QX", query="", **headers):
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {"type": "http", "path_params": {"code": code}, "query_string": query.encode(), "headers": named}
    )


@pytest.mark.parametrize(("liked", "language"), [
    ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-GB,en;q=0.9,zh;q=0.8", "en"),
    ("de,fr;q=0.9,zh-TW;q=0.3,en;q=0.2", "zh"),
    ("de", "en"), ("", "en"), ("*", "en"), ("en;q=0.1, zh;q=0.2", "zh"), ("zh;q=x", "zh"), (";;,,=", "en"),
])  # fmt: skip
def test_the_language_is_the_one_that_the_phone_likes_best_until_it_is_switched(liked, language):
    assert language_of(asked(accept_language=liked)) == language
    assert language_of(asked(query="lang=zh", accept_language=liked)) == "zh"
    assert language_of(asked(query="lang=xx", accept_language=liked)) == language


@pytest.mark.parametrize(("typed", "code"), [("k7qx", "K7QX"), (" K7qX ", "K7QX"), ("x" * 500, "X" * 20)])
def test_a_code_may_be_typed_in_small_letters(typed, code):
    assert code_of(asked(typed)) == code


def test_a_device_has_another_name_in_each_room_and_none_without_a_cookie():
    one, other = (f"{COOKIE}={letter * 32}" for letter in "ab")
    assert device_of(asked(cookie=one)) == device_of(asked(cookie=one))
    assert (
        len({device_of(asked(cookie=one)), device_of(asked(cookie=other)), device_of(asked("MMMM", cookie=one))})
        == 3
    )
    assert device_of(asked()) is device_of(asked(cookie=f"{COOKIE}=short")) is None
