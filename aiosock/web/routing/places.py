"""Places: where a parameter of a handler is read from, and the marks in its annotation that say so."""

import re
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from aiosock.errors import RouteError
from aiosock.headers import TCHAR
from aiosock.web.forms import Form, Upload
from aiosock.web.multidict import Query

Place = Literal["path", "query", "header", "cookie", "form", "body", "resource"]
"""The part of a request that has a parameter; a resource is not read, but made by a provider."""

_TOKEN: Final = re.compile(rf"[{TCHAR}]++")


class Header:
    """A mark: a parameter is read from a header field, `Annotated[str, Header]` or `Annotated[str, Header("x-name")]`.

    ```python
    @app.get("/greeting")
    async def greeting(
        request: Request,
        *,
        accept_language: Annotated[str, Header] = "en",
        visits: Annotated[int, Header("x-visits")] = 0,
    ) -> str:
        return f"{accept_language}, {visits}"
    ```

    Without a name, that of the parameter is taken, with hyphens for underscores. Raises RouteError for a name that is
    no token.
    """

    def __init__(self, name: str) -> None:
        self.name: str = _checked(name).lower()

    def __repr__(self) -> str:
        """Show the name."""
        return f"Header({self.name!r})"


class Cookie:
    """A mark: a parameter is read from a cookie, `Annotated[str, Cookie]` or `Annotated[str, Cookie("name")]`.

    ```python
    @app.get("/")
    async def page(request: Request, *, theme: Annotated[str, Cookie] = "light") -> str:
        return theme
    ```

    Without a name, that of the parameter is taken. Raises RouteError for a name that is no token.
    """

    def __init__(self, name: str) -> None:
        self.name: str = _checked(name)

    def __repr__(self) -> str:
        """Show the name."""
        return f"Cookie({self.name!r})"


_MARKS: Final[dict[Any, Place]] = {Header: "header", Cookie: "cookie", Form: "form", Query: "query"}


def marked_place(annotation: Any, name: str) -> tuple[Place, str] | None:
    """Return where an annotation says that a parameter is, and its name there; None if it does not say that."""
    annotation = getattr(annotation, "__value__", annotation)  # the type behind `type Name = ...`
    if get_origin(annotation) is Annotated:
        for mark in get_args(annotation)[1:]:
            if isinstance(mark, Header | Cookie):
                return _MARKS[type(mark)], mark.name
            if isinstance(mark, type) and mark in _MARKS:
                place = _MARKS[mark]
                return place, wire_name(name, place)
    return ("form", name) if has_files(annotation) else None


def wire_name(name: str, place: Place) -> str:
    """Return the name of a field in a place, from its name in Python: the names of header fields have hyphens."""
    return name.strip("_").replace("_", "-").lower() if place == "header" else name


def has_files(annotation: Any) -> bool:
    """Return whether an annotation is, or has in it, an Upload, or is a whole Form."""
    annotation = getattr(annotation, "__value__", annotation)
    return annotation in (Upload, Form) or (
        get_origin(annotation) is not Literal and any(map(has_files, get_args(annotation)))
    )


def _checked(name: str) -> str:
    # RFC 9110 section 5.1, RFC 6265 section 4.1.1
    if not _TOKEN.fullmatch(name):
        raise RouteError(f"{name!r} is not the name of a header field or a cookie")
    return name
