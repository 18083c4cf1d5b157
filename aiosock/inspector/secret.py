"""Fields that carry a secret. The inspector hides their values unless somebody asks for them."""

from collections.abc import Iterable, Iterator
from typing import Final

SECRET: Final = frozenset(
    {
        "authorization",
        "cookie",
        "proxy-authenticate",
        "proxy-authorization",
        "set-cookie",
        "www-authenticate",
        "x-amz-security-token",
        "x-api-key",
        "x-auth-token",
        "x-csrf-token",
        "x-xsrf-token",
    }
)

HIDDEN: Final = "(hidden)"


def shown(fields: Iterable[tuple[str, str]], *, secrets: bool) -> Iterator[tuple[str, str]]:
    """Yield fields, with `(hidden)` in place of values that are secret, unless `secrets`. Names are in lower case."""
    for name, value in fields:
        yield name, (value if secrets or name not in SECRET else HIDDEN)
