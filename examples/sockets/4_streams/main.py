"""Step 4, the loop of asyncio: `python 4_streams/main.py [port]`, then `curl localhost:8080/hello/you`."""

import asyncio
import re
import sys
from contextlib import suppress
from urllib.parse import unquote


async def run(port: int) -> None:
    # This calls socket, setsockopt, bind and listen, adds a selector, accepts, and starts a task for each client.
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()  # forever: Ctrl-C cancels this, and then the tasks of the clients


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Do the same as step 1. Each `await` is a `yield` of step 3, and the loop comes with Python."""
    with suppress(OSError, asyncio.CancelledError):  # the client has left; the server ends
        received = b""
        while (response := respond(received)) is None:
            if not (piece := await reader.read(65536)):  # still without a timeout, and still without a limit
                break
            received += piece
        writer.write(response or b"")
        await writer.drain()  # waits for a client that reads slowly; without it the answer would pile up here
    writer.close()


def main(port: int) -> None:
    asyncio.run(run(port))


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
