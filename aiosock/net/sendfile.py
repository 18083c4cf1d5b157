"""Sending files by the kernel: it copies from the page cache to the socket, and nothing of the file is read here."""

import asyncio
import os
from typing import Final

from aiosock.errors import Disconnected
from aiosock.net.channel import Channel
from aiosock.net.kernel import is_in_memory

COPY_BYTES: Final = 512 * 1024
"""What the kernel copies at once before others get a turn: some 100 us for a file that is in memory."""

WAITING_BYTES: Final = 4 * 1024
"""What is read of a file and given to the transport, so that `drain` waits until the kernel can copy more."""


def can_send_files(channel: Channel) -> bool:
    """Return whether the kernel can copy files to the peer: it needs a socket, and no encryption before it."""
    return hasattr(os, "sendfile") and channel.socket is not None and not channel.is_encrypted


async def send_file(channel: Channel, descriptor: int, start: int, stop: int) -> int:
    """Let the kernel copy bytes of a file to the peer; return the offset that this has reached.

    It is less than `stop` where the next bytes are not in memory: copying them would stop the loop until the disk has
    read them. It is less at the end of the file, and if sendfile fails, too. In each case the caller reads on in a
    thread, and gets the error; then it may call this again.

    Raises Disconnected as `Channel.drain` does.
    """
    if channel.is_closing():
        raise Disconnected("the peer has left")
    with channel.unbuffered():  # what the kernel copies must not overtake what the transport still has
        while start < stop:
            # Others get a turn after each piece, however fast the peer takes it.
            await (channel.drain() if channel.unsent() else asyncio.sleep(0))
            size = min(stop - start, COPY_BYTES)
            if not is_in_memory(descriptor, start, start + size):
                break
            copied = _copy(channel, descriptor, start, size)
            if not copied:
                break
            start += copied
    return start


def _copy(channel: Channel, descriptor: int, start: int, size: int) -> int:
    """Send up to `size` bytes of a file and return how many; 0 at its end, and where the kernel cannot do it."""
    sock = channel.socket
    if sock is None or channel.is_closing():  # its descriptor may be another connection's by now
        raise Disconnected("the peer has left")
    try:
        copied = os.sendfile(sock.fileno(), descriptor, start, size)
    except BlockingIOError:
        copied = 0
    except OSError:  # a file system or a sandbox that knows no sendfile, a disk that fails, a peer that has left
        return 0
    channel.sent += copied
    if copied < size:
        # The socket is full. Under every loop the transport knows how to wait for it, if it has something to send.
        # Waiting on a dup of the socket took a third descriptor for each download.
        piece = os.pread(descriptor, min(size - copied, WAITING_BYTES), start + copied)
        channel.write(piece)
        copied += len(piece)
    return copied
