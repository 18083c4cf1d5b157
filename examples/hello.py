"""The smallest app: `python examples/hello.py`, then `curl localhost:8080`."""

from aiosock import App, Request, run

app = App()


@app.get("/")
async def hello(request: Request) -> str:
    return "Hello, world!\n"


if __name__ == "__main__":
    run(app, port=8080)
