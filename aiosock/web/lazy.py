"""Lazy: a property that is computed when it is first read."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

_T = TypeVar("_T")


class lazy(Generic[_T]):
    """A property that is computed when it is first read, then kept.

    It is `functools.cached_property` as Python has it since 3.12, without the lock that makes it slow on 3.11.
    """

    def __init__(self, make: Callable[[Any], _T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> _T: ...

    def __get__(self, instance: object, owner: type) -> Self | _T:
        if instance is None:
            return self
        value = self._make(instance)
        # Not by `instance.__dict__`: from there on, CPython 3.11 would find every attribute of the instance by its slow
        # way.
        setattr(instance, self._name, value)
        return value
