"""The smallest client: `python 0_echo/client.py [port [text]]` sends a text and prints what comes back."""

import socket
import sys


def main(port: int, text: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        # No bind: the kernel picks a free port for our end. No listen: nobody connects to us.
        server.connect(("127.0.0.1", port))
        unsent = text.encode()
        while unsent:
            # `sendall` does the same: `send` may take fewer bytes than it is given.
            sent = server.send(unsent)
            unsent = unsent[sent:]
        # We have sent everything. The server reads b"" and closes; we can still read.
        server.shutdown(socket.SHUT_WR)
        received = b""
        # The bytes of one `send` may arrive in two pieces, and those of two in one: read to the end first.
        while piece := server.recv(4096):
            received += piece
    print(received.decode())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8080, " ".join(sys.argv[2:]) or "hello")
