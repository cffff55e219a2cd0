"""What `assets/` carries for the meta-learning page: two networks that the browser adapts."""

from functools import cache
from typing import TypedDict

from app.results.bundled import asset


class Sinusoids(TypedDict):
    """Two recorded networks 1-40-40-1, and sinusoids to adapt them to.

    maml, joint: [W1, b1, W2, b2, W3, b3]; tasks: amplitude, phase and the x of the given points.
    """

    provenance: dict[str, str]
    maml: list[list[float] | list[list[float]]]
    joint: list[list[float] | list[list[float]]]
    inner_lr: float
    joint_lr: float
    tasks: list[dict[str, float | list[float]]]


@cache
def sinusoids() -> Sinusoids:
    """The two networks of the meta-learning page's live part, recorded by `make assets`."""
    found: Sinusoids = asset("recorded-sinusoid.json")
    return found
