"""Fields that carry a secret, by their names. The inspector hides their values unless somebody asks for them."""

from collections.abc import Iterable, Iterator
from typing import Final

from aiosock.web.debug.secrets import is_secret

HIDDEN: Final = "(hidden)"


def shown(fields: Iterable[tuple[str, str]], *, secrets: bool) -> Iterator[tuple[str, str]]:
    """Yield fields, with `(hidden)` in place of values that are secret, unless `secrets`."""
    for name, value in fields:
        yield name, (value if secrets or not is_secret(name) else HIDDEN)
