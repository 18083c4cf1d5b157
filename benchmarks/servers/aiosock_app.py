"""aiosock with everything on that is on by default, but the access log."""

import sys

from aiosock import App, Request, run

app = App()


@app.get("/")
async def hello(request: Request) -> str:
    return "Hello, world!"


run(app, port=int(sys.argv[1]), loop="uvloop", access_log=False)
