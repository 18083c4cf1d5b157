"""Step 1, one client at a time: `python 1_blocking/main.py [port]`, then `curl localhost:8080/hello/you`."""

import re
import socket
import sys
from contextlib import suppress
from urllib.parse import unquote


def main(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            client, _ = listener.accept()
            serve(client)  # all other clients wait in the backlog until this returns


def serve(client: socket.socket) -> None:
    with client, suppress(OSError):  # a client that leaves must not end the server
        received = b""
        while (response := respond(received)) is None:
            # Waits as long as the client likes, and keeps as much as it sends: there is no timeout and no limit.
            if not (piece := client.recv(65536)):
                return  # the client has ended its side, in the middle of a request
            received += piece
        client.sendall(response)


# HTTP. From here on, steps 1 to 4 are the same.
def respond(received: bytes) -> bytes | None:
    """Return the response to the bytes that a client has sent so far, or None if more must come."""
    head, blank, rest = received.partition(b"\r\n\r\n")  # an empty line ends the head
    if not blank:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = fields.get("content-length", "0")
    # The end of a body is never guessed: its rest could be read as another request. So a field must not come twice.
    is_sure = len(fields) == len(lines) and "transfer-encoding" not in fields and re.fullmatch("[0-9]{1,9}", length)
    if first.count(" ") != 2 or "host" not in fields or not is_sure or re.search(r"\s", "".join(fields)):
        return answer(first.split(" ")[0], "400 Bad Request", b"400 Bad Request\n")
    if len(rest) < int(length):
        return None
    method, target, _ = first.split(" ")
    match method, target.partition("?")[0].split("/"):
        case "GET" | "HEAD", ["", ""]:
            return answer(method, "200 OK", b"<h1>A page from a socket</h1>\n", "text/html; charset=utf-8")
        case "GET" | "HEAD", ["", "hello", name] if name:
            return answer(method, "200 OK", f"Hello, {unquote(name)}!\n".encode())
        case "GET" | "HEAD", ["", "sum", number] if re.fullmatch("[0-9]{1,9}", number):
            return answer(method, "200 OK", b"%d\n" % sum(n for n in range(int(number))))
        case "POST", ["", "echo"]:
            return answer(method, "200 OK", rest[: int(length)], "application/octet-stream")
    return answer(method, "404 Not Found", b"404 Not Found\n")


def answer(method: str, status: str, body: bytes, kind: str = "text/plain; charset=utf-8") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + (b"" if method == "HEAD" else body)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # Ctrl-C
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
