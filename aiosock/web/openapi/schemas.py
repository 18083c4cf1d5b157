"""Schemas: types as JSON Schema (2020-12), made by msgspec, and the changes for parameters of the query."""

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from aiosock.web.forms import Upload


def schemas_of(annotations: Sequence[Any]) -> tuple[Iterator[dict[str, Any]], dict[str, Any]]:
    """Return the schema of each type, empty for a type that JSON does not have, and the schemas they refer to, by name."""
    known = [annotation if _is_known(annotation) else Any for annotation in annotations]
    schemas, components = msgspec.json.schema_components(
        known, ref_template="#/components/schemas/{name}", schema_hook=_schema_of_class
    )
    return iter(schemas), dict(sorted(components.items()))


def _schema_of_class(kind: type) -> dict[str, Any]:
    """Return the schema of a class that msgspec does not know; a file is as OpenAPI 3.1.1 section 4.8.15.1.1 has it."""
    if kind is Upload:
        return {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    return {"title": kind.__name__}


def _is_known(annotation: Any) -> bool:
    try:
        msgspec.inspect.type_info(annotation)
    except (TypeError, NameError):
        return False
    return True


def as_text(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a type in the query: never null, and a decimal has no exponent."""
    members = [member for member in schema.get("anyOf", ()) if member != {"type": "null"}]
    if members:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return as_text({**rest, **members[0]}) if len(members) == 1 else {**rest, "anyOf": members}
    if "enum" in schema:
        return {**schema, "enum": [value for value in schema["enum"] if value is not None]}
    if schema.get("format") == "decimal":
        return {**schema, "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
    return dict(schema)


def as_default(default: object) -> dict[str, Any]:
    """Return a default as part of a schema: empty if there is no default, or one that a query cannot contain."""
    if default is inspect.Parameter.empty or default is None:
        return {}
    try:
        return {"default": msgspec.to_builtins(default)}
    except TypeError:
        return {}
