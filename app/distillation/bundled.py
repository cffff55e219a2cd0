"""What `assets/` carries for the pages of distillation alone: logits by class, the run with all labels."""

from functools import cache

from app.results.bundled import ASSETS, asset
from kd_core.results.schema import Result


@cache
def class_logits() -> list[list[list[float]]]:
    """The bundled teacher's logits of validation images, as [label][image][digit], rounded to 0.01."""
    logits: list[list[list[float]]] = asset("classes.json")["logits"]
    return logits


@cache
def all_labels() -> Result:
    """Distillation of students that see all labels, recorded by `make assets`: the summary's second run."""
    return Result.model_validate_json((ASSETS / "recorded-all-labels.json").read_text(encoding="utf-8"))
