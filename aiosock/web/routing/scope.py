"""Scope: the resources of one request. Each is made when it is first needed, and closed after the response was sent."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any

from aiosock.web.request import Request
from aiosock.web.routing.provider import Provider
from aiosock.web.routing.providers import Providers

logger: logging.Logger = logging.getLogger("aiosock.app")


class Scope:
    """What providers have made for one request."""

    __slots__ = ("_made", "_open", "_request", "failure")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._made: dict[object, Any] = {}  # by the function: apps that share one share what it makes
        self._open: list[tuple[Provider, AsyncGenerator[Any, None]]] = []
        self.failure: BaseException | None = None
        """The exception that an app has answered, if there was one."""

    async def get(self, kind: Any, providers: Providers) -> Any:
        """Return the resource of a type; make it, and what it needs, if this request does not have it yet.

        Raises what a provider raises.
        """
        if kind in providers.values:
            return providers.values[kind]
        provider = providers.of(kind)
        if provider.function in self._made:
            return self._made[provider.function]
        values = {need.name: await self.get(need.kind, providers) for need in provider.needs}
        value, generator = await provider.open(self._request, values)
        if generator is not None:
            self._open.append((provider, generator))
        self._made[provider.function] = value
        return value

    async def close(self, failure: BaseException | None) -> None:
        """Close what is open, the last one first. Each is told of what ended the request, if it was an exception.

        Exceptions are logged. A cancellation comes out when all are closed.
        """
        failure, self.failure = failure or self.failure, None
        cancelled: BaseException | None = None
        self._made.clear()
        try:
            while self._open:
                provider, generator = self._open.pop()
                try:
                    await provider.close(generator, failure)
                except asyncio.CancelledError as error:
                    failure = cancelled = error
                except Exception:
                    logger.exception("provider %s failed when it was closed", provider.name)
            if cancelled is not None:
                raise cancelled
        finally:
            # Nothing of the request waits for the garbage collector. An error refers to this frame by its traceback.
            self._request.resources = self._request.error = None
            del failure, cancelled


def scope_of(request: Request) -> Scope:
    """Return the scope of a request, made when it is first asked for."""
    scope = request.resources
    if scope is None:
        scope = request.resources = Scope(request)
        request.exchange.when_sent(scope.close)
    assert isinstance(scope, Scope)
    return scope
