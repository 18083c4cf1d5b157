"""Endpoint: reads a typed handler's parameters from the request, then calls it, or reports all problems."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from aiosock.errors import HTTPError, RouteError, ValidationError
from aiosock.web.forms import Form
from aiosock.web.request import Request
from aiosock.web.routing.places import Place
from aiosock.web.routing.signature import Endpoint, Parameter
from aiosock.web.routing.typed.body import BodyReader
from aiosock.web.routing.typed.fields import FieldReader, ModelReader, Problems, Source, reader_of, share_places
from aiosock.web.routing.typed.problems import MAX_PROBLEMS


class _Pairs:
    """Names, each with one value, as a Source."""

    def __init__(self, pairs: Mapping[str, Any]) -> None:
        self._pairs = pairs

    def get_all(self, name: str) -> list[Any]:
        """Return the value, in a list, or []."""
        return [self._pairs[name]] if name in self._pairs else []

    def __iter__(self) -> Iterator[str]:
        return iter(self._pairs)


_SOURCES: Mapping[Place, Callable[[Request], Source]] = {
    "query": attrgetter("query"),
    "header": attrgetter("headers"),
    "cookie": lambda request: _Pairs(request.cookies),
}


def typed_endpoint(endpoint: Endpoint, parameters: Collection[Parameter], methods: Collection[str]) -> Endpoint:
    """Return an endpoint that fills `parameters`; raise RouteError for those that cannot be read from a request."""
    readers = [(_SOURCES[each.place], reader_of(each)) for each in parameters if each.place in _SOURCES]
    in_path = [(each.name, reader_of(each)) for each in parameters if each.place == "path"]
    body = body_of(parameters, methods)
    body_reader = None if body is None else BodyReader(body)
    form_reader = _FormReader.of([each for each in parameters if each.place == "form"])
    share_places([*(reader for _, reader in readers), *(() if form_reader is None else form_reader.readers)])

    async def typed(request: Request, /, **values: Any) -> object:
        for name, in_its_path in in_path:
            _read_path(request, name, in_its_path, values)
        problems: Problems = []
        for source, reader in readers:
            reader.read(source(request), values, problems)
        if body_reader is not None:
            await body_reader.read(request, values, problems)
        elif form_reader is not None:
            await form_reader.read(request, values, problems)
        if problems:
            raise ValidationError(problems[:MAX_PROBLEMS])
        return await endpoint(request, **values)

    return typed


def body_of(parameters: Collection[Parameter], methods: Collection[str]) -> Parameter | None:
    """Return the parameter for the body; raise RouteError for a second one, and for a method that has no body."""
    bodies = [parameter for parameter in parameters if parameter.place == "body"]
    forms = [parameter for parameter in parameters if parameter.place == "form"]
    readers = [*bodies, *forms]
    if len(bodies) > 1 or (bodies and forms):
        names = " and ".join(repr(parameter.name) for parameter in readers)
        raise RouteError(f"a request has one body, but the parameters {names} would each take it")
    # RFC 9110 sections 9.3.1 and 9.3.2: content in these requests has no meaning, and may be lost on the way.
    if readers and not {"GET", "HEAD"}.isdisjoint(methods):
        advice = "; if a provider makes it, register that first" if bodies else ""
        raise RouteError(f"the parameter {readers[0].name!r} would take the body, but GET and HEAD have none{advice}")
    return bodies[0] if bodies else None


class _FormReader:
    """Reads the parameters that are in a form."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._whole = [each.name for each in parameters if each.annotation is Form]
        self.readers = [reader_of(each) for each in parameters if each.annotation is not Form]
        self._may_be_missing = not any(each.is_required for each in parameters)

    @classmethod
    def of(cls, parameters: Sequence[Parameter]) -> "_FormReader | None":
        """Return a reader, None if there is nothing to read."""
        return cls(parameters) if parameters else None

    async def read(self, request: Request, values: dict[str, Any], problems: Problems) -> None:
        """Put what is in the form into `values`, or what is wrong with it into `problems`.

        A request without a body is skipped if all have defaults. Raises what `Request.form` raises.
        """
        if self._may_be_missing and request.incoming.length == 0:
            return
        form = await request.form()
        values.update(dict.fromkeys(self._whole, form))
        for reader in self.readers:
            reader.read(form, values, problems)


def _read_path(request: Request, name: str, reader: FieldReader | ModelReader, values: dict[str, Any]) -> None:
    """Replace a parameter of the path by its value as annotated; raise HTTPError (404) if it is none."""
    problems: Problems = []
    reader.read(_Pairs(values), values, problems)
    if problems:
        raise HTTPError(404, f"Nothing is at {request.path}: {name} is not valid. {problems[0]['detail']}.")
