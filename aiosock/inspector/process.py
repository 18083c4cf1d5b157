"""Process: the open descriptors, the memory and the threads of this process, as far as the kernel tells."""

import gc
import os
import sys
import threading
from contextlib import suppress
from typing import Any, Final

from aiosock.inspector.standing import shown, stands_at
from aiosock.net.kernel import descriptor_limit

MOST_NAMED: Final = 1000
"""The descriptors that are looked at one by one; more are only counted."""

MOST_FILES: Final = 30
MOST_THREADS: Final = 50
_DESCRIPTORS = "/proc/self/fd"


def process() -> dict[str, Any]:
    """Return what is known of the process; a figure is None where the system does not tell."""
    return {
        "pid": os.getpid(),
        "python": sys.version.partition(" ")[0],
        "descriptors": descriptors(),
        "memory": memory(),
        "threads": threads(),
    }


def descriptors() -> dict[str, Any]:
    """Return how many descriptors are open, how many may be, and of what kind they are (proc(5))."""
    numbers: list[str] = []
    with suppress(OSError):  # not Linux
        numbers = os.listdir(_DESCRIPTORS)
    kinds: dict[str, int] = {}
    files: list[str] = []
    for number in numbers[:MOST_NAMED]:
        with suppress(OSError):  # closed since; one is that of the listing
            name = os.readlink(f"{_DESCRIPTORS}/{number}")
            kind = _kind(name)
            kinds[kind] = kinds.get(kind, 0) + 1
            if kind == "files" and len(files) < MOST_FILES:
                files.append(shown(name).encode(errors="backslashreplace").decode())  # a name may be no text
    if len(numbers) > MOST_NAMED:
        kinds["others"] = len(numbers) - MOST_NAMED
    return {"open": len(numbers) or None, "limit": descriptor_limit(), "kinds": kinds, "files": sorted(files)}


def _kind(name: str) -> str:
    if name.startswith("/"):
        return "devices" if name.startswith("/dev/") else "files"
    return {"socket": "sockets", "pipe": "pipes"}.get(name.partition(":")[0], "of the kernel")


def memory() -> dict[str, Any]:
    """Return the resident memory, now and at its highest, in bytes; and the objects that the garbage collector watches."""
    resident = peak = None
    with suppress(OSError, ValueError), open("/proc/self/statm", "rb") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    with suppress(ImportError):  # Windows
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"resident": resident, "peak": peak, "young": gc.get_count()[0]}


def threads() -> list[dict[str, Any]]:
    """Return the threads that Python knows, and where each stands."""
    alive = threading.enumerate()
    found = []
    for thread in alive[:MOST_THREADS]:
        place = stands_at(thread.ident) if thread.ident is not None else None
        found.append({"name": thread.name, "daemon": thread.daemon, "place": place and place._asdict()})
    return found
