"""What queue, workers and pages know of stored runs; apart from the store, whose database takes long to import."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from kd_core.messages import Message, Scalar
from kd_core.results.schema import Provenance

State = Literal["queued", "running", "finished", "stopped", "failed", "interrupted"]

BEAT_SECONDS = 3.0  # how often a server says that its runs go on
UNDER_WAY = ("queued", "running")
OF_MAP = "map-"  # before the owner of a map's runs, so that they are not counted as that person's one run


@dataclass(frozen=True)
class Entry:
    """One run as the history lists it. settings: as they were asked, or resolved once it is finished.

    validation: arm -> mean errors per 10,000 validation images (or the loss) at the end. verdict: the sentence.
    owner: who started it, "" where that is not known; name, note: what they call it; plan: of the map that it is a
    cell of.
    """

    id: str
    technique: str
    settings: Mapping[str, Scalar]
    state: State
    origin: str
    created: datetime
    seconds: float | None
    data: str | None
    verdict: Message | None
    validation: Mapping[str, float]
    problem: Message | None
    owner: str = ""
    name: str = ""
    note: str = ""
    plan: Mapping[str, Any] | None = None

    @property
    def under_way(self) -> bool:
        """Whether it waits or is trained."""
        return self.state in UNDER_WAY


def may_change(entry: Entry, owner: str) -> bool:
    """Whether this person may name or delete the run."""
    return entry.owner in ("", owner)


def machine_of(made: Provenance) -> str:
    """What two trials must share to be the same to the last bit: processor, PyTorch's version, what convolves."""
    return f"{made.processor} {made.torch} {made.convolutions}".strip()
