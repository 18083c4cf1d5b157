"""The smallest server: it sends back the bytes that it gets. `python 0_echo/main.py [port]`, then 0_echo/client.py."""

import socket
import sys
from contextlib import suppress


def main(port: int) -> None:
    # An endpoint in the kernel, for IPv4 (AF_INET) and for a stream of bytes, which is TCP (SOCK_STREAM).
    # `with` closes it in any case: it is a descriptor, and a process may have only a limited number of them.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # Closed connections keep the port busy for a minute (TIME_WAIT). With this option a restart does not wait.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # The address that clients connect to. Only this machine can reach 127.0.0.1. Port 0 means any free port.
        listener.bind(("127.0.0.1", port))
        # From now on the kernel completes handshakes by itself, and keeps up to 16 clients for us.
        listener.listen(16)
        print(f"tcp://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            # A second socket, for this client only. The first one continues to listen.
            client, _ = listener.accept()
            with client, suppress(OSError):  # a client that leaves must not end the server
                # TCP has no messages: a piece is what has arrived by now, and b"" is the end.
                while piece := client.recv(4096):
                    # `send` takes as much as fits and says how much that was; `sendall` goes on until all is taken.
                    client.sendall(piece)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # Ctrl-C
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
