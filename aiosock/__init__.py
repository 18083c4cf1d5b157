"""An HTTP server and async router that you can read in an afternoon and put on the internet."""

from aiosock.config import Config, Limits, Timeouts
from aiosock.errors import (
    AiosockError,
    ConfigError,
    Disconnected,
    HTTPError,
    ProtocolError,
    ResponseError,
    RouteError,
    ValidationError,
)
from aiosock.headers import Headers
from aiosock.net.server import Server
from aiosock.runner import serve
from aiosock.running import run
from aiosock.version import __version__ as __version__
from aiosock.web.app import App
from aiosock.web.events import Event, EventStream
from aiosock.web.forms import Form, Upload
from aiosock.web.handler import Handler, Middleware
from aiosock.web.multidict import Query
from aiosock.web.request import Request
from aiosock.web.response import Redirect, Response, Upgrade
from aiosock.web.routing.pattern import Convertor
from aiosock.web.routing.places import Cookie, Header
from aiosock.web.routing.router import Router
from aiosock.web.static import FileResponse, StaticFiles

__all__ = [
    "AiosockError",
    "App",
    "Config",
    "ConfigError",
    "Convertor",
    "Cookie",
    "Disconnected",
    "Event",
    "EventStream",
    "FileResponse",
    "Form",
    "HTTPError",
    "Handler",
    "Header",
    "Headers",
    "Limits",
    "Middleware",
    "ProtocolError",
    "Query",
    "Redirect",
    "Request",
    "Response",
    "ResponseError",
    "RouteError",
    "Router",
    "Server",
    "StaticFiles",
    "Timeouts",
    "Upgrade",
    "Upload",
    "ValidationError",
    "run",
    "serve",
]


def __dir__() -> list[str]:
    """Return the public names, without the modules that they come from: completion offers these."""
    return [*__all__, "__version__"]
