"""A terminal without a person: a pty, whose output a test reads."""

import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO


class Terminal:
    """A terminal. Programs write to `stream`; `shown` is all that they have written."""

    def __init__(self, stream: TextIO, reader: int) -> None:
        self.stream = stream
        self._reader = reader
        self._shown = b""

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.stream, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def hang_up(self) -> None:
        """Close the window."""
        os.dup2(os.open(os.devnull, os.O_RDONLY | os.O_NONBLOCK), self._reader)

    @property
    def shown(self) -> str:
        with suppress(OSError):  # nothing is left
            while piece := os.read(self._reader, 65536):
                self._shown += piece
        return self._shown.decode().replace("\r\n", "\n")


@contextmanager
def terminal(columns: int = 80) -> Iterator[Terminal]:
    """Open a terminal of this width."""
    reader, writer = pty.openpty()
    os.set_blocking(reader, False)
    with open(reader, "rb", 0), open(writer, "w", encoding="utf-8") as stream:
        opened = Terminal(stream, reader)
        opened.resize(columns)
        yield opened


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
