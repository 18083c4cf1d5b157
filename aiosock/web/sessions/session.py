"""Session: the data that a site keeps for one visitor from request to request."""

import json
from typing import Any, Final

EMPTY: Final = "{}"

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class Session(dict[str, Any]):
    """A dict of JSON values with str keys. It is saved if it has changed when the response is ready.

    Changes deep inside it count too. To end the session, empty it with `clear()`.
    """

    __slots__ = ("_kept", "is_renewed", "is_used")

    def __init__(self, kept: str = EMPTY) -> None:
        """Start with what was saved, a JSON object; raise ValueError for malformed JSON."""
        super().__init__(json.loads(kept))
        self._kept = kept
        self.is_used: bool = False
        self.is_renewed: bool = False

    def renew(self) -> None:
        """Save the session as if it were new: under another id, for its whole lifetime.

        Call this when somebody logs in or gains rights. An id that an attacker knew, or planted, before that is then
        worth nothing (session fixation).
        """
        self.is_renewed = True

    @property
    def has_changed(self) -> bool:
        """Return whether the session must be saved; raises what `encoded` raises."""
        return self.is_renewed or self.encoded() != self._kept

    def encoded(self) -> str:
        """Return the session as a JSON object; raise TypeError or ValueError for values that JSON does not have."""
        return _encode(self)
