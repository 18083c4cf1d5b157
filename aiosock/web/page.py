"""Pages of aiosock itself. Each contains its style and script, and a Content-Security-Policy allows nothing else."""

import hashlib
from base64 import b64encode
from functools import cache
from importlib.resources import files
from string import Template


class Page:
    """The page `name` of a package: a template, a style and a script in the folder `page`, read when first needed.

    The style of a `base` comes before its own. A page that is not `scripted` has no script.
    """

    def __init__(self, package: str, name: str, *, base: "Page | None" = None, scripted: bool = True) -> None:
        self._package = package
        self._name = name
        self._base = base
        self._is_scripted = scripted

    def filled(self, **values: str) -> str:
        """Return the page with these values, which must be escaped already."""
        script = self._part("js") if self._is_scripted else ""
        return Template(self._part("html")).substitute(values, style=self._style(), script=script)

    def security_policy(self, form_action: str, *, frames: str = "'none'") -> str:
        """Return a policy that allows the page its style and script, requests to its server, forms to `form_action`.

        `frames` are the pages that may show it in a frame; "" leaves that to the site.
        """
        scripts = f"script-src {_digest(self._part('js'))}; connect-src 'self'; " if self._is_scripted else ""
        return (
            f"default-src 'none'; style-src {_digest(self._style())}; {scripts}"
            f"img-src data:; form-action {form_action}; base-uri 'none'"
            + (f"; frame-ancestors {frames}" if frames else "")
        )

    def _style(self) -> str:
        return (self._base._style() if self._base else "") + self._part("css")

    def _part(self, kind: str) -> str:
        return _read(self._package, f"{self._name}.{kind}")


@cache
def _read(package: str, file: str) -> str:
    return files(package).joinpath("page", file).read_text(encoding="utf-8")


@cache
def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
