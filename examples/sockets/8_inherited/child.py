"""The serving half of step 8, which main.py starts: it takes over a listening socket by its number."""

import os
import socket
import sys
from contextlib import suppress


def main(number: int) -> None:
    # `fromfd` makes a duplicate with its own number; the number that we were given is then not needed any more.
    # `socket.socket(fileno=number)` would use the number itself, and find out the family and type.
    with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as listener:
        os.close(number)
        while True:
            client, _ = listener.accept()
            with client, suppress(OSError):
                serve(client)


def serve(client: socket.socket) -> None:
    """Answer any request without a body, as step 1 does."""
    received = b""
    while b"\r\n\r\n" not in received:
        if not (piece := client.recv(65536)):
            return
        received += piece
    body = f"This is process {os.getpid()}.\n"
    fields = f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    client.sendall(f"HTTP/1.1 200 OK\r\n{fields}\r\n{body}".encode())


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # Ctrl-C in a terminal reaches the child too
        main(int(sys.argv[1]))
