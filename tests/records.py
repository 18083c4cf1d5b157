"""Records of requests that never travelled, for observers."""

from collections.abc import Mapping

from aiosock.observe import RequestRecord


class Head:
    """A request head, as observers see it."""

    def __init__(self, method: str, target: str, version: str, fields: Mapping[str, str]) -> None:
        self.method = method
        self.target = target
        self.version = version
        self._fields = fields

    def field(self, name: str, default: str = "") -> str:
        return self._fields.get(name, default)


def record_of(
    method: str = "GET", target: str = "/", version: str = "HTTP/1.1", fields: Mapping[str, str] | None = None
) -> RequestRecord:
    """Return a record of a request from this machine; what else it has is to be set."""
    return RequestRecord(Head(method, target, version, fields or {}), "127.0.0.1")
