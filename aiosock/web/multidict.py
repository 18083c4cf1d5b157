"""MultiDict: names and values in order, as in queries and forms, where a name may come more than once."""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Generic, TypeVar, overload

from aiosock.errors import HTTPError

_T = TypeVar("_T")


class Missing(HTTPError, KeyError):
    """A name that a handler needs is not there: the client's mistake, so a 400."""


class MultiDict(Generic[_T]):
    """Names and values, in order. A name may have several values."""

    __slots__ = ("_pairs",)

    where: ClassVar[str] = "The form"
    """What a client is told of where a name is missing."""

    def __init__(self, pairs: Iterable[tuple[str, _T]]) -> None:
        self._pairs = list(pairs)

    @overload
    def get(self, name: str, default: _T) -> _T: ...

    @overload
    def get(self, name: str, default: None = None) -> _T | None: ...

    def get(self, name: str, default: _T | None = None) -> _T | None:
        """Return the first value of that name, or `default`."""
        for key, value in self._pairs:
            if key == name:
                return value
        return default

    def get_all(self, name: str) -> list[_T]:
        """Return all values of that name, in order."""
        return [value for key, value in self._pairs if key == name]

    def items(self) -> list[tuple[str, _T]]:
        """Return all pairs, in order."""
        return list(self._pairs)

    def keys(self) -> list[str]:
        """Return each name once, in order. With it, `dict(query)` has the values that `[]` returns."""
        return list(self)

    def __getitem__(self, name: str) -> _T:
        """Return the first value of that name.

        Raises an HTTPError (400), which is a KeyError too, if there is none.
        """
        for key, value in self._pairs:
            if key == name:
                return value
        raise Missing(400, f"{self.where} has no {name!r}.")

    def __contains__(self, name: object) -> bool:
        """Return whether there is a value of that name."""
        return name in [key for key, _ in self._pairs]

    def __iter__(self) -> Iterator[str]:
        """Yield each name once, in order."""
        return iter(dict.fromkeys(name for name, _ in self._pairs))

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self._pairs)

    def __repr__(self) -> str:
        """Show the pairs."""
        return f"{type(self).__name__}({self._pairs!r})"


class Query(MultiDict[str]):
    """The pairs of a query string, in order; a name may come more than once.

    ```python
    @dataclass
    class Search:
        text: str
        tag: list[str]


    @app.get("/search")
    async def search(request: Request, search: Annotated[Search, Query]) -> str:
        return f"{search.text} {search.tag}, page {request.query.get('page', '1')}"
    ```

    `request.query` is one. In an annotation it is a mark: that parameter is read from the query.
    """

    __slots__ = ()

    where = "The query"
