"""The servers: the kind of each, its workloads, its requirements and its command line."""

import shutil
import string
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

PROGRAMS = Path(__file__).parent / "programs"

TEXTS = ("text", "browser", "idle")
PLAIN = (*TEXTS, "json", "html", "echo", "close", "events")
STATIC = ("static-1k", "static-50k", "static-100m")
ALL = (*PLAIN, "api", "multipart", *STATIC)


@dataclass(frozen=True, slots=True)
class Server:
    """One server. {python}, {port} and so on are filled in in `command`, and $port and $files in the file `config`."""

    name: str
    title: str
    kind: Literal["aiosock", "bound", "python", "other"]
    command: str
    offers: tuple[str, ...]
    packages: tuple[str, ...] = ()
    program: str = "python"
    """The program that must be installed, if it is not Python."""
    config: str = ""
    """A file in programs/ with $port and $files in it."""

    def missing(self) -> str | None:
        """Return a text with the requirements that are not installed, or None."""
        absent = [package for package in self.packages if not is_installed(package)]
        if self.program != "python" and shutil.which(self.program) is None:
            absent.append(self.program)
        return f"not installed: {', '.join(absent)}" if absent else None

    def arguments(self, port: int, files: Path) -> list[str]:
        """Return the command line for a port, and write the configuration file if there is one."""
        config = files / f"{self.name}-{port}.conf"
        if self.config:
            template = string.Template((PROGRAMS / self.config).read_text())
            config.write_text(template.substitute(port=port, files=files))
        names = {"python": sys.executable, "programs": PROGRAMS, "port": port, "files": files, "config": config}
        return [word.format(**names) for word in self.command.split()]


def is_installed(package: str) -> bool:
    """Return whether a distribution is installed."""
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


AIOSOCK = ("aiofiles", "cyclopts", "multipart")
ON_UVICORN = ("uvicorn", "httptools", "uvloop")

MODULE = "{python} -m benchmarks.programs."
LOGGING = MODULE + "aiosock_app {port} uvloop "
UVICORN = (
    "{python} -m uvicorn --port {port} --http httptools --loop uvloop --timeout-keep-alive 75 "
    "--no-access-log --log-level warning benchmarks.programs."
)
GRANIAN = (
    "{python} -m granian --port {port} --workers 1 --loop uvloop --no-access-log --log-level warning "
    "--static-path-route /static --static-path-mount {files}/static --interface "
)

SERVERS = (
    Server("aiosock", "aiosock", "aiosock", MODULE + "aiosock_app {port} uvloop", ALL, (*AIOSOCK, "uvloop")),
    Server("aiosock-asyncio", "aiosock (asyncio)", "aiosock", MODULE + "aiosock_app {port} asyncio", ALL, AIOSOCK),
    Server("aiosock-log", "aiosock, with its access log", "aiosock", LOGGING + "combined", TEXTS, (*AIOSOCK, "uvloop")),
    Server("aiosock-log-json", "aiosock, with it in JSON", "aiosock", LOGGING + "json", TEXTS, (*AIOSOCK, "uvloop")),
    Server("limit", "the limit", "bound", MODULE + "limit {port}", TEXTS, ("uvloop",)),
    Server("floor", "the floor", "bound", MODULE + "floor {port}", TEXTS, ("uvloop",)),
    Server("uvicorn", "uvicorn, bare ASGI", "python", UVICORN + "asgi_app:app", PLAIN, ON_UVICORN),
    Server(
        "starlette",
        "uvicorn + Starlette",
        "python",
        UVICORN + "starlette_app:app",
        ALL,
        (*ON_UVICORN, "starlette", "python-multipart"),
    ),
    Server(
        "fastapi",
        "uvicorn + FastAPI",
        "python",
        UVICORN + "fastapi_app:app",
        ALL,
        (*ON_UVICORN, "fastapi", "python-multipart"),
    ),
    Server("aiohttp", "aiohttp", "python", MODULE + "aiohttp_app {port}", ALL, ("aiohttp", "uvloop")),
    Server("sanic", "Sanic", "python", MODULE + "sanic_app {port}", ALL, ("sanic",)),
    Server(
        "blacksheep",
        "uvicorn + BlackSheep",
        "python",
        UVICORN + "blacksheep_app:app",
        ALL,
        (*ON_UVICORN, "blacksheep"),
    ),
    Server(
        "granian-asgi",
        "Granian, bare ASGI",
        "python",
        GRANIAN + "asgi benchmarks.programs.asgi_app:app",
        (*PLAIN, *STATIC),
        ("granian", "uvloop"),
    ),
    Server(
        "granian-rsgi",
        "Granian, bare RSGI",
        "python",
        GRANIAN + "rsgi benchmarks.programs.rsgi_app:app",
        (*PLAIN, *STATIC),
        ("granian", "uvloop"),
    ),
    Server(
        "hypercorn",
        "Hypercorn, bare ASGI",
        "python",
        "{python} -m hypercorn --bind 127.0.0.1:{port} --worker-class uvloop --keep-alive 75 --log-level warning "
        "benchmarks.programs.asgi_app:app",
        PLAIN,
        ("hypercorn", "uvloop"),
    ),
    Server("tornado", "Tornado", "python", MODULE + "tornado_app {port}", ALL, ("tornado", "uvloop")),
    Server(
        "socketify",
        "socketify",
        "python",
        MODULE + "socketify_app {port}",
        # Not "close": wrk needs `Connection: close` in the response, and socketify does not send it.
        (*TEXTS, "json", "html", "echo", "api", "events", *STATIC),
        ("socketify",),
    ),
    Server("node", "Node's http", "other", "node {programs}/node_http.mjs {port}", PLAIN, program="node"),
    Server(
        "nginx",
        "nginx",
        "other",
        "nginx -e stderr -p {files} -c {config}",
        (*TEXTS, "close", *STATIC),
        program="nginx",
        config="nginx.conf",
    ),
)
