"""What one server does for its visitors, read from the environment; each refusal is one clear sentence."""

import os
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kd_core.messages import N_, Problem
from kd_core.settings.base import Settings

NAMES = {
    "queue": "KD_MAX_QUEUE", "minutes": "KD_MAX_MINUTES", "images": "KD_MAX_IMAGES", "sessions": "KD_MAX_SESSIONS",
    "uploads": "KD_MAX_UPLOADS", "own_images": "KD_MAX_OWN_IMAGES", "own_each": "KD_MAX_OWN_EACH",
    "own_sets": "KD_MAX_OWN_SETS", "own_mb": "KD_MAX_OWN_MB",
}  # fmt: skip


class Limits(BaseModel):
    """queue: runs that may wait; minutes: of one run; images: that one run may train on, counted each time.

    sessions: pages that may be open at once; uploads: MB of uploaded files that are held at once. images = None: no
    limit, for the command line. own_images: of a data set that is sent; own_each: such sets of one person; own_sets
    and own_mb: of all people, and the MB that they take on disk.
    """

    model_config = ConfigDict(frozen=True)

    queue: int = Field(default=40, ge=1)
    minutes: float = Field(default=120.0, gt=0, allow_inf_nan=False)
    images: float | None = Field(default=100e6, gt=0, allow_inf_nan=False)
    sessions: int = Field(default=300, ge=1)
    uploads: float = Field(default=200.0, gt=0, allow_inf_nan=False)
    own_images: int = Field(default=70_000, ge=1)
    own_each: int = Field(default=5, ge=1)
    own_sets: int = Field(default=100, ge=1)
    own_mb: float = Field(default=2000.0, gt=0, allow_inf_nan=False)

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The limits that the environment sets, under NAMES. Raises Problem for one that is no number."""
        given = {field: environment[name] for field, name in NAMES.items() if environment.get(name)}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            field = str(error.errors()[0]["loc"][0])
            raise Problem(
                N_("{name} = {given} is not allowed; it must be a number above 0, or not be set."),
                name=NAMES[field], given=given[field][:40],
            ) from None  # fmt: skip

    def check_size(self, settings: Settings) -> None:
        """Raise Problem for a run that is too large for this server."""
        if self.images is not None and settings.effort > self.images:
            raise Problem(
                N_("This run would train on {n} images, and this server allows {limit} a run; choose fewer images, "
                   "epochs or seeds."),
                n=f"{settings.effort:,.0f}", limit=f"{self.images:,.0f}",
            )  # fmt: skip

    def check_queue(self, waiting: int) -> None:
        """Raise Problem where as many runs wait as may."""
        if waiting >= self.queue:
            raise Problem(N_("{n} runs are waiting here already; try again in a few minutes."), n=waiting)

    def check_own(self, mine: int, every: int, megabytes: float) -> None:
        """Raise Problem where one more data set would be too many: of this person, or of all that were sent."""
        if mine >= self.own_each:
            raise Problem(N_("You have as many data sets here as one person may ({n}); delete one first."), n=mine)
        if every >= self.own_sets or megabytes >= self.own_mb:
            raise Problem(N_("This server holds as many data sets as it may; ask whoever runs it to remove some."))
