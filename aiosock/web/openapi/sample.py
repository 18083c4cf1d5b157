"""Samples: example values and an example request for an operation."""

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from aiosock.wire.forms import MULTIPART

MAX_DEPTH: Final = 5
"""Nested objects and lists, at most: the schema of a tree contains itself."""

_TEXTS: Final = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00",
    "duration": "PT1H",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "decimal": "1.5",
}


def sample(schema: Mapping[str, Any], components: Mapping[str, Any], depth: int = 0) -> Any:
    """Return an example value of a schema: its example, first choice or default if it has one, otherwise a small value."""
    if "$ref" in schema:
        return sample(components.get(schema["$ref"].rpartition("/")[2], {}), components, depth)
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    if "const" in schema:
        return schema["const"]
    if schema.get("default") is not None:
        return schema["default"]
    if members := [member for member in schema.get("anyOf", ()) if member != {"type": "null"}]:
        return sample(members[0], components, depth)
    match schema.get("type"):
        case "object":
            return _object(schema, components, depth + 1)
        case "array":
            return [] if depth > MAX_DEPTH else [sample(schema.get("items", {}), components, depth + 1)]
    return _scalar(schema)


def _object(schema: Mapping[str, Any], components: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        return {}
    return {name: sample(each, components, depth) for name, each in schema.get("properties", {}).items()}


def _scalar(schema: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "string":
            text = "text".ljust(schema.get("minLength", 0), "t")[: schema.get("maxLength")]
            return _TEXTS.get(schema.get("format", ""), text)
        case "integer" | "number":
            least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            return min(least, schema.get("maximum", least))
        case "boolean":
            return True
    return None


def curl(method: str, url: str, operation: Mapping[str, Any], components: Mapping[str, Any]) -> str:
    """Return a curl command that requests an operation, with sample values for the required parameters."""
    parts = ["curl"] if method == "GET" else ["curl", "--head"] if method == "HEAD" else ["curl", "-X", method]
    query, cookies = [], []
    for parameter in operation.get("parameters", ()):
        if not parameter["required"]:
            continue
        name, value = parameter["name"], as_text(sample(parameter["schema"], components))
        match parameter["in"]:
            case "path":
                url = url.replace(f"{{{name}}}", quote(value, safe=""))
            case "header":
                parts += ["-H", f"{name}: {value}"]
            case "cookie":
                cookies.append(f"{name}={value}")
            case _:
                query.append(f"{quote(name)}={quote(value, safe='')}")
    if cookies:
        parts += ["-b", "; ".join(cookies)]
    parts += _body_options(operation, components)
    parts.append(f"{url}?{'&'.join(query)}" if query else url)
    return shlex.join(parts)


def _body_options(operation: Mapping[str, Any], components: Mapping[str, Any]) -> list[str]:
    if "requestBody" not in operation:
        return []
    if not is_form(operation):
        return ["-H", "Content-Type: application/json", "-d", json.dumps(body_of(operation, components))]
    kind, schema = form_of(operation)
    option = "-F" if kind == MULTIPART else "--data-urlencode"
    options = []
    for name in schema.get("required", ()):
        field = schema["properties"][name]
        items = field.get("items", field)
        value = "@file" if items.get("format") == "binary" else as_text(sample(field, components))
        options += [option, f"{name}={value}"]
    return options or [option, "="]


def is_form(operation: Mapping[str, Any]) -> bool:
    """Return whether the body of an operation is a form."""
    return "application/json" not in operation["requestBody"]["content"]


def form_of(operation: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the media type of an operation's form, and the schema of its fields."""
    kind, media = next(iter(operation["requestBody"]["content"].items()))
    return kind, media["schema"]


def body_of(operation: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    """Return a sample of an operation's JSON body."""
    return sample(operation["requestBody"]["content"]["application/json"]["schema"], components)


def as_text(value: Any) -> str:
    """Return a value as a query contains it; of a list, its first item."""
    if isinstance(value, list):
        return as_text(value[0]) if value else ""
    return value if isinstance(value, str) else json.dumps(value)
