"""The page of an error in production: status and detail, and nothing of the inside."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from aiosock.errors import HTTPError, ValidationError, reason_phrase
from aiosock.web.page import Page

ERROR: Final = Page("aiosock.web.error_page", "error", scripted=False)
"""The page itself, whose style other error pages build on."""


def plain_page(error: HTTPError) -> tuple[str, str]:
    """Return the page of an error, and the Content-Security-Policy that allows its style."""
    reason = reason_phrase(error.status)
    errors = error.errors if isinstance(error, ValidationError) else ()
    page = ERROR.filled(
        title=f"{error.status} {escape(reason)}".rstrip(),
        status=str(error.status),
        reason=escape(reason) or "Error",
        kind="failure" if error.status >= 500 else "refusal",
        detail="The request is not valid." if errors else escape(error.detail),  # here, the list says where
        errors=_list(errors),
    )
    # There is nothing to press on it, so a site that shows its pages in frames may show this one too.
    return page, ERROR.security_policy("'none'", frames="")


def _list(errors: Sequence[Mapping[str, str]]) -> str:
    items = (
        f"<li><code>{escape(error.get('parameter') or error.get('pointer', ''))}</code>: {escape(error['detail'])}\n"
        for error in errors
    )
    return f"<ul>\n{''.join(items)}</ul>\n" if errors else ""
