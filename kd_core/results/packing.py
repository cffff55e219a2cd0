"""A Result as bytes for the store, and back.

Its JSON is compressed. Networks are not: their numbers hardly get smaller, and a map would spend much time on it.
"""

import json
import zlib
from collections.abc import Mapping

from pydantic import ValidationError

from kd_core.results.schema import Arm, ArmTrial, Result

WHOLE = b"lab1"  # what is packed with its networks begins so


def pack(result: Result) -> bytes:
    """The Result without its networks."""
    return zlib.compress(result.without_networks().model_dump_json().encode())


def unpack(packed: bytes) -> Result | None:
    """The Result, or None for one that is damaged or of a form that this lab no longer knows."""
    try:
        return Result.model_validate_json(zlib.decompress(packed))
    except (zlib.error, ValidationError):
        return None


def pack_whole(result: Result) -> bytes:
    """A Result of one trial with its networks, as they are.

    WHOLE, the index's length in four bytes, the index (length of the rest; of each arm's network), rest, networks.
    """
    rest, networks = pack(result), result.networks()
    index = json.dumps([len(rest), {arm: len(weights) for arm, weights in networks.items()}]).encode()
    return b"".join((WHOLE, len(index).to_bytes(4, "big"), index, rest, *networks.values()))


def unpack_whole(packed: bytes) -> Result | None:
    """The Result with its networks, or None as for `unpack`. Earlier ones had these in the compressed JSON."""
    if not packed.startswith(WHOLE):
        return unpack(packed)
    begin = len(WHOLE) + 4
    at = begin + int.from_bytes(packed[len(WHOLE) : begin], "big")
    try:
        length, lengths = json.loads(packed[begin:at])
        result, at = unpack(packed[at : at + length]), at + length
        networks = {}
        for arm, size in lengths.items():
            networks[arm], at = packed[at : at + size], at + size
    except (ValueError, TypeError, AttributeError):  # no index
        return None
    return with_networks(result, networks) if result is not None and at == len(packed) else None


def with_networks(result: Result, networks: Mapping[str, bytes]) -> Result:
    """The Result with each arm's network in its first trial, as `Result.networks` has them."""

    def put(arm: Arm, trial: ArmTrial) -> ArmTrial:
        there = arm.name in networks and trial is arm.trials[0]
        return trial.model_copy(update={"weights": networks[arm.name]}) if there else trial

    return result.with_trials(put)
