"""A teacher's logits with what belongs to them, and the checks that they pass before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from kd_core.messages import N_, Problem

FEWEST_CLASSES, MOST_CLASSES = 2, 1000
LARGEST = 1e6  # no network's logit is larger; differences of logits below it cannot overflow
LONGEST_NAME = 100
SUMS_TO_ONE = (
    2e-3  # how far the sum of a row of probabilities may be from 1: they may be rounded, or half precision
)
BLOCK = 2**17  # values that are looked at together: they stay in the processor's cache

Kind = Literal["logits", "probabilities", "log-probabilities"]


@dataclass(frozen=True, eq=False)
class Logits:
    """Logits [N, C] of a teacher; by choice labels int64 [N] and a student's logits [N, C].

    names: of the C classes. kind: what the rows are. Log-probabilities are logits less a constant of each row,
    which no softmax sees; probabilities must become logarithms first (`from_probabilities`). floored: how many
    probabilities of 0 were raised to `floor` by that. origin: of a sample, each row's number in the file.
    """

    values: np.ndarray
    names: tuple[str, ...]
    labels: np.ndarray | None = None
    student: np.ndarray | None = None
    kind: Kind = "logits"
    floored: int = 0
    floor: float = 0.0
    origin: np.ndarray | None = None

    @property
    def rows(self) -> int:
        return len(self.values)

    @property
    def classes(self) -> int:
        return int(self.values.shape[1])


def checked(
    values: np.ndarray,
    labels: np.ndarray | None = None,
    names: Sequence[str] | None = None,
    student: np.ndarray | None = None,
) -> Logits:
    """The logits, once everything is known to fit. Raises Problem with the row and column of what is wrong.

    Rows and columns are counted from 0. Without names, classes are called by their numbers.
    """
    _numbers(values, "logits")
    rows, classes = values.shape
    if student is not None:
        _numbers(student, "student_logits")
        if student.shape != values.shape:
            raise Problem(
                N_("student_logits are {student} and logits {teacher}; both must have the same rows and classes."),
                student=shape_of(student), teacher=shape_of(values),
            )  # fmt: skip
        if kind_of(student) == "probabilities":
            raise Problem(N_("student_logits are probabilities; save what the student gives before its softmax."))
    kept = None if labels is None else _labels(labels, rows, classes)
    called = tuple(map(str, range(classes))) if names is None else _names(names, classes)
    return Logits(values, called, kept, student, kind_of(values))


def shape_of(values: np.ndarray) -> str:
    """A shape as a person reads it: [50000, 1000]."""
    return "[" + ", ".join(map(str, values.shape)) + "]"


def blocks(rows: int, classes: int) -> list[slice]:
    """Slices of rows that hold about BLOCK values each."""
    step = max(1, BLOCK // classes)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def _numbers(values: np.ndarray, name: str) -> None:
    """Raises Problem unless these are finite numbers [N, C] of a possible size."""
    if values.dtype.kind not in "fiu":
        raise Problem(N_("{name} are of type {type}; save them as floating-point numbers, such as float32."),
                      name=name, type=str(values.dtype)[:40])  # fmt: skip
    if values.ndim != 2:
        raise Problem(N_("{name} have the shape {given}; a table with a row for each sample and a column for each "
                         "class is needed."), name=name, given=shape_of(values))  # fmt: skip
    rows, classes = values.shape
    if rows == 0:
        raise Problem(N_("{name} have no rows; save at least one sample."), name=name)
    if not FEWEST_CLASSES <= classes <= MOST_CLASSES:
        raise Problem(
            N_("{name} have {classes} columns; {fewest} to {most} classes are possible. If rows and columns are "
               "exchanged, save the transposed table."),
            name=name, classes=f"{classes:,}", fewest=FEWEST_CLASSES, most=f"{MOST_CLASSES:,}",
        )  # fmt: skip
    for part in blocks(rows, classes):
        block = values[part]
        # Written so that NaN, of which no comparison is true, is wrong too.
        wrong = ~((block >= -LARGEST) & (block <= LARGEST))
        if wrong.any():
            row, column = (int(at[0]) for at in np.nonzero(wrong))
            given = float(block[row, column])
            where: dict[str, str | int] = dict(name=name, row=part.start + row, column=column)
            if not np.isfinite(given):
                raise Problem(
                    N_("{name}: row {row}, column {column} (counted from 0) is {given}; every logit must be a "
                       "finite number. Where a class was masked out, leave its column out or use a low number such "
                       "as -1000."), given={np.inf: "∞", -np.inf: "−∞"}.get(given, "NaN"), **where)  # fmt: skip
            raise Problem(
                N_("{name}: row {row}, column {column} (counted from 0) is {given}; no network gives logits beyond "
                   "±{most}."), given=f"{given:g}", most=f"{LARGEST:,.0f}", **where)  # fmt: skip


def _labels(labels: np.ndarray, rows: int, classes: int) -> np.ndarray:
    """Labels as int64 [N]. Raises Problem unless each is the number of a class."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (rows,):
        raise Problem(
            N_("labels have the shape {given}; one whole number for each of the {rows} rows is needed, not one-hot "
               "rows."), given=shape_of(labels), rows=f"{rows:,}")  # fmt: skip
    if labels.dtype.kind not in "fiu":
        raise Problem(N_("labels are of type {type}; the number of each row's class is needed, counted from 0."),
                      type=str(labels.dtype)[:40])  # fmt: skip
    wrong = ~((labels >= 0) & (labels < classes))
    if labels.dtype.kind == "f":
        wrong |= np.floor(labels) != labels
    if wrong.any():
        row = int(np.argmax(wrong))
        raise Problem(
            N_("labels: row {row} (counted from 0) is {given}; with {classes} classes labels are whole numbers "
               "from 0 to {last}."),
            row=row, given=f"{float(labels[row]):g}", classes=f"{classes:,}", last=classes - 1)  # fmt: skip
    return labels.astype(np.int64)


def _names(names: Sequence[str], classes: int) -> tuple[str, ...]:
    """The names of classes. Raises Problem unless there is one for each, and no two are alike."""
    if len(names) != classes:
        raise Problem(N_("There are {given} class names for {classes} classes; give one for each column."),
                      given=f"{len(names):,}", classes=f"{classes:,}")  # fmt: skip
    seen: dict[str, int] = {}
    for column, name in enumerate(str(name).strip() for name in names):
        if not name:
            raise Problem(N_("The class name of column {column} (counted from 0) is missing."), column=column)
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise Problem(
                N_("The class name of column {column} (counted from 0) has more than {most} characters, or some "
                   "that cannot be printed."), column=column, most=LONGEST_NAME)  # fmt: skip
        if name in seen:
            raise Problem(
                N_("Columns {first} and {second} (counted from 0) have the same class name, {name}; give each "
                   "class a name of its own."), first=seen[name], second=column, name=name)  # fmt: skip
        seen[name] = column
    return tuple(seen)


def kind_of(values: np.ndarray) -> Kind:
    """What all rows of finite values [N, C] are: probabilities, log-probabilities, else logits."""
    probabilities = logarithms = True
    for part in blocks(*values.shape):
        block = values[part].astype(np.float64)
        if probabilities:
            probabilities = bool((block >= 0).all() and _near_one(block.sum(1)))
        if logarithms:
            logarithms = bool((block <= 1e-6).all() and _near_one(np.exp(block).sum(1)))
        if not (probabilities or logarithms):
            return "logits"
    return "probabilities" if probabilities else "log-probabilities"


def _near_one(sums: np.ndarray) -> bool:
    return bool((np.abs(sums - 1) <= SUMS_TO_ONE).all())


def from_probabilities(given: Logits) -> Logits:
    """The same with log p in place of each probability p: logits less a constant of each row.

        softmax(log p / T) = p^(1/T) / sum_j p_j^(1/T)

    which is what softening the lost logits would give, up to the rounding of p: at high T the digits of small
    probabilities decide. Zeros have no logarithm; they become half of the smallest probability in the file that is
    above 0, and at high T all of them look alike.
    """
    above = [values[values > 0].min(initial=1.0) for values in
             (given.values[part] for part in blocks(given.rows, given.classes))]  # fmt: skip
    floor = float(min(above)) / 2
    zeros = sum(int((given.values[part] == 0).sum()) for part in blocks(given.rows, given.classes))
    values = np.log(np.maximum(given.values.astype(np.float64), floor))
    return replace(given, values=values, kind="logits", floored=zeros, floor=floor if zeros else 0.0)


def sampled(given: Logits, most_values: int, seed: int = 0) -> Logits:
    """The same, of so many rows drawn at random that at most `most_values` values are left, in their order."""
    rows = max(1, most_values // given.classes)
    if rows >= given.rows:
        return given
    chosen = np.sort(np.random.default_rng(seed).choice(given.rows, rows, replace=False))
    return replace(
        given, values=given.values[chosen], labels=None if given.labels is None else given.labels[chosen],
        student=None if given.student is None else given.student[chosen], origin=chosen,
    )  # fmt: skip
