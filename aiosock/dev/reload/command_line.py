"""How this program was started, so that it can be started once more."""

import asyncio
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress

from aiosock.errors import ConfigError


def command_line() -> list[str]:
    """Return the command that starts this program as it was started, with the options of the interpreter.

    Raises ConfigError, with the reason, where it could not be started again, or a restart would find nothing new.
    """
    for reason in _obstacles():
        raise ConfigError(f"cannot reload: {reason}")
    return [sys.executable, *sys.orig_argv[1:]]


def _obstacles() -> Iterator[str]:
    program = sys.argv[0] if sys.argv else ""
    if os.name != "posix":
        yield "that needs a POSIX system, where a child inherits listening sockets"
    if threading.current_thread() is not threading.main_thread():
        yield "run() is called in a thread, and only the main thread receives signals"
    if _is_in_a_loop():
        yield "run() is called in a running event loop, so it is not the program that would start again"
    if hasattr(sys, "ps1") or sys.flags.interactive or program in ("", "-"):
        yield "an interactive session, or a program from standard input, cannot be started again; put it into a file"
    if getattr(sys, "frozen", False) or not sys.executable:
        yield "the program has no interpreter that could start it again"
    if program not in ("-c", "-m") and not os.path.exists(program):
        yield f"there is no {program} to start again"
    if os.path.isfile(program) and zipfile.is_zipfile(program):
        yield f"{program} is an archive, whose files nobody changes; run the program from its directory"


def _is_in_a_loop() -> bool:
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        return True
    return False


def environment() -> dict[str, str]:
    """Return the environment that this program was started with, where the kernel tells (proc(5)); else the present one.

    The program may have read a `.env` file into its environment. A child that inherited that would not read the file again.
    """
    try:
        with open("/proc/self/environ", "rb") as file:
            pairs = file.read().split(b"\0")
    except OSError:
        return dict(os.environ)
    return dict(os.fsdecode(pair).split("=", 1) for pair in pairs if b"=" in pair)
