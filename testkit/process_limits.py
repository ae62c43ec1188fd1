"""Limits on running processes, as a full disk or the memory limit of a container impose them. Needs Linux."""

import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import psutil

Limit = tuple[int, int]
"""A soft and a hard limit."""


@contextmanager
def full_disk(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """Make every write to a file fail in these processes and their descendants, until the block ends.

    The limit is that of the size of files: a write fails with EFBIG instead of ENOSPC, and other processes have space.
    """
    with _limited(processes, resource.RLIMIT_FSIZE, lambda _, hard: (0, hard)):
        yield


@contextmanager
def memory_limit(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """Make allocations fail in these processes and their descendants.

    Each keeps the address space that it has; what does not fit into it is refused. The limit cannot be raised, as
    decoders try, without the capability CAP_SYS_RESOURCE. Start the processes again to end it.
    """

    def limit(process: psutil.Process, _: int) -> Limit:
        used = int(process.memory_info().vms)
        return used, used

    with _limited(processes, resource.RLIMIT_AS, limit):
        yield


@contextmanager
def _limited(
    processes: Sequence[psutil.Process], kind: int, limit: Callable[[psutil.Process, int], Limit]
) -> Iterator[None]:
    """Lower a limit, and restore it, also in processes that were started meanwhile and inherited it.

    Args:
        processes: The processes.
        kind: The limit.
        limit: Returns the limit of a process, whose hard limit before is given.
    """
    before: dict[psutil.Process, Limit] = {}
    inherited = resource.getrlimit(kind)
    for process in _with_descendants(processes):
        with suppress(psutil.NoSuchProcess):
            before[process] = resource.prlimit(process.pid, kind)
            resource.prlimit(process.pid, kind, limit(process, before[process][1]))
    try:
        yield
    finally:
        for process in _with_descendants(processes):
            with suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
                resource.prlimit(process.pid, kind, before.get(process, inherited))


def _with_descendants(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            found += [process, *process.children(recursive=True)]
    return found
