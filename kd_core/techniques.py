"""The techniques of the lab: the one list of their names, and what is known of each. No torch here.

A new technique is a name in `NAMES`, the folders `kd_core/<name>/` and `app/<name>/`, and `pages/<name>.py`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TypeVar

from kd_core.messages import N_, Scalar
from kd_core.settings.base import Preset, Settings

SettingsT = TypeVar("SettingsT", bound=Settings)

NAMES = ("distillation", "transfer", "multitask", "meta_learning")


@dataclass(frozen=True)
class Command:
    """A subcommand of a technique's own.

    module: has `offer(parser)`, which gives the parser its arguments, `check(options)`, which raises Problem for
    what was asked wrongly, and `carry_out(options)`, which does it and returns the exit status.
    """

    name: str
    summary: str
    module: str


@dataclass(frozen=True)
class SweepPreset:
    """A sweep worth making. help: what it asks; axes, settings and trials as `Plan.read` takes them."""

    label: str
    help: str
    axes: tuple[str, ...]
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    trials: int = 0


@dataclass(frozen=True)
class Technique:
    """What the lab knows of one way to move knowledge; `kd_core/<name>/technique.py` describes it.

    name: of its folders, its page and its runs; title: as a person reads it, to be translated.
    command, summary: its subcommand of `python -m kd_core`, and what that does.
    answers: the sentences in which a run answers its question, (arm better, arm worse), one pair a question.
    main_arms: the arms that a run's question is about (of several tasks one each), by its settings and the fields
    that a sweep varies.
    task_fields: settings that make another task of it: errors on another task measure something else.
    sample_fields: settings that decide which images, or tasks, a seed draws.
    counts: what the horizontal axis of its curves counts. commands: its own subcommands. sweeps: sweeps worth
    making. task: all settings and the name of the images -> what is measured on which images, the same for runs
    that may be compared; by default the images and the values of `task_fields`.
    quick: the most that a quick look takes of some fields, for a first answer in half the time or less; empty for a
    technique without one. presets: named starting points, in groups; a name stands once among all of them.
    """

    name: str
    title: str
    command: str
    summary: str
    settings: type[Settings]
    answers: tuple[tuple[str, str], ...]
    main_arms: Callable[[Mapping[str, Scalar], Collection[str]], tuple[str, ...]]
    task_fields: tuple[str, ...]
    sample_fields: tuple[str, ...]
    counts: str = N_("epoch")
    commands: tuple[Command, ...] = ()
    sweeps: Mapping[str, SweepPreset] = field(default_factory=dict)
    task: Callable[[Mapping[str, Scalar], str], tuple[Scalar, ...]] | None = None
    quick: Mapping[str, float] = field(default_factory=dict)
    presets: tuple[Mapping[str, Preset], ...] = ()

    def quickly(self, settings: SettingsT) -> SettingsT:
        """The same settings with no more of anything than a quick look takes."""
        values = settings.model_dump()
        return settings.model_copy(update={name: min(values[name], most) for name, most in self.quick.items()})

    def is_quick(self, settings: Mapping[str, Scalar]) -> bool:
        """Whether a run of these settings is no more than a quick look."""
        return bool(self.quick) and all(float(settings[name]) <= most for name, most in self.quick.items())

    def preset(self, settings: Settings) -> str | None:
        """The name of the preset that sets exactly this."""
        named = ((name, preset) for group in self.presets for name, preset in group.items())
        return next((name for name, preset in named if self.settings.parse(preset.values) == settings), None)

    def group(self, settings: Mapping[str, Scalar], images: str) -> tuple[Scalar, ...]:
        """What runs of these settings measure: equal for those that may be compared.

        A field that `settings` lack, since it was added after the run, is at its default.
        """
        whole = {name: settings.get(name, spec.default) for name, spec in self.settings.specs().items()}
        if self.task:
            return self.name, *self.task(whole, images)
        return self.name, images, *(whole[name] for name in self.task_fields)


@cache
def _described(name: str) -> Technique:
    found: Technique = import_module(f"kd_core.{name}.technique").TECHNIQUE
    return found


class _Registry(Mapping[str, Technique]):
    """Name -> Technique, in the order of `NAMES`; each is imported when it is first asked for."""

    def __getitem__(self, name: str) -> Technique:
        if name not in NAMES:
            raise KeyError(f"there is no technique {name!r}; there are {NAMES}")
        return _described(name)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


TECHNIQUES = _Registry()


def title(name: str) -> str:
    """A technique's title, to be translated; its name where the lab does not know it."""
    return TECHNIQUES[name].title if name in TECHNIQUES else name
