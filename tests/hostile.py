"""What a stranger may send in place of a value: drawn by a seeded generator, so that a failure comes again."""

import json
import random
from typing import Any

WORDS = [
    "", " ", "0", "-1", "1e999", "-1e999", "NaN", "nan", "inf", "1_000", "٣", "１２", "0x10", "1e-320", "9" * 400,
    "4.", "true", "None", "null", "auto", "\x00", "a\x00b", "\n\n", "\r\nSet-Cookie: a=b", "\u202e4", "\ud7ff",
    "é" * 200, "😀" * 50, "x" * 20_000, "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))", "![x](http://evil.example/a.png)", "http://evil.example", "**b** `c` $d$ :red[e]",
    "{0.__class__}", "{name}", "%s%n", "$(id)", "'; DROP TABLE runs; --", "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd", "/dev/null", "C:\\con", "[" * 5_000, '{"a":' * 2_000, "temperature=1,2,4", "1,2,,3",
    "0:1:999999999", "1:2", ":::", "--help", "-", "@file", "zh", "__proto__", "constructor",
]  # fmt: skip


def text(dice: random.Random) -> str:
    """One of the words above, two of them joined, or letters at random."""
    kind = dice.random()
    if kind < 0.6:
        return dice.choice(WORDS)
    if kind < 0.8:
        return dice.choice(WORDS)[:50] + dice.choice(WORDS)[:50]
    return "".join(chr(dice.randrange(1, 0xD800)) for _ in range(dice.randrange(1, 40)))


def value(dice: random.Random, depth: int = 3) -> Any:
    """Anything that JSON can say."""
    kind = dice.randrange(9 if depth else 6)
    simple = [None, True, dice.randrange(-(10**20), 10**20), dice.uniform(-1e308, 1e308), float("nan"), text(dice)]
    if kind < 6:
        return simple[kind]
    if kind == 6:
        return [value(dice, depth - 1) for _ in range(dice.randrange(4))]
    return {text(dice)[:30]: value(dice, depth - 1) for _ in range(dice.randrange(4))}


def changed(dice: random.Random, record: Any) -> bytes:
    """JSON of `record` with a value somewhere in it changed, left out, or its text cut off."""
    copy = json.loads(json.dumps(record))
    place, key = copy, None
    while isinstance(place, dict | list) and place:
        holder = place
        key = dice.choice(list(place)) if isinstance(place, dict) else dice.randrange(len(place))
        place = holder[key]
        if dice.random() < 0.2:
            break
    if dice.random() < 0.2:
        del holder[key]
    else:
        holder[key] = value(dice)
    said = json.dumps(copy).encode("utf-8", "surrogatepass")
    return said[: dice.randrange(len(said))] if dice.random() < 0.1 else said


def spoilt(dice: random.Random, content: bytes) -> bytes:
    """Some bytes of `content` changed, or its end cut off."""
    spoilt = bytearray(content)
    for _ in range(dice.randrange(1, 20)):
        spoilt[dice.randrange(min(len(spoilt), 2_000) if dice.random() < 0.7 else len(spoilt))] = dice.randrange(
            256
        )
    return bytes(spoilt[: dice.randrange(len(spoilt))] if dice.random() < 0.3 else spoilt)
