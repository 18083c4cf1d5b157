"""The effect of socket options: `python 9_options/main.py` sets them, reads them, and shows the difference. For Linux."""

import select
import socket
import time


def listener(port: int, *options: int, backlog: int = 16) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        for option in options:
            sock.setsockopt(socket.SOL_SOCKET, option, 1)  # before `bind`, which is where they count
        sock.bind(("127.0.0.1", port))
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    return sock


def outcome(port: int, *options: int) -> str:
    try:
        with listener(port, *options) as sock:
            return f"listens, with options {[sock.getsockopt(socket.SOL_SOCKET, option) for option in options]}"
    except OSError as error:
        return f"fails: {error.strerror}"


def reuse_address() -> None:
    """Without SO_REUSEADDR, `bind` fails while old connections of the port are in TIME_WAIT, as after a restart."""
    with listener(0, socket.SO_REUSEADDR) as first:
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            first.accept()[0].close()  # the side that closes first is in TIME_WAIT: here, the server
            client.recv(1)
    print("restart without SO_REUSEADDR:", outcome(port))
    print("restart with SO_REUSEADDR:", outcome(port, socket.SO_REUSEADDR))


def reuse_port() -> None:
    """If all of them set SO_REUSEPORT, several processes may listen on one port; the kernel spreads the clients."""
    with listener(0, socket.SO_REUSEPORT) as first:
        port = first.getsockname()[1]
        print("second listener without SO_REUSEPORT:", outcome(port))
        print("second listener with SO_REUSEPORT:", outcome(port, socket.SO_REUSEPORT))


def no_delay() -> None:
    """By default the kernel holds back a small piece until the one before is acknowledged, which may take 40 ms."""
    for value in (0, 1):
        with listener(0) as first, socket.create_connection(first.getsockname()) as client, first.accept()[0] as server:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, value)
            began = time.perf_counter()
            for _ in range(20):
                client.sendall(b"a request in ")
                client.sendall(b"two pieces")
                server.recv(23, socket.MSG_WAITALL)  # a flag: do not return before all 23 bytes are there
                server.sendall(b"!")
                client.recv(1)
            print(f"TCP_NODELAY={value}: 20 requests in {(time.perf_counter() - began) * 1000:.0f} ms")


def backlog() -> None:
    """Linux keeps one client more than the backlog; the others get no answer, and their kernels try again."""
    for size in (1, 4):
        with listener(0, backlog=size) as sock:
            clients = [socket.socket() for _ in range(10)]
            for client in clients:
                client.setblocking(False)
                client.connect_ex(sock.getsockname())
            time.sleep(0.1)
            _, connected, _ = select.select([], clients, [], 0)
            print(f"backlog {size}: {len(connected)} of 10 clients are connected, and nobody has called accept")
            for client in clients:
                client.close()


if __name__ == "__main__":
    for show in (reuse_address, reuse_port, no_delay, backlog):
        show()
