"""Install missing packages of the `bench` extra with pip, and missing programs with apt-get if that is allowed."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable

from benchmarks.process import ROOT
from benchmarks.servers import Server, is_installed

DEBIAN_PACKAGES = {"wrk": "wrk", "taskset": "util-linux", "nginx": "nginx", "node": "nodejs"}
"""The Debian package of each program."""

ALWAYS = ("matplotlib",)


def requirements() -> dict[str, str]:
    """Return the requirements of aiosock and of its `bench` extra, by the name of the distribution."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["bench"]]
    return {distribution(line): line for line in lines}


def distribution(requirement: str) -> str:
    """Return the name at the start of a requirement, without its versions, extras and markers."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def install(servers: Iterable[Server]) -> None:
    """Install the packages and programs that these servers need, and print what is installed and what fails."""
    chosen = list(servers)
    install_packages({package for server in chosen for package in server.packages} | {*ALWAYS})
    install_programs({server.program for server in chosen} - {"python"} | {"wrk", "taskset"})


def install_packages(names: Iterable[str]) -> None:
    """Install distributions into the running environment: all at once or, if that fails, one by one."""
    known = requirements()
    missing = [known[name] for name in sorted(names) if not is_installed(name)]
    if missing and not pip(*missing) and len(missing) > 1:
        for requirement in missing:
            pip(requirement)


def pip(*packages: str) -> bool:
    command = [sys.executable, "-m", "pip", "install", "--quiet", *packages]
    print("installing:", " ".join(packages), flush=True)
    return subprocess.run(command, check=False).returncode == 0


def install_programs(names: Iterable[str]) -> None:
    """Install programs with apt-get as root on Debian; otherwise print the command."""
    missing = sorted(DEBIAN_PACKAGES[name] for name in names if shutil.which(name) is None)
    if not missing:
        return
    command = ["apt-get", "install", "--yes", *missing]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing:", " ".join(missing), flush=True)
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    else:
        print("not installed, do:", " ".join(command), flush=True)
