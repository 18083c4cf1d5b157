"""Signer: signs texts for clients, and accepts them back only if they are unchanged."""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from aiosock.errors import ConfigError, not_installed

if TYPE_CHECKING:
    import itsdangerous

SECRET_CHARACTERS: Final = 32
"""The minimum length of a secret: with a signed text, an attacker can try billions of secrets in a second."""


class Signer:
    """Signs texts for cookies with itsdangerous (HMAC with SHA-256). Whoever has a signed text can read it.

    Each text is signed for one purpose, usually a cookie's name, and is not valid for another purpose.
    """

    def __init__(self, secrets: str | Sequence[str], *, clock: Callable[[], float] = time.time) -> None:
        """Sign with the first of `secrets`, and accept all of them.

        To change the secret, put the new one first, and drop the old one later.

        `clock` returns seconds since the epoch. Raises ValueError for no secret, or one of less than 32 characters, and
        ConfigError if itsdangerous is not installed.
        """
        given = [secrets] if isinstance(secrets, str) else [*secrets]
        if not given or min(map(len, given)) < SECRET_CHARACTERS:
            make = "python -c 'import secrets; print(secrets.token_urlsafe())'"
            raise ValueError(f"a secret must have at least {SECRET_CHARACTERS} characters; this makes one: {make}")
        try:
            from itsdangerous import Signer as Signature
        except ImportError:
            raise ConfigError(not_installed("a signed cookie", "itsdangerous>=2.2", "sessions")) from None
        self._signature = Signature
        self._secrets = given[::-1]  # itsdangerous signs with the last one
        self._clock = clock

    def sign(self, purpose: str, text: str) -> str:
        """Return the signed text, in the characters of a cookie's value: about 4/3 of the text's bytes, plus 56."""
        content = urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
        return self._for(purpose).sign(f"{content}.{int(self._clock())}").decode()

    def verify(self, purpose: str, signed: str, lifetime_seconds: float) -> str | None:
        """Return the text; None unless it was signed for `purpose`, with one of the secrets, within the lifetime."""
        signature = self._for(purpose)
        if not signature.validate(signed):
            return None
        content, moment = signature.unsign(signed).split(b".")
        if self._clock() - int(moment) >= lifetime_seconds:
            return None
        return urlsafe_b64decode(content + b"=" * (-len(content) % 4)).decode()

    def _for(self, purpose: str) -> "itsdangerous.Signer":
        return self._signature(self._secrets, f"aiosock {purpose}", key_derivation="hmac", digest_method=sha256)
