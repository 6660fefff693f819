"""Giving a process no more than a share of a core, so that what loads it has more than enough of its own.

By a control group of the kernel, of either version; that takes the right to make one.
"""

import contextlib
import os

#: The shorter, the less comes together while a process waits for its next share.
PERIOD_US = 10_000


def _group(name, share):
    """A new group whose processes have this share together, and the group to go back to."""
    quota = str(int(PERIOD_US * share))
    first, second = "/sys/fs/cgroup/cpu", "/sys/fs/cgroup"
    if os.path.exists(os.path.join(first, "cpu.cfs_quota_us")) or os.path.exists(os.path.join(first, "cgroup.procs")):
        root, limits = first, {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": quota}
    else:
        root, limits = second, {"cpu.max": f"{quota} {PERIOD_US}"}
        with open(os.path.join(root, "cgroup.subtree_control"), "w") as file:
            file.write("+cpu")
    group = os.path.join(root, name)
    os.mkdir(group)
    for limit, value in limits.items():
        with open(os.path.join(group, limit), "w") as file:
            file.write(value)
    return group, root


def _move(pid, group):
    with open(os.path.join(group, "cgroup.procs"), "w") as file:
        file.write(str(pid))


@contextlib.contextmanager
def limited(pid, share):
    """Meanwhile the process has no more than this share of a core, all its threads together. Yields whether that could be done."""
    try:
        group, root = _group(f"ochre-bench-{pid}", share)
    except OSError as error:
        print(f"warning: no control group for a share of a core: {error}", flush=True)
        yield False
        return
    try:
        _move(pid, group)
        yield True
    finally:
        with contextlib.suppress(OSError):
            _move(pid, root)
        os.rmdir(group)
