"""Words of other frameworks: the TypeError for such an option names our word, and none is an alias."""

from collections.abc import Iterable, Mapping
from typing import Final

_TYPE: Final = 'headers={"content-type": ...}'

_RESPONSE: Final = {
    "background": "request.after(function, ...)",
    "content": "body=, the first argument",
    "content_disposition_type": "filename=, and inline=True",
    "content_type": _TYPE,
    "data": "body=, the first argument",
    "json": "Response.json(value)",
    "media_type": _TYPE,
    "mimetype": _TYPE,
    "status_code": "status=",
    "text": "Response.text(text)",
    "url": "location=, the first argument",
}

_ROUTE: Final = {
    "dependencies": "middleware, or a parameter of the handler",
    "endpoint": "name=",
    "include_in_schema": "documented=",
    "operation_id": "name=",
    "path": "the pattern as the first argument",
    "response_class": "a Response that the handler returns",
    "response_model": "the return annotation of the handler",
    "method": "methods=[...]",
    "status_code": "status=",
    "strict_slashes": "a second route: the other spelling of a path redirects",
    "summary": "the docstring of the handler",
}

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "App": {
        "debug": "run(app, debug=True)",
        "dependencies": "app.middleware(...)",
        "docs_url": "aiosock.web.openapi.publish(app, ...)",
        "exception_handlers": "@app.exception(SomeError)",
        "lifespan": "@app.lifespan",
        "middleware": "app.middleware(...)",
        "on_shutdown": "@app.lifespan, after its yield",
        "on_startup": "@app.lifespan, before its yield",
        "prefix": "Router(prefix), or app.mount(prefix, other)",
        "routes": "@app.get(pattern) and others",
        "static_folder": "app.mount(prefix, StaticFiles(directory))",
        "template_folder": "aiosock.web.templates.Templates(directory)",
        "title": "aiosock.web.openapi.publish(app, ...)",
    },
    "FileResponse": {**_RESPONSE, "download_name": "filename=", "as_attachment": "filename="},
    "Redirect": _RESPONSE,
    "Response": _RESPONSE,
    "Router": {
        "dependencies": "middleware=[...]",
        "lifespan": "@router.lifespan",
        "tags": "a Router for each group",
        "url_prefix": "prefix=, the first argument",
    },
    "a route": _ROUTE,
    "set_cookie": {
        "expires_in": "max_age=, in seconds",
        "httponly": "http_only=",
        "key": "name=, the first argument",
        "samesite": "same_site=",
    },
}


def unknown_option(where: str, given: Iterable[str]) -> TypeError:
    """Return the error for options that `where` does not have; it names the right word for the first that has one."""
    known = _WORDS.get(where, {})
    word = min(given, key=lambda name: (name not in known, name))
    advice = f": write {known[word]}" if word in known else ""
    return TypeError(f"{where} has no option {word}={advice}")
