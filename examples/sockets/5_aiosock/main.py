"""Step 5, aiosock: `python 5_aiosock/main.py [port [options]]`, then `curl localhost:8080/hello/you`."""

import sys

from aiosock import App, Request, Response
from aiosock.cli import main

app = App()


@app.get("/")
async def page(request: Request) -> Response:
    return Response.html("<h1>A page from a socket</h1>\n")


@app.get("/hello/{name}")
async def hello(request: Request, name: str) -> str:
    return f"Hello, {name}!\n"


@app.get("/sum/{number:int}")
async def add(request: Request, number: int) -> str:
    # Here, too, one thread serves all clients: use `asyncio.to_thread` for long computations, or aiosock logs a
    # warning.
    return f"{sum(n for n in range(number))}\n"


@app.post("/echo")
async def echo(request: Request) -> Response:
    return Response(await request.read(), headers={"content-type": "application/octet-stream"})


if __name__ == "__main__":
    # Limits and timeouts are options: `python 5_aiosock/main.py 8080 --timeouts.head-seconds 1`.
    main(app, ["--port", *(sys.argv[1:] or ["8080"])])
