"""How many requests a second are answered: a burst, then a steady rate, each device for itself."""

from app.rooms import rate
from app.rooms.rate import Rate


def test_a_burst_is_allowed_and_then_so_many_a_second():
    now = [0.0]
    limit = Rate(per_second=2, burst=5, now=lambda: now[0])
    assert [limit.allows("a") for _ in range(7)] == [True] * 5 + [False] * 2
    assert limit.allows("b")
    now[0] = 1.0
    assert [limit.allows("a") for _ in range(3)] == [True, True, False]
    now[0] = 1_000.0
    assert sum(limit.allows("a") for _ in range(20)) == 5  # what is not asked for is not saved up


def test_who_has_not_asked_for_long_is_forgotten(monkeypatch):
    monkeypatch.setattr(rate, "REMEMBERED", 10)
    now = [0.0]
    limit = Rate(per_second=1, burst=2, now=lambda: now[0])
    for number in range(100):
        now[0] += 1.0
        limit.allows(str(number))
    assert len(limit._left) <= 10
