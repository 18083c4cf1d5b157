"""Pages of aiosock itself. Each contains its style and script, and a Content-Security-Policy allows nothing else."""

import hashlib
from base64 import b64encode
from functools import cache
from importlib.resources import files
from string import Template


class Page:
    """The page `name` of a package: a template, a style and a script in the folder `page`, read when first needed."""

    def __init__(self, package: str, name: str) -> None:
        self._package = package
        self._name = name

    def filled(self, **values: str) -> str:
        """Return the page with these values, which must be escaped already."""
        return Template(self._part("html")).substitute(values, style=self._part("css"), script=self._part("js"))

    def security_policy(self, form_action: str) -> str:
        """Return a policy that allows the page its style and script, requests to its server, and forms to `form_action`."""
        return (
            f"default-src 'none'; style-src {self._source('css')}; script-src {self._source('js')}; connect-src 'self'; "
            f"img-src data:; form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
        )

    def _part(self, kind: str) -> str:
        return _read(self._package, f"{self._name}.{kind}")

    def _source(self, kind: str) -> str:
        return _digest(self._part(kind))


@cache
def _read(package: str, file: str) -> str:
    return files(package).joinpath("page", file).read_text(encoding="utf-8")


@cache
def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
