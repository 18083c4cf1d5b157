"""MultiDict: names and values in order, a name perhaps more than once, as queries and forms have them."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar, overload

_T = TypeVar("_T")


class MultiDict(Generic[_T]):
    """MultiDict in the order in which they came."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[str, _T]]) -> None:
        self._pairs = list(pairs)

    @overload
    def get(self, name: str, default: _T) -> _T: ...

    @overload
    def get(self, name: str, default: None = None) -> _T | None: ...

    def get(self, name: str, default: _T | None = None) -> _T | None:
        """Give the first value of that name."""
        return next((value for key, value in self._pairs if key == name), default)

    def get_all(self, name: str) -> list[_T]:
        """Give every value of that name, in order."""
        return [value for key, value in self._pairs if key == name]

    def items(self) -> list[tuple[str, _T]]:
        """Give every pair, in order."""
        return list(self._pairs)

    def __getitem__(self, name: str) -> _T:
        """Give the first value of that name; raise KeyError where there is none."""
        for key, value in self._pairs:
            if key == name:
                return value
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        """Say whether a pair has that name."""
        return any(key == name for key, _ in self._pairs)

    def __iter__(self) -> Iterator[str]:
        """Give each name once, in order."""
        return iter(dict.fromkeys(name for name, _ in self._pairs))

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self._pairs)

    def __repr__(self) -> str:
        """Show the pairs."""
        return f"{type(self).__name__}({self._pairs!r})"
