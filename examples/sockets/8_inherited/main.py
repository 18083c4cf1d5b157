"""A restart that refuses no client: `python 8_inherited/main.py [port]` holds the socket, and child.py serves."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

CHILD = Path(__file__).with_name("child.py")


def main(port: int) -> None:
    told: list[int] = []
    for stop in (signal.SIGINT, signal.SIGTERM):
        # Only note the signal: an exception could come after the start of a child, before we know its process.
        signal.signal(stop, lambda number, _: told.append(number))
    with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while not told:
            # A socket is a descriptor, a number in this process. `pass_fds` gives it to the child under the same
            # number; by default a child gets only the standard descriptors.
            number = listener.fileno()
            child = subprocess.Popen([sys.executable, str(CHILD), str(number)], pass_fds=[number])
            # The child ends because of an error, or because somebody wants new code to run. The socket stays open, for
            # we hold it too: until the next child accepts, the kernel keeps the clients in the backlog.
            while not told:
                time.sleep(0.05)
                if child.poll() is not None:
                    break
            child.terminate()
            child.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
