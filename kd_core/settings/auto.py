"""What "auto" stands for, settled in one place: settings and what a machine can do, in; concrete settings, out.

What it can do is found out where torch is (`nn.hardware.this_machine`). No torch here.
"""

from dataclasses import dataclass
from typing import TypeVar

from kd_core.messages import N_, Problem
from kd_core.settings.base import Settings

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Machine:
    """devices: those that there are, the fastest first; bfloat16: those of them that multiply it natively.

    compiled: whether the compiled convolutions are there. By default a plain processor.
    """

    devices: tuple[str, ...] = ("cpu",)
    bfloat16: tuple[str, ...] = ()
    compiled: bool = False


def resolved(settings: S, machine: Machine) -> S:
    """The same settings with what each "auto" stands for on `machine`; those without are left as they are.

    The device is the fastest. The precision is bfloat16 where the device multiplies it natively, else float32;
    and float32 where the article's networks do most of the work on a processor that has the compiled pass.
    """
    asked = settings.model_dump()
    device = asked.get("device", "cpu")
    device = machine.devices[0] if device == "auto" else device
    by_pass = device == "cpu" and machine.compiled and settings.convolves
    precision = "bfloat16" if device in machine.bfloat16 and not by_pass else "float32"
    meant = {"device": device, "precision": precision}
    return settings.model_copy(update={name: to for name, to in meant.items() if asked.get(name) == "auto"})


def require_device(settings: Settings, machine: Machine) -> None:
    """Raise Problem where `machine` lacks the device of these resolved settings."""
    device = settings.model_dump().get("device", "cpu")
    if device not in machine.devices:
        raise Problem(N_("The device {device} is not present on this machine; choose auto or cpu."), device=device)
