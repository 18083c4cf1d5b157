"""URLs by name: in the app that a request has reached, in those mounted in it, and in those around it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol
from urllib.parse import quote

from aiosock.errors import RouteError


class Names(Protocol):
    """An app, as far as names lead to paths."""

    def path_of(self, name: str, params: Mapping[str, object]) -> str | None:
        """Return the path of a name in this app or below it, None if there is none.

        Raises RouteError for parameters that do not fit, and for a name that is that of several routes.
        """

    def names(self) -> Iterable[str]:
        """Return the names of this app's routes, and of those of the apps mounted in it."""


Place = tuple[Names, str]
"""An app that a request has reached, and the prefixes of the mounts that lead to it."""


def url_for(places: Sequence[Place], name: str, params: Mapping[str, object]) -> str:
    """Return the path of the first route with that name in these apps, the innermost first.

    A colon at the start of a name stands for the outermost app. Raises RouteError if there is no such name, and what
    `Names.path_of` raises.
    """
    searched = places[-1:] if name.startswith(":") else places
    for app, prefix in searched:
        path = app.path_of(name.removeprefix(":"), params)
        if path is not None:
            return quote(prefix) + path
    raise RouteError(f"no route is named {name!r}{_advice(name, searched)}")


def _advice(name: str, places: Sequence[Place]) -> str:
    from difflib import get_close_matches  # here: it is needed for mistakes only

    close = get_close_matches(name, sorted({known for app, _ in places for known in app.names()}), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
