"""Application: an app as the handlers of a request see it."""

from typing import Any, Protocol

from aiosock.web.urls import Names


class Application(Names, Protocol):
    """The app that answers a request, as its handlers see it."""

    @property
    def state(self) -> Any:
        """The app's own namespace."""

    def url_for(self, name: str, /, **params: object) -> str:
        """Return the path of the route with that name."""
