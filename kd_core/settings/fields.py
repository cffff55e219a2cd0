"""Fields of Settings: their metadata (range, step, unit, label, help), and how a value is written as text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from kd_core.messages import N_, Message, Scalar, message

if TYPE_CHECKING:
    from kd_core.settings.base import Settings


def field(
    default: Scalar,
    *,
    label: str,
    help: str,
    symbol: str = "",
    unit: str = "",
    ge: float | None = None,
    le: float | None = None,
    step: float | None = None,
    log: bool = False,
    more: bool | str = False,
    later: bool = False,
    choices: Mapping[str, str] | None = None,
    marks: Mapping[float, str] | None = None,
    open: bool = False,
) -> Any:
    """A field with what a control, a parser and a reader need to know of it.

    log: its range spans orders of magnitude, so it is typed, not slid; more: kept behind "More", under this
    heading where one is given.
    later: added later: omitted from the hash at its default, so that stored results still match; the default must
    mean "as before".
    choices: value -> label, for a `Literal` field. open: a string that may have other values
    too, names that differ from machine to machine. marks: value -> what it means (or ""), for a slider that
    stops at these values only; any other allowed value is still valid.
    """
    extra: dict[str, Any] = dict(symbol=symbol, unit=unit, step=step, log=log, later=later, open=open)
    extra |= {"more": bool(more), "group": more if isinstance(more, str) else ""}
    extra |= {"choices": dict(choices or {}), "marks": {str(at): text for at, text in (marks or {}).items()}}
    return Field(default, ge=ge, le=le, title=label, description=help, json_schema_extra=extra)


@dataclass(frozen=True)
class Spec:
    """What is known of one field: read off the Settings class `owner` by its `specs`."""

    owner: "type[Settings]"
    name: str
    kind: type
    default: Scalar
    label: str
    help: str
    symbol: str
    unit: str
    low: float | None
    high: float | None
    step: float | None
    log: bool
    more: bool
    group: str
    later: bool
    open: bool
    choices: Mapping[str, str]
    marks: Mapping[str, str]

    @property
    def allowed(self) -> Message:
        """The values allowed, as a person writes them: "0.5 to 50" or "all, same"."""
        if self.open:
            return message("{choices}, or the name of a data set that is kept on this computer",
                           choices=", ".join(self.choices))  # fmt: skip
        if self.choices:
            return message("one of {choices}", choices=", ".join(self.choices))
        if self.kind is bool:
            return message("one of {choices}", choices="true, false")
        low, high = written(self.low), written(self.high)
        if self.kind is int:
            return message("a whole number from {low} to {high}", low=low, high=high)
        return message("{low} to {high}", low=low, high=high)

    def written(self, value: Scalar) -> str:
        """A value as a person reads it, to be translated: a choice's label, "on", 0.5."""
        if self.choices:
            return self.choices.get(str(value), str(value))
        if isinstance(value, bool):
            return N_("on") if value else N_("off")
        return written(value)


def written(value: Scalar | None) -> str:
    """A value as people, the address and the command line write it: 8, 0.5, 0.555, 1e-05, true, mlp300.

    A number is written whole: read again, it is the same.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)
