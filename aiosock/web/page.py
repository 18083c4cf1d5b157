"""Pages of our own: each whole in itself, with its style and script, and a policy that lets nothing else in."""

import hashlib
from base64 import b64encode
from functools import cache
from importlib.resources import files
from string import Template


class Page:
    """The page `name` of a package: a template, a style and a script in its folder `page`, read when first asked for."""

    def __init__(self, package: str, name: str) -> None:
        self._package = package
        self._name = name

    def filled(self, **values: str) -> str:
        """Give the page with these values, which are escaped already."""
        return Template(self._part("html")).substitute(values, style=self._part("css"), script=self._part("js"))

    def security_policy(self, form_action: str) -> str:
        """Allow the page its own style and script, requests to its own server, and forms to `form_action`: nothing else."""
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
