"""A Result as bytes comes back whole, also from what earlier versions wrote; damage gives nothing."""

import zlib

import pytest

from kd_core.results import packing
from kd_core.results.schema import Result


@pytest.fixture
def one(small_result) -> Result:
    """One trial with its networks."""
    arms = [arm.model_copy(update={"trials": arm.trials[:1]}) for arm in small_result.arms]
    result = small_result.model_copy(update={"arms": tuple(arms)})
    assert len(result.networks()) == len(arms)
    return result


def test_a_trial_comes_back_with_its_networks(one):
    packed = packing.pack_whole(one)
    assert packing.unpack_whole(packed) == one
    assert len(packed) < len(zlib.compress(one.model_dump_json().encode()))


def test_a_result_without_networks_comes_back(one):
    assert packing.unpack(packing.pack(one)) == one.without_networks()
    assert packing.unpack_whole(packing.pack_whole(one.without_networks())) == one.without_networks()


def test_what_earlier_versions_wrote_is_read(one):
    assert packing.unpack_whole(zlib.compress(one.model_dump_json().encode())) == one


def test_damage_gives_nothing(one):
    packed = packing.pack_whole(one)
    begin = len(packing.WHOLE) + 4
    harmed = [packed[:-1], packed + b"x", packed[:begin], packed[: begin + 20], b"", packing.WHOLE, packed[:6],
              packed[:begin] + b"[]" + packed[begin:], packed.replace(b"{", b"[", 1),
              packed[:begin] + bytes(200) + packed[begin + 200 :]]  # fmt: skip
    assert [packing.unpack_whole(each) for each in harmed] == [None] * len(harmed)
