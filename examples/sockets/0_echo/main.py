"""The smallest server: it sends back what it gets. `python 0_echo/main.py [port]`, then client.py beside it."""

import socket
import sys
from contextlib import suppress


def main(port: int) -> None:
    # An endpoint in the kernel, for IPv4 (AF_INET) and for a stream of bytes, which is TCP (SOCK_STREAM).
    # `with` closes it, whatever happens: a descriptor is a number that the process has only so many of.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # Closed connections keep the port busy for a minute (TIME_WAIT): a restart must not wait for them.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # The address that clients dial. 127.0.0.1 is reached from this machine only; port 0 is any free one.
        listener.bind(("127.0.0.1", port))
        # From here on the kernel completes handshakes by itself, and keeps up to 16 clients for us.
        listener.listen(16)
        print(f"tcp://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            # A second socket, for this client alone. The first one goes on listening.
            client, _ = listener.accept()
            with client, suppress(OSError):  # a client that leaves must not end the server
                # TCP has no messages: a piece is what has arrived by now, and b"" is the end.
                while piece := client.recv(4096):
                    # `send` takes as much as fits and says how much that was; `sendall` goes on until all is taken.
                    client.sendall(piece)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # Ctrl-C
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
