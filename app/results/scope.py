"""What a verdict covers, in sentences; of a quick look also that it is no more than one."""

from kd_core.messages import Message, message
from kd_core.results.schema import Result
from kd_core.techniques import TECHNIQUES

QUICK = message(
    "This was a quick look, of few trials and short training: a whole run says more, and may say otherwise."
)


def is_quick_look(result: Result) -> bool:
    """Whether its run was no more than a quick look."""
    return TECHNIQUES[result.technique].is_quick(result.settings)


def scope(result: Result) -> tuple[Message, ...]:
    """What varied from trial to trial, what did not, and how much was trained."""
    return (*result.verdict.scope, *([QUICK] if is_quick_look(result) else []))
