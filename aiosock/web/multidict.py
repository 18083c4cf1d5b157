"""MultiDict: names and values in order, as in queries and forms, where a name may come more than once."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar, overload

_T = TypeVar("_T")


class MultiDict(Generic[_T]):
    """Names and values, in order. A name may have several values."""

    __slots__ = ("_pairs",)

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
        """Return the first value of that name; raise KeyError if there is none."""
        for key, value in self._pairs:
            if key == name:
                return value
        raise KeyError(name)

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
