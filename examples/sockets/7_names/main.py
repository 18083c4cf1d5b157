"""Names and addresses: `python 7_names/main.py [name]` looks up the addresses of a name, in the old way and the new way."""

import socket
import sys


def main(name: str) -> None:
    # The full name of a host, if the system knows one. It is for people and logs: it may ask the network and take long.
    print(f"getfqdn({name!r}) = {socket.getfqdn(name)!r}")

    # The old way: one address, IPv4 only, and no information about the kind of socket.
    try:
        print(f"gethostbyname({name!r}) = {socket.gethostbyname(name)!r}")
    except OSError as error:
        print(f"gethostbyname({name!r}): {error.strerror}")

    # The new way: every address, IPv4 and IPv6, in the order in which to try them. Each row has the arguments for
    # `socket` and then for `bind` or `connect`, so the program works with both families.
    try:
        found = socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM)
    except OSError as error:
        sys.exit(f"getaddrinfo({name!r}): {error.strerror}")
    for family, kind, protocol, _, place in found:
        print(
            f"getaddrinfo({name!r}): {socket.AddressFamily(family).name} {place}: {listens(family, kind, protocol, place)}"
        )


def listens(family: int, kind: int, protocol: int, place: tuple[object, ...]) -> str:
    """Return whether this machine can listen on the address: it may belong to another machine."""
    try:
        with socket.socket(family, kind, protocol) as sock:
            sock.bind(place)
            sock.listen()
            return f"could listen, on port {sock.getsockname()[1]} for one"
    except OSError as error:
        return f"cannot listen: {error.strerror}"


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "localhost")
