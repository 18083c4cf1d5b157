"""What the blocks of a page need: the server they ask, the files beside it, the names that the Python uses."""

from collections.abc import Sequence
from typing import NamedTuple


class Stage(NamedTuple):
    """The things that exist before the first block of a page runs.

    `serve` is the Python program that serves the requests of the page's commands; `files` are copied from the project;
    `prepare` is a command; `given` is Python that runs first. A server that `complains` may log a traceback.
    """

    serve: Sequence[str] = ()
    files: Sequence[str] = ()
    prepare: str = ""
    given: str = ""
    complains: bool = False


AN_APP = """
from aiosock import App, Request, Response
from aiosock.testing import Client

app = App()

@app.get("/users/{id:int}")
async def user(request: Request, id: int) -> dict[str, int]:
    return {"id": id}

@app.post("/upload")
async def upload(request: Request) -> int:
    return len(await request.read())
"""

STAGES = {
    "README.md": Stage(
        serve=["run.py"],
        files=["run.py", "static"],
        prepare="mkdir pictures package; echo 'from run import app' > package/module.py; echo 'port = 0' > aiosock.toml",
    ),
    "docs/README.md": Stage(serve=["-m", "aiosock", "hello:app"]),
    "docs/how-to/check-a-server.md": Stage(serve=["run.py"], files=["run.py", "static"]),
    "docs/how-to/cookies-and-sessions.md": Stage(given="import os; os.environ['SECRET'] = 's' * 32"),
    "docs/how-to/debug.md": Stage(serve=["-m", "aiosock", "boards:app", "--debug"], complains=True),
    "docs/how-to/develop.md": Stage(prepare="mkdir public"),
    "docs/how-to/run-it.md": Stage(given=AN_APP),
    "docs/how-to/serve-files.md": Stage(
        serve=["-m", "aiosock", "serve", "files", "--upload"],
        prepare="mkdir -p files/docs pictures dist static; head -c 3000000 /dev/zero > files/big.bin; touch dist/index.html;"
        " head -c 48213 /dev/zero > report.pdf; printf aaa > a.txt; printf bbbbb > b.txt",
    ),
    "docs/how-to/several-files.md": Stage(prepare="mkdir shop"),
    "docs/how-to/templates.md": Stage(given="import os; os.environ['SECRET'] = 's' * 32; os.mkdir('templates')"),
    "docs/how-to/test-an-app.md": Stage(given=AN_APP),
    "docs/tutorial/a-link-shortener.md": Stage(
        serve=["-m", "aiosock", "shortener:app", "--debug"],
        given="import os; __file__ = os.path.abspath('shortener.py')",
        complains=True,
    ),
    "docs/tutorial/first-handlers.md": Stage(serve=["-m", "aiosock", "hello:app"], prepare="mkdir public"),
}
