"""How much memory there is: the machine's, or what a cgroup of either kind, or one above it, allows."""

from pathlib import Path

import distributed.system
import pytest

from kd_core.runs import memory

UNLIMITED = 9223372036854771712  # as the first kind says it


@pytest.mark.parametrize(("membership", "limits", "allowed"), [
    ("4:memory:/lab/worker\n0::/", {"memory/lab/worker/memory.limit_in_bytes": 10**9}, [10**9]),
    ("4:memory:/lab/worker\n", {"memory/lab/worker/memory.limit_in_bytes": UNLIMITED,
                                "memory/lab/memory.limit_in_bytes": 2 * 10**9}, [UNLIMITED, 2 * 10**9]),
    ("0::/lab.slice/lab.service\n", {"lab.slice/lab.service/memory.max": "max", "lab.slice/memory.max": 5 * 10**8},
     [5 * 10**8]),
    ("0::/\n", {"memory.max": 10**9}, [10**9]),  # a container sees its own at the root
    ("3:cpu:/lab\n0::/elsewhere\n", {"lab/memory.max": 5}, []),
    ("", {}, []),
])  # fmt: skip
def test_the_least_of_all_that_hold(tmp_path, monkeypatch, membership, limits, allowed):
    root, mine = tmp_path / "cgroup", tmp_path / "membership"
    for name, limit in limits.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{limit}\n")
    mine.write_text(membership)
    assert list(memory._of_cgroups(mine, root)) == allowed
    monkeypatch.setattr(distributed.system, "MEMORY_LIMIT", 8 * 10**9)
    assert memory.memory_limit() <= 8 * 10**9


def test_where_there_are_no_cgroups_the_machine_counts():
    assert list(memory._of_cgroups(Path("/no/such/file"), Path("/no/such/folder"))) == []
