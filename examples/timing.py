"""A middleware that measures the time of each request, and a handler that counts the bytes of a streamed upload."""

from time import perf_counter

from aiosock import App, Handler, Request, Response, run

app = App()


@app.middleware
async def timing(request: Request, next: Handler) -> Response:
    began = perf_counter()
    response = await next(request)
    response.headers["server-timing"] = f"app;dur={(perf_counter() - began) * 1000:.2f}"
    return response


@app.put("/size")
async def size(request: Request) -> dict[str, int]:
    total = 0
    async for piece in request.body:
        total += len(piece)
    return {"bytes": total}


if __name__ == "__main__":
    run(app, port=8080)
