"""Session: what a site remembers of one visitor from request to request."""

import json
from typing import Any, Final

EMPTY: Final = "{}"

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class Session(dict[str, Any]):
    """A dict of JSON values under names that are str. It is kept if it has changed when the answer is ready.

    What is changed deep inside it counts as well. Empty it, with `clear()`, and it is over.
    """

    __slots__ = ("_kept", "is_renewed", "is_used")

    def __init__(self, kept: str = EMPTY) -> None:
        """Begin with what was kept, a JSON object; raise ValueError for what is none."""
        super().__init__(json.loads(kept))
        self._kept = kept
        self.is_used: bool = False
        self.is_renewed: bool = False

    def renew(self) -> None:
        """Keep it as if it were new: under another id, for its whole lifetime.

        To be called whenever somebody logs in or gains rights: an id that was known, or planted, before is worth nothing
        after that (session fixation).
        """
        self.is_renewed = True

    @property
    def has_changed(self) -> bool:
        """Whether it is to be kept again; raises what `encoded` raises."""
        return self.is_renewed or self.encoded() != self._kept

    def encoded(self) -> str:
        """Give it as a JSON object; raises TypeError or ValueError for what JSON cannot say."""
        return _encode(self)
