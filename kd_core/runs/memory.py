"""How much memory the processes of this computer may take together."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def memory_limit() -> int:
    """Bytes: of the machine, or fewer where a cgroup that this process lives in allows fewer.

    Dask looks at the machine and at the root of the cgroups, which in a container is the container's own; a service
    of systemd, or who makes a cgroup by hand, is limited further down.
    """
    from distributed.system import MEMORY_LIMIT

    return min([int(MEMORY_LIMIT), *_of_cgroups(Path("/proc/self/cgroup"), CGROUPS)])


def _of_cgroups(membership: Path, root: Path) -> Iterator[int]:
    """What each cgroup allows that /proc/self/cgroup names and its parents, of the first and the second kind."""
    lines: list[str] = []
    with suppress(OSError):  # not Linux
        lines = membership.read_text(encoding="utf-8").splitlines()
    for line in lines:
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers not in ("", "memory"):
            continue
        top, name = (root / "memory", "memory.limit_in_bytes") if controllers else (root, "memory.max")
        group = top / path.lstrip("/")
        for place in (group, *group.parents):
            if place == root.parent:
                break
            with suppress(OSError, ValueError):  # there is none, or its limit is "max"
                yield int((place / name).read_text(encoding="utf-8"))
