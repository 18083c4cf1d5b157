"""UDP, client: `python 6_udp/client.py [port [words]]` sends each word as a datagram, and prints the answers."""

import socket
import sys

TRIES = 3


def ask(sock: socket.socket, word: str, server: tuple[str, int]) -> str:
    """Send a datagram again until an answer comes: the network may lose either of them without notice."""
    for _ in range(TRIES):
        sock.sendto(word.encode(), server)
        try:
            answer, sender = sock.recvfrom(65535)
        except TimeoutError:
            continue
        if sender == server:  # anybody may send to our port
            return answer.decode()
    sys.exit(f"no answer after {TRIES} tries")


def main(port: int, words: list[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.5)
        for word in words:
            # TCP could join or split these. Datagrams stay as they are.
            print(ask(sock, word, ("127.0.0.1", port)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8080, sys.argv[2:] or ["hello", "you"])
