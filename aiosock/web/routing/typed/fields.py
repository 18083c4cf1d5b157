"""Fields: read the parameters of a handler from the query, header fields, cookies, the path or a form."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import unquote

import msgspec
from msgspec import inspect

from aiosock.errors import RouteError
from aiosock.web.forms import Upload
from aiosock.web.routing.places import Place, wire_name
from aiosock.web.routing.signature import Parameter, has_model
from aiosock.web.routing.typed.problems import MAX_DETAIL, Checker, first_problem, members_of
from aiosock.web.routing.typed.texts import Texts
from aiosock.web.routing.typed.types import contains
from aiosock.web.routing.typed.values import fill_in


class Source(Protocol):
    """What a request has in one place: names and values, such as a Query or a Form."""

    def get_all(self, name: str) -> Sequence[str | Upload]:
        """Return the values of a name."""

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""


Problems = list[Mapping[str, str]]

_OBJECTS = (inspect.StructType, inspect.DataclassType)


class FieldReader:
    """Reads one parameter. A list takes all values of its name, any other type exactly one."""

    def __init__(self, parameter: Parameter) -> None:
        """Raise RouteError for an annotation that cannot be read from text."""
        self._name = parameter.name
        self._wire_name = parameter.wire_name
        self._type = parameter.annotation
        self.place: Place = parameter.place
        self.names: set[str] = {parameter.wire_name}
        self._is_required = parameter.is_required
        try:
            self._texts = Texts(inspect.type_info(parameter.annotation), parameter.place)
        except (TypeError, RouteError) as error:
            raise _not_allowed(parameter, error) from None

    def read(self, source: Source, values: dict[str, Any], problems: Problems) -> None:
        """Put the value into `values`, or a problem into `problems`; neither if the default is used."""
        try:
            value = self._texts.value(source.get_all(self._wire_name))
            if value is not None:
                values[self._name] = msgspec.convert(value, self._type)
                return
        except ValueError as error:
            problems.append(problem_of(error, self._wire_name, self.place))
            return
        if self._is_required and self._texts.is_checkbox:
            values[self._name] = False
        elif self._is_required:
            problems.append(problem_of("Missing", self._wire_name, self.place))


class ModelReader:
    """Reads one parameter that is a dataclass or a Struct: each of its fields has a name in the same place.

    `known` are all names that the handler reads there; a model may forbid others.
    """

    def __init__(self, parameter: Parameter) -> None:
        """Raise RouteError for a model that cannot be read from text."""
        self._name = parameter.name
        self._type = parameter.annotation
        self.place: Place = parameter.place
        self._is_required = parameter.is_required
        kind = inspect.type_info(parameter.annotation)
        models = [member for member in members_of(kind) if not isinstance(member, inspect.NoneType)]
        if len(models) != 1 or not isinstance(models[0], _OBJECTS) or getattr(models[0], "array_like", False):
            raise _not_allowed(parameter, None)
        self.fields: list[tuple[str, inspect.Field, Texts]] = []
        for field in models[0].fields:
            try:
                texts = Texts(field.type, parameter.place)
            except RouteError:
                raise RouteError(
                    f"the parameter {parameter.name!r} is annotated {parameter.annotation!r}, whose field "
                    f"{field.name!r} cannot be read from text"
                ) from None
            self.fields.append((wire_name(field.encode_name, parameter.place), field, texts))
        self.names: set[str] = {name for name, _, _ in self.fields}
        self.known: set[str] = self.names
        self._checker = Checker(kind)
        self._is_closed = getattr(models[0], "forbid_unknown_fields", False) and parameter.place in ("query", "form")
        self._has_dataclasses = contains(kind, inspect.DataclassType)

    def read(self, source: Source, values: dict[str, Any], problems: Problems) -> None:
        """Put the object into `values`, or what is wrong with its fields into `problems`.

        Without any of its fields, the default is used, if there is one.
        """
        found: dict[str, Any] = {}
        wrong: dict[str, Mapping[str, str]] = {}
        is_given = False
        for name, field, texts in self.fields:
            try:
                value = texts.value(source.get_all(name))
            except ValueError as error:
                is_given = True
                wrong[field.encode_name] = problem_of(error, name, self.place)
                continue
            if value is not None:
                is_given = True
                found[field.encode_name] = value
            elif field.required and texts.is_checkbox:
                found[field.encode_name] = False
            elif field.required:
                wrong[field.encode_name] = problem_of("Missing", name, self.place)
        if self._is_required or is_given:
            self._convert(found, wrong | self._unknown(source), values, problems)

    def _convert(
        self, found: dict[str, Any], wrong: dict[str, Mapping[str, str]], values: dict[str, Any], problems: Problems
    ) -> None:
        """Make the object, unless something is wrong already; then look for more that is wrong."""
        if not wrong:
            try:
                values[self._name] = value = msgspec.convert(found, self._type)
            except ValueError as error:
                wrong = self._checked(found) or self._first(error, found)
            else:
                if self._has_dataclasses:
                    fill_in(value)
        else:
            wrong = {**self._checked(found), **wrong}
        problems.extend(wrong.values())

    def _unknown(self, source: Source) -> dict[str, Mapping[str, str]]:
        """Return a problem for each name that the model forbids."""
        if not self._is_closed:
            return {}
        return {name: problem_of("Unknown", name, self.place) for name in source if name not in self.known}

    def _checked(self, found: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
        """Return the problems of the values that were found, by the name of the field."""
        wrong: dict[str, Mapping[str, str]] = {}
        for each in self._checker.problems(found):
            key = unquote(each["pointer"].split("/")[1]) if "/" in each["pointer"] else ""
            if key in found and key not in wrong:
                wrong[key] = problem_of(each["detail"], self._wire_name(key), self.place)
        return wrong

    def _first(self, error: Exception, found: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
        """Return the problem that msgspec has found, such as a ValueError of `__post_init__`."""
        each = first_problem(error, found)
        key = unquote(each["pointer"].removeprefix("#").removeprefix("/").partition("/")[0])
        return {key: problem_of(each["detail"], self._wire_name(key) if key else self._name, self.place)}

    def _wire_name(self, key: str) -> str:
        return next((name for name, field, _ in self.fields if field.encode_name == key), key)


def reader_of(parameter: Parameter) -> FieldReader | ModelReader:
    """Return what reads a parameter; raise RouteError if it cannot be read from its place."""
    return (ModelReader if has_model(parameter.annotation) else FieldReader)(parameter)


def share_places(readers: Iterable[FieldReader | ModelReader]) -> None:
    """Tell models what the others read in their place; raise RouteError for a name that two parameters read."""
    names: dict[Place, set[str]] = {}
    models: list[ModelReader] = []
    for reader in readers:
        there = names.setdefault(reader.place, set())
        if twice := there & reader.names:
            raise RouteError(f"two parameters would take {min(twice)!r} from the {reader.place}")
        there |= reader.names
        models += [reader] if isinstance(reader, ModelReader) else []
    for model in models:
        model.known = names[model.place]


def problem_of(error: object, name: str, place: Place) -> dict[str, str]:
    """Return a problem with a parameter: its name, and where it is unless that is the query."""
    detail = str(error).replace(", got `str`", "")[:MAX_DETAIL]  # it is always a str
    # The client may have chosen the name, too.
    return {"detail": detail, "parameter": name[:MAX_DETAIL], **({} if place == "query" else {"in": place})}


def _not_allowed(parameter: Parameter, reason: Exception | None) -> RouteError:
    allowed = (
        "a dataclass or msgspec.Struct (the body), a class that a provider makes, or str, int, float, bool, Decimal, "
        "UUID, datetime, date, time, timedelta, Enum, Literal, a union of these with None, or a list, set or "
        "tuple[..., ...] of these (the query)"
    )
    others = {
        "form": "an Upload, a list of these, or a scalar or a model of scalars and files",
        "header": "a scalar, a list of scalars, or a model of these",
        "cookie": "a scalar, or a model of scalars",
        "path": "a scalar",
    }
    why = f": {reason}" if isinstance(reason, TypeError) else ""
    return RouteError(
        f"the parameter {parameter.name!r} must be {others.get(parameter.place, allowed)}, "
        f"not {parameter.annotation!r}{why}"
    )
