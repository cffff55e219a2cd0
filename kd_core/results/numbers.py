"""Numbers as a person reads them, the same on every page: 1,063, −0.42, +3.2, never -0.00. No torch."""

MINUS = "−"


def fixed(value: float, digits: int = 0) -> str:
    """With so many decimals, thousands apart, and a true minus: 10,000, −1.5. What rounds to 0 has no sign."""
    text = f"{abs(value):,.{digits}f}"
    return MINUS + text if value < 0 and _counts(text) else text


def signed(value: float, digits: int = 0) -> str:
    """The same with its sign, which 0 has not: +3.2, −0.4, 0.0."""
    text = fixed(value, digits)
    return text if text.startswith(MINUS) or not _counts(text) else "+" + text


def number(value: float) -> str:
    """Whole from 10 on, with three digits that count below: 1,063, 9.21, 0.0471, −3."""
    if abs(value) >= 9.995 or value == int(value):
        return fixed(value)
    text = f"{abs(value):.3g}"
    return MINUS + text if value < 0 else text


def _counts(text: str) -> bool:
    """Whether any digit is not 0."""
    return any(digit in text for digit in "123456789") or text in ("inf", "nan")
