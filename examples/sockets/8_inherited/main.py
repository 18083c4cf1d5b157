"""A restart that refuses nobody: `python 8_inherited/main.py [port]` holds the socket, and child.py beside it serves."""

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
        # Not an exception, which could come between the start of a child and our knowing of it.
        signal.signal(stop, lambda number, _: told.append(number))
    with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while not told:
            # A socket is a descriptor, a number in this process. The child gets it under the same number: by default
            # Python keeps every descriptor from it but the standard ones.
            number = listener.fileno()
            child = subprocess.Popen([sys.executable, str(CHILD), str(number)], pass_fds=[number])
            # It ends of a mistake, or because somebody wants new code to run. The socket does not, for we hold it too:
            # until the next child accepts, the kernel keeps the clients in the backlog.
            while not told:
                time.sleep(0.05)
                if child.poll() is not None:
                    break
            child.terminate()
            child.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
