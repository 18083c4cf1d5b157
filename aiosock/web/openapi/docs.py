"""Docs: an OpenAPI description as one page for people, which can also send requests."""

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from aiosock.web.openapi.sample import body_of, curl, form_of, is_form
from aiosock.web.page import Page

_LIMITS = {
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "exclusiveMinimum": "> {}",
    "exclusiveMaximum": "< {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} names",
    "maxProperties": "at most {} names",
    "pattern": "matches {}",
    "default": "default {}",
}


_PAGE = Page("aiosock.web.openapi", "docs")


def docs_page(document: Mapping[str, Any], source: str, origin: str) -> str:
    """Return the page of a document; `source` is the URL of the document, `origin` that of this server, such as http://host."""
    parts = _Parts(document, origin)
    info = document["info"]
    return _PAGE.filled(
        title=escape(info["title"]),
        version=escape(info["version"]),
        description=_paragraphs(info.get("description", "")),
        source=escape(source),
        contents="".join(parts.contents()),
        operations="".join(parts.operations()),
        schemas="".join(parts.schemas()),
        no_schemas="" if parts.components else "hidden",
    )


class _Parts:
    """Writes the parts of a page. Every value of the document is escaped where it is written."""

    def __init__(self, document: Mapping[str, Any], origin: str) -> None:
        self.components: Mapping[str, Any] = document["components"]["schemas"]
        self._responses = document["components"]["responses"]
        self._operations = [
            (method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ]
        url = document["servers"][0]["url"].rstrip("/")
        self._base = url if "://" in url else origin + url
        # Forms send to the server of this page, even if the document names another one.
        self._mount = "" if "://" in url else url

    def contents(self) -> Iterable[str]:
        """Yield a link to each operation."""
        for method, path, operation in self._operations:
            yield f'<li><a href="#{_anchor(operation)}">{_method(method)} <span>{_path(path)}</span></a></li>\n'

    def operations(self) -> Iterable[str]:
        """Yield an article about each operation."""
        for method, path, operation in self._operations:
            yield (
                f'<article id="{_anchor(operation)}">\n<h2>{_method(method)} <code>{_path(path)}</code></h2>\n'
                f"{_paragraphs(operation.get('summary', ''))}{_paragraphs(operation.get('description', ''))}"
                f"{self._parameters(operation)}{self._body(operation)}{self._answers(operation)}"
                f"<h3>Try it</h3>\n<pre><code>{self._curl(method, path, operation)}</code></pre>\n{self._form(method, path, operation)}</article>\n"
            )

    def schemas(self) -> Iterable[str]:
        """Yield an article about each type."""
        for name, schema in self.components.items():
            required = schema.get("required", ())
            rows = ((each, each in required, "", field) for each, field in schema.get("properties", {}).items())
            extra = "<p>It has no other fields.</p>\n" if schema.get("additionalProperties") is False else ""
            whole = "" if "properties" in schema else f"<p>{_type(schema)}</p>\n"
            yield (
                f'<article id="schema-{quote(name)}">\n<h3>{escape(schema.get("title", name))}</h3>\n'
                f"{_paragraphs(schema.get('description', ''))}{whole}{_table('Field', rows)}{extra}</article>\n"
            )

    def _parameters(self, operation: Mapping[str, Any]) -> str:
        rows = (
            (each["name"], each["required"], each["in"], {"description": each.get("description", ""), **each["schema"]})
            for each in operation.get("parameters", ())
        )
        table = _table("Parameter", rows)
        return f"<h3>Parameters</h3>\n{table}" if table else ""

    def _body(self, operation: Mapping[str, Any]) -> str:
        if "requestBody" not in operation:
            return ""
        optional = "" if operation["requestBody"]["required"] else ", or nothing"
        if is_form(operation):
            kind, form = form_of(operation)
            required = form.get("required", ())
            table = _table("Field", ((each, each in required, "", field) for each, field in form["properties"].items()))
            return f"<h3>Form</h3>\n<p>{escape(kind)}{optional}</p>\n{table}"
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        return f"<h3>Body</h3>\n<p>JSON: {_type(schema)}{optional}</p>\n"

    def _answers(self, operation: Mapping[str, Any]) -> str:
        statuses: dict[str, list[str]] = {}  # by the text: statuses with the same text share a row
        for status, answer in operation["responses"].items():
            statuses.setdefault(self._answer(answer), []).append("others" if status == "default" else status)
        rows = "".join(
            f'<tr><th scope="row">{escape(", ".join(named))}</th><td>{answer}</td></tr>\n'
            for answer, named in statuses.items()
        )
        return f'<h3>Answers</h3>\n<div class="table"><table class="answers">\n{rows}</table></div>\n'

    def _answer(self, answer: Mapping[str, Any]) -> str:
        if "$ref" in answer:
            answer = self._responses[answer["$ref"].rpartition("/")[2]]
        kinds = ", ".join(
            escape(kind) + (f": {_type(media['schema'])}" if kind == "application/json" else "")
            for kind, media in answer.get("content", {}).items()
        )
        return escape(answer["description"]) + (f"<br><small>{kinds}</small>" if kinds else "")

    def _curl(self, method: str, path: str, operation: Mapping[str, Any]) -> str:
        return escape(curl(method, self._base + path, operation, self.components))

    def _form(self, method: str, path: str, operation: Mapping[str, Any]) -> str:
        parameters = operation.get("parameters", ())
        # No script may set a cookie for one request.
        fields = "".join(_field(each) for each in parameters if each["in"] != "cookie")
        if "requestBody" in operation and is_form(operation):
            fields += "".join(map(_field, _form_fields(operation)))
        elif "requestBody" in operation:
            text = json.dumps(body_of(operation, self.components), indent=2, ensure_ascii=False)
            rows = min(20, text.count("\n") + 2)
            fields += (
                f'<label>Body<textarea name="body" data-in="body" rows="{rows}">{escape(text)}</textarea></label>\n'
            )
        return (
            f'<form data-method="{escape(method)}" data-path="{escape(self._mount + path)}"{_kind_of_form(operation)} '
            f"hidden>\n{fields}"
            f"<button>Send</button>\n<output></output>\n</form>\n"
        )


def _form_fields(operation: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Yield the fields of a form, in the form of parameters."""
    _, schema = form_of(operation)
    for name, field in schema["properties"].items():
        yield {"name": name, "in": "form", "required": name in schema.get("required", ()), "schema": field}


def _kind_of_form(operation: Mapping[str, Any]) -> str:
    if "requestBody" not in operation or not is_form(operation):
        return ""
    return f' data-form="{escape(form_of(operation)[0])}"'


def _field(parameter: Mapping[str, Any]) -> str:
    name, schema = escape(parameter["name"]), parameter["schema"]
    required = " required" if parameter["required"] and schema.get("minLength", 1) else ""
    attributes = f'name="{name}" data-in="{parameter["in"]}"'
    if schema.get("items", schema).get("format") == "binary":
        several = " multiple" if schema.get("type") == "array" else ""
        return f'<label>{name}<input type="file" {attributes}{several}{required}></label>\n'
    if schema.get("type") == "array":
        return f'<label>{name} <small>one a line</small><textarea {attributes} rows="2"{required}></textarea></label>\n'
    if choices := ["true", "false"] if schema.get("type") == "boolean" else schema.get("enum"):
        first = "" if required else "<option></option>"
        options = "".join(f"<option>{escape(str(choice))}</option>" for choice in choices)
        return f"<label>{name}<select {attributes}{required}>{first}{options}</select></label>\n"
    return f'<label>{name}<input {attributes} autocomplete="off"{required}></label>\n'


def _table(heading: str, rows: Iterable[tuple[str, bool, str, Mapping[str, Any]]]) -> str:
    """Return a table of (name, whether it is required, where it is, schema), "" if there are no rows."""
    written = "".join(
        f'<tr><th scope="row"><code>{escape(name)}</code>{" <small>required</small>" if required else ""}</th>'
        f"<td>{_type(schema)}{f' <small>in the {escape(place)}</small>' if place else ''}"
        f"{'<br>' if schema.get('description') else ''}{escape(schema.get('description', ''))}</td></tr>\n"
        for name, required, place, schema in rows
    )
    head = f'<thead><tr><th scope="col">{heading}</th><th scope="col">Type</th></tr></thead>\n'
    return f'<div class="table"><table>\n{head}<tbody>\n{written}</tbody></table></div>\n' if written else ""


def _type(schema: Mapping[str, Any]) -> str:
    limits = ", ".join(
        text.format(f"<code>{escape(_json(schema[key]))}</code>")
        for key, text in _LIMITS.items()
        if key in schema and (key != "default" or schema[key] is not None)
    )
    return f"{_kind(schema)}{f' <small>{limits}</small>' if limits else ''}"


def _kind(schema: Mapping[str, Any]) -> str:
    """Return a description of a schema without its limits, as HTML."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{quote(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    choices = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if choices:
        return " or ".join(f"<code>{escape(_json(choice))}</code>" for choice in choices)
    kind = str(schema.get("type", "anything"))
    if kind == "array" and "items" in schema:
        return f"list of {_type(schema['items'])}" if schema["items"] else "list"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    detail = schema.get("format") or schema.get("contentEncoding")
    return escape(f"{kind} ({detail})" if detail else kind)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _method(method: str) -> str:
    return f'<b class="method {escape(method.lower())}">{escape(method)}</b>'


def _path(path: str) -> str:
    # <wbr>: a long path may be wrapped after a slash.
    return escape(path).replace("/", "/<wbr>").replace("{", "<var>{").replace("}", "}</var>")


def _anchor(operation: Mapping[str, Any]) -> str:
    return f"operation-{quote(operation['operationId'], safe='')}"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part)}</p>\n" for part in text.split("\n\n") if part.strip())


def security_policy() -> str:
    """Return the Content-Security-Policy of the page; only its script sends the forms."""
    return _PAGE.security_policy(form_action="'none'")
