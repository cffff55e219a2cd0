"""Who sees the images of a data set that somebody has added: they alone; everybody those of the command line."""

from functools import lru_cache

from app.runs.visitor import visitor
from kd_core.data import own
from kd_core.data.chosen import is_own
from kd_core.messages import message
from kd_core.results.schema import Result

NUMBERS_ONLY = message(
    "The images of this run belong to somebody else, or are no longer on this computer: numbers alone are shown."
)


def sets() -> list[own.OwnData]:
    """The data sets that this person may train on, besides MNIST."""
    return [own.describe(name) for name in own.visible_to(visitor())]


def may_see(data_name: str) -> bool:
    """Whether this person may see the images of a Result's data."""
    if not is_own(data_name):
        return True
    known = own.called(data_name)
    return known is not None and known.owner in ("", visitor())


def seen(result: Result) -> Result:
    """The Result as this person may see it."""
    return result if may_see(result.data.name) else numbers_only(result)


@lru_cache(maxsize=8)
def numbers_only(result: Result) -> Result:
    """The Result without images, the answers to those of the gallery, and networks, which remember images."""
    bare = result.without_networks().with_trials(
        lambda _arm, trial: trial.model_copy(update={"gallery_logits": ()})
    )
    notes = (NUMBERS_ONLY, *(note for note in result.notes if note != NUMBERS_ONLY))
    return bare.model_copy(update={"gallery": (), "notes": notes})
