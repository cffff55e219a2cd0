"""Pages poll at a pace that keeps the server free, however many there are."""

import app.runs.pace as module
from app.runs.pace import FASTEST, SLOWEST, TOGETHER, Pace


def test_the_more_pages_poll_the_less_often_each_does(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    pace = Pace()
    assert pace.seconds("0") == FASTEST
    paces = [pace.seconds(str(n)) for n in range(200)]
    assert paces == sorted(paces)
    for n in (10, 20, 30, 45):
        assert (n + 1) / paces[n] <= TOGETHER
    assert paces[-1] == SLOWEST
    assert pace.seconds("0") == SLOWEST
    now[0] += module.FORGOTTEN_SECONDS + 1
    assert pace.seconds("0") == FASTEST  # the others have gone
