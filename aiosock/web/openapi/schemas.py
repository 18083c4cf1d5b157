"""Schemas: types as JSON Schema (2020-12) has them, by msgspec, and what the query makes of them."""

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec


def schemas_of(annotations: Sequence[Any]) -> tuple[Iterator[dict[str, Any]], dict[str, Any]]:
    """Give the schema of each type, and those that they refer to, by name; an empty one for what JSON cannot tell."""
    known = [annotation if _is_known(annotation) else Any for annotation in annotations]
    schemas, components = msgspec.json.schema_components(
        known, ref_template="#/components/schemas/{name}", schema_hook=lambda kind: {"title": kind.__name__}
    )
    return iter(schemas), dict(sorted(components.items()))


def _is_known(annotation: Any) -> bool:
    try:
        msgspec.inspect.type_info(annotation)
    except (TypeError, NameError):
        return False
    return True


def as_text(schema: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of a parameter of the query, where nothing is null, and a decimal has no exponent."""
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
    """Give a default as a schema has it: nothing where there is none, or none that a query could have."""
    if default is inspect.Parameter.empty or default is None:
        return {}
    try:
        return {"default": msgspec.to_builtins(default)}
    except TypeError:
        return {}
