"""One way to write numbers: thousands apart, a true minus, no sign on what rounds to nothing."""

import math
from decimal import ROUND_HALF_EVEN, Decimal

import pytest

from kd_core.results.numbers import fixed, number, signed


@pytest.mark.parametrize(
    ("value", "digits", "plain", "with_sign"),
    [
        (-0.001, 2, "0.00", "0.00"),
        (-0.0, 1, "0.0", "0.0"),
        (0.004, 2, "0.00", "0.00"),
        (0.22, 2, "0.22", "+0.22"),
        (-0.42, 2, "−0.42", "−0.42"),
        (10_000, 0, "10,000", "+10,000"),
        (-1063.4, 0, "−1,063", "−1,063"),
        (math.inf, 1, "inf", "+inf"),
    ],
)
def test_signs_and_thousands(value, digits, plain, with_sign):
    assert fixed(value, digits) == plain
    assert signed(value, digits) == with_sign


@pytest.mark.parametrize(
    ("value", "text"),
    [(88.4, "88"), (1063.2, "1,063"), (9.994, "9.99"), (9.999, "10"), (0.04712, "0.0471"), (-3, "−3"), (0, "0"),
     (-2.344, "−2.34")],
)  # fmt: skip
def test_a_number_has_three_digits_that_count_or_is_whole(value, text):
    assert number(value) == text


def test_rounding_is_that_of_decimal_arithmetic():
    for step in range(-2000, 2001, 7):
        value = step / 64  # exact in binary
        for digits in (0, 1, 2):
            exact = Decimal(value).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
            assert Decimal(fixed(value, digits).replace("−", "-").replace(",", "")) == exact
