"""Heads of requests that never travelled, for what is told of them."""

from collections.abc import Mapping


class Head:
    """A request head, as observers see it."""

    def __init__(self, method: str, target: str, version: str, fields: Mapping[str, str]) -> None:
        self.method = method
        self.target = target
        self.version = version
        self._fields = fields

    def field(self, name: str, default: str = "") -> str:
        return self._fields.get(name, default)
