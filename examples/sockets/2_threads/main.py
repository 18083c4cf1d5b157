"""Step 2, a thread per client: `python 2_threads/main.py [port]`, then `curl localhost:8080/hello/you`."""

import re
import socket
import sys
import threading
import time
from contextlib import suppress
from urllib.parse import unquote


def main(port: int) -> None:
    # The calls of step 1 in one: socket, setsockopt(SO_REUSEADDR), bind, listen.
    with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            try:
                client, _ = listener.accept()
                # A stack and a place in the scheduler for each client, even for one that says nothing.
                # A daemon thread does not keep the process from ending.
                threading.Thread(target=serve, args=(client,), daemon=True).start()
            except (OSError, RuntimeError):  # no descriptor or thread is left: try again when other clients have left
                time.sleep(0.1)


def serve(client: socket.socket) -> None:
    with client, suppress(OSError):  # a client that leaves must not end the thread with a traceback
        received = b""
        while (response := respond(received)) is None:
            if not (piece := client.recv(65536)):  # only this thread waits
                return
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
