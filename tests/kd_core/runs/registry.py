"""A technique of the tests among the lab's own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from kd_core import techniques
from kd_core.settings.base import Settings


@contextmanager
def registered(settings: type[Settings], *main_arms: str) -> Iterator[None]:
    """While it lasts, the lab knows the technique of these settings."""
    name, others = settings.technique, techniques.NAMES
    described = techniques.Technique(
        name=name, title=name, command=name, summary=name, settings=settings, answers=(),
        main_arms=lambda _settings, _varied: main_arms, task_fields=(), sample_fields=(),
    )  # fmt: skip
    module = f"kd_core.{name}.technique"
    sys.modules[module], techniques.NAMES = SimpleNamespace(TECHNIQUE=described), (*others, name)
    yield
    del sys.modules[module]
    techniques.NAMES = others
