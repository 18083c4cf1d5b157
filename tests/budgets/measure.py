"""The cost of a process, as the kernel counts it: memory, CPU time, descriptors."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.e2e.process import Process
from tests.patience import PATIENCE

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

LOOK_SECONDS = 0.02
"""The pause between two checks of a condition: the checking process must leave the CPU to the others."""


class Meter:
    """Reads the figures of a running process from /proc."""

    def __init__(self, process: Process) -> None:
        self._proc = Path("/proc", str(process.popen.pid))

    @property
    def memory(self) -> int:
        """Bytes that are resident now.

        They come from `smaps_rollup`, which counts them; VmRSS adds up counters of each CPU and can be megabytes off.
        """
        return self._field("smaps_rollup", "Rss")

    @property
    def peak(self) -> int:
        """The largest number of resident bytes, since the start or since `forget_peak`."""
        return self._field("status", "VmHWM")

    @property
    def cpu(self) -> float:
        """Seconds of CPU, user and system."""
        # The second field is the name, in parentheses; the name may contain any character.
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def descriptors(self) -> int:
        """The number of open descriptors."""
        return len(os.listdir(self._proc / "fd"))

    def forget_peak(self) -> None:
        """Reset `peak`; if the kernel does not allow that, `peak` is an upper bound."""
        with suppress(OSError):
            (self._proc / "clear_refs").write_text("5")

    def _field(self, file: str, name: str) -> int:
        for line in (self._proc / file).read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * KIB
        raise KeyError(name)


class Cost:
    """The cost of a process during a block; complete at the end of the block."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        meter.forget_peak()
        self._memory, self._cpu, self._began = meter.memory, meter.cpu, time.monotonic()
        self.growth = 0
        """Bytes by which the resident memory has grown, at its peak."""
        self.cpu = 0.0
        """Seconds of CPU."""
        self.seconds = 0.0
        """Seconds of elapsed time."""

    @property
    def load(self) -> float:
        """CPU load in percent of one CPU."""
        return 100 * self.cpu / self.seconds

    def finish(self) -> None:
        self.growth = max(self._meter.peak - self._memory, 0)
        self.cpu = self._meter.cpu - self._cpu
        self.seconds = time.monotonic() - self._began


@contextmanager
def cost_of(meter: Meter) -> Iterator[Cost]:
    """Measure a process during a block."""
    cost = Cost(meter)
    yield cost
    cost.finish()


def settle(meter: Meter) -> None:
    """Wait until a process uses no CPU time; fail if it never stops."""
    end, before = time.monotonic() + PATIENCE, -1.0
    while before != meter.cpu:
        assert time.monotonic() < end, "the process is never idle"
        before = meter.cpu
        time.sleep(0.25)


def mib(size: float) -> str:
    return f"{size / MIB:.1f} MiB"


def reached(value: int, meter: Meter) -> bool:
    """Wait until a process has at most `value` descriptors open; return whether that happened."""
    end = time.monotonic() + PATIENCE
    while meter.descriptors > value:
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_SECONDS)
    return True
