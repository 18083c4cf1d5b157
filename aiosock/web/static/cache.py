"""FileCache: files that were served recently, up to a number of bytes."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from aiosock.web.static.representation import Resource

FRESH_SECONDS: Final = 1.0
"""Seconds after which a path is checked in the file system again."""


class FileCache:
    """Resources by path. The least recently used one is dropped first.

    After `fresh_seconds` a path is checked in the file system again. If they are 0, nothing is kept.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self.clock = clock
        self.fresh_seconds = fresh_seconds
        self.weight: int = 0
        self._resources: OrderedDict[str, Resource] = OrderedDict()

    def fresh(self, path: str) -> Resource | None:
        """Return the resource of a path, or None if there is none or it must be checked in the file system again."""
        resource = self._resources.get(path)
        if resource is None or self.clock() - resource.checked >= self.fresh_seconds:
            return None
        self._resources.move_to_end(path)
        return resource

    def touch(self, path: str) -> None:
        """Mark a resource as fresh: a lookup is running, and other requests need not start another one."""
        resource = self._resources.get(path)
        if resource is not None:
            resource.checked = self.clock()

    def put(self, path: str, resource: Resource, limit: int) -> None:
        """Keep a resource, and drop others until all together weigh at most `limit` bytes."""
        self.drop(path)
        if resource.weight > limit or not self.fresh_seconds:
            return
        resource.checked = self.clock()
        self._resources[path] = resource
        self.weight += resource.weight
        while self.weight > limit:
            _, dropped = self._resources.popitem(last=False)
            self.weight -= dropped.weight

    def drop(self, path: str) -> None:
        """Forget a path."""
        resource = self._resources.pop(path, None)
        if resource is not None:
            self.weight -= resource.weight
