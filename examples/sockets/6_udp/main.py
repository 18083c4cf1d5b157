"""UDP, server: datagrams instead of a stream. `python 6_udp/main.py [port]`, then client.py beside it."""

import socket
import sys
from contextlib import suppress


def main(port: int) -> None:
    # SOCK_DGRAM is UDP: no listen, no accept, no connection. One socket receives from all clients.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", port))
        print(f"udp://127.0.0.1:{sock.getsockname()[1]}", flush=True)
        while True:
            # One call returns one whole datagram and its sender. No datagram is longer than 65,535 bytes; with a
            # smaller number here, the rest of a longer one would be lost. An empty datagram is b"" too, and does not
            # mean an end.
            data, sender = sock.recvfrom(65535)
            with suppress(OSError):  # an answer that cannot be sent is lost, as any datagram may be
                sock.sendto(data.upper(), sender)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # Ctrl-C
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
