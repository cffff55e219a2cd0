"""Checks of the arguments of public tensor functions: shapes, types and values are required, not assumed.

Each error says what was given and what is expected. `shape` and `batch` look at nothing but shapes and types, and
cost no time; `classes` looks at values, which waits for a GPU to finish.
"""

import operator
from collections.abc import Sequence

import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)
NO_LABEL = -(2**63)  # as cross_entropy's ignore_index: its default, -100, would leave such a label out in silence


def full(given: Tensor) -> Tensor:
    """The tensor in float32 if it is half precision, in torch's default type if it holds integers; else as it is.

    Gradients flow through. Raises TypeError for complex numbers.
    """
    if given.is_complex():
        raise TypeError(f"a tensor of {given.dtype} was given; real numbers are expected")
    if given.dtype in HALF:
        return given.float()
    return given if given.is_floating_point() else given.to(torch.get_default_dtype())


def wide(given: Tensor) -> Tensor:
    """The tensor in float64; in float32 on MPS, which has no float64. Gradients flow through."""
    return full(given).to(torch.float32 if given.device.type == "mps" else torch.float64)


def scalar(name: str, given: float | Tensor) -> float | Tensor:
    """A number, or a tensor of one number as a float64 scalar through which gradients flow.

    Raises TypeError for anything else.
    """
    if isinstance(given, Tensor):
        if given.numel() == 1 and not given.is_complex():
            return wide(given).reshape(())
        raise TypeError(f"{name} is {list(given.shape)}, {given.dtype}; a single real number is expected")
    try:
        return float(given)
    except (TypeError, ValueError):
        raise TypeError(f"{name} = {given!r} was given; a number is expected") from None


def value(given: float | Tensor) -> float:
    """What a `scalar` is worth, as a plain number."""
    return float(given.detach()) if isinstance(given, Tensor) else given


def at_least(name: str, given: int, least: int) -> int:
    """The whole number that was given. Raises TypeError unless it is one, ValueError if it is below `least`."""
    try:
        number = operator.index(given)
    except TypeError:
        raise TypeError(f"{name} = {given!r} was given; a whole number is expected") from None
    if number < least:
        raise ValueError(f"{name} = {given} is not allowed; it must be {least} or more")
    return number


def tensor(name: str, given: object) -> None:
    """Raises TypeError unless `given` is a tensor."""
    if not isinstance(given, Tensor):
        raise TypeError(f"{name} is of type {type(given).__name__}; a tensor is expected")


def same_memory(one: Tensor, other: Tensor) -> bool:
    """Whether both begin at the same place in memory; inside torch.func, which hides it, whether they are one."""
    try:
        return one.device == other.device and one.data_ptr() == other.data_ptr() != 0
    except RuntimeError:
        return one is other


def shape(name: str, given: Tensor, expected: Sequence[str | int]) -> None:
    """Raises ValueError unless `given` has these dimensions, none of them empty: a name stands for any size."""
    tensor(name, given)
    fits = given.dim() == len(expected) and all(
        size == want if isinstance(want, int) else size > 0
        for size, want in zip(given.shape, expected, strict=True)
    )
    if not fits:
        words = ", ".join(map(str, expected))
        raise ValueError(f"{name} is {list(given.shape)}; [{words}] is expected, and not empty")


def alike(first: str, one: Tensor, second: str, other: Tensor) -> None:
    """Raises ValueError unless both have the same shape: torch would repeat the smaller one."""
    tensor(first, one)
    tensor(second, other)
    if one.shape != other.shape:
        raise ValueError(f"{first} is {list(one.shape)}, {second} {list(other.shape)}; they must be of one shape")


def batch(student_logits: Tensor, teacher_logits: Tensor, labels: Tensor) -> None:
    """Raises ValueError unless these are [N, C], [N, C], [N], not empty; TypeError unless labels are integers."""
    for name, given in (("student_logits", student_logits), ("teacher_logits", teacher_logits), ("labels", labels)):
        tensor(name, given)
    shapes = student_logits.shape, teacher_logits.shape, labels.shape
    if shapes[0] != shapes[1] or len(shapes[0]) != 2 or shapes[2] != shapes[0][:1] or student_logits.numel() == 0:
        raise ValueError(
            f"student_logits {list(shapes[0])}, teacher_logits {list(shapes[1])} and labels {list(shapes[2])} were "
            "given; [N, C], [N, C] and [N] are expected, N and C at least 1"
        )
    integers(labels)


def integers(labels: Tensor) -> None:
    """Raises TypeError unless labels are integers."""
    tensor("labels", labels)
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise TypeError(f"labels are {labels.dtype}; integers, the index of each sample's class, are expected")


def holds(condition: Tensor) -> bool | None:
    """Whether a condition holds; None inside torch.func.vmap, which lets nobody look at a value."""
    try:
        return bool(condition)
    except RuntimeError:
        return None


def classes(labels: Tensor, number: int) -> Tensor:
    """Labels [N] as int64. Raises ValueError unless each is from 0 to number - 1; not inside torch.func.vmap."""
    integers(labels)
    low, high = torch.aminmax(labels)
    if holds((low < 0) | (high >= number)):
        wrong = int(low) if low < 0 else int(high)
        raise ValueError(f"a label of {wrong} was given; with {number} classes labels are 0 to {number - 1}")
    return labels.long()
