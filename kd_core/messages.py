"""Sentences that a person will read, kept apart from their values so that they can be translated."""

from typing import Any

from pydantic import BaseModel, ConfigDict

Scalar = bool | int | float | str


def N_(text: str) -> str:
    """Mark `text` for translation and return it unchanged; `app/` translates it when it is shown."""
    return text


class Message(BaseModel):
    """A sentence with named holes and the values that fill them: `str(message)` is the English."""

    model_config = ConfigDict(frozen=True)

    text: str
    values: "dict[str, Scalar | Message]" = {}

    def __str__(self) -> str:
        return self.text.format(**self.values)


def message(text: str, **values: Scalar | Message) -> Message:
    """A `Message`; the literal `text` is collected for translation."""
    return Message(text=text, values=values)


class Problem(ValueError):
    """Something a person can put right: what happened and what to do, as one translatable sentence.

    Raised for bad settings, bad data and runs that cannot go on. It survives pickling, since it
    travels from a worker to the page.
    """

    def __init__(self, text: str, **values: Scalar | Message) -> None:
        self.message = message(text, **values)
        super().__init__(str(self.message))

    def __reduce__(self) -> tuple[Any, ...]:
        return _problem, (self.message.text, dict(self.message.values))


def _problem(text: str, values: dict[str, Scalar | Message]) -> Problem:
    return Problem(text, **values)
