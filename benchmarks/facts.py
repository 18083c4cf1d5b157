"""The facts that the figures depend on: the machine and the versions."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from aiosock.wire.compiled import LANGUAGE
from benchmarks.servers import Server, is_installed

PROGRAM_VERSIONS = {"wrk": ["wrk", "-v"], "node": ["node", "--version"], "nginx": ["nginx", "-v"]}


def gather(servers: Iterable[Server]) -> dict[str, str]:
    """Return the facts about this machine, by name."""
    packages = sorted({package for server in servers for package in server.packages if is_installed(package)})
    return {
        "CPU": cpu_model(),
        "cores": str(os.cpu_count()),
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "aiosock reads heads in": LANGUAGE,
        "packages": ", ".join(f"{package} {version(package)}" for package in packages),
        "programs": ", ".join(program_versions()),
    }


def cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def program_versions() -> list[str]:
    found = []
    for name, command in PROGRAM_VERSIONS.items():
        if shutil.which(name):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            number = re.search(r"\d+\.\d[\w.+-]*", done.stdout + done.stderr)
            found.append(f"{name} {number[0]}" if number else name)
    return found
