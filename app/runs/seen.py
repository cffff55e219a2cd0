"""Who may see the images of a data set that was added: its owner; everybody, if the command line added it."""

from functools import lru_cache

from app.runs.visitor import visitor
from kd_core.data import own
from kd_core.data.chosen import MNIST, is_own
from kd_core.messages import Message, message
from kd_core.results.schema import Result
from kd_core.runs.entry import Entry, may_change

NUMBERS_ONLY = message(
    "The images of this run belong to somebody else, or are no longer on this computer: numbers alone are shown."
)


def sets() -> list[own.OwnData]:
    """The data sets that this person may train on, besides MNIST."""
    return own.usable_by(visitor())


def may_see(data_name: str) -> bool:
    """Whether this person may see the images of a Result's data."""
    if not is_own(data_name):
        return True
    known = own.called(data_name)
    return known is not None and known.owner in ("", visitor())


def may_list(entry: Entry) -> bool:
    """Whether a run stands in this person's history: not somebody else's on a set that is theirs alone, whose name
    nobody else is to read."""
    if may_change(entry, visitor()):
        return True
    if entry.data:
        return may_see(entry.data)
    return entry.settings.get("dataset", MNIST) in (MNIST, *own.visible_to(visitor()))


def seen(result: Result) -> Result:
    """The Result as this person may see it."""
    return result if may_see(result.data.name) else numbers_only(result)


@lru_cache(maxsize=8)
def numbers_only(result: Result) -> Result:
    """The Result without images, answers to them, and networks, which remember images; and without the names of
    classes, which may be people's, and notes that have such a name."""
    bare = result.without_networks().with_trials(
        lambda _arm, trial: trial.model_copy(update={"gallery_logits": ()})
    )
    said = [note for note in result.notes if not _names_any(note, result.data.classes)]
    numbered = result.data.model_copy(update={"classes": tuple(f"({n})" for n in range(len(result.data.classes)))})
    notes = (NUMBERS_ONLY, *(note for note in said if note != NUMBERS_ONLY))
    return bare.model_copy(update={"gallery": (), "notes": notes, "data": numbered})


def _names_any(said: Message, classes: tuple[str, ...]) -> bool:
    return any(
        _names_any(value, classes) if isinstance(value, Message) else any(name in str(value) for name in classes)
        for value in said.values.values()
    )
