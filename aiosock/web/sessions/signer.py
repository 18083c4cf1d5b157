"""Signer: texts that come back from a client as they were given to it, or not at all."""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from aiosock.errors import ConfigError

if TYPE_CHECKING:
    import itsdangerous

SECRET_CHARACTERS: Final = 32
"""The fewest that a secret may have: whoever has a signed text can try secrets at home, billions in a second."""


class Signer:
    """Signs texts for cookies with itsdangerous (HMAC with SHA-256). Nothing is hidden: whoever has one can read it.

    Each is for one purpose, usually a cookie's name: signed for one, it is worth nothing for another.
    """

    def __init__(self, secrets: str | Sequence[str], *, clock: Callable[[], float] = time.time) -> None:
        """Sign with the first of `secrets` and accept all of them: a new one is put in front, an old one dropped later.

        `clock` gives seconds since the epoch. Raises ValueError for no secret, or one of less than 32 characters, and
        ConfigError where itsdangerous is not installed.
        """
        given = [secrets] if isinstance(secrets, str) else [*secrets]
        if not given or min(map(len, given)) < SECRET_CHARACTERS:
            make = "python -c 'import secrets; print(secrets.token_urlsafe())'"
            raise ValueError(f"a secret has {SECRET_CHARACTERS} characters at least; this makes one: {make}")
        try:
            from itsdangerous import Signer as Signature
        except ImportError:
            raise ConfigError("signed cookies need itsdangerous: pip install 'aiosock[sessions]'") from None
        self._signature = Signature
        self._secrets = given[::-1]  # theirs signs with the last
        self._clock = clock

    def sign(self, purpose: str, text: str) -> str:
        """Give a signed text, fit for a cookie's value: about 4/3 of the text's bytes, and 56."""
        content = urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
        return self._for(purpose).sign(f"{content}.{int(self._clock())}").decode()

    def verify(self, purpose: str, signed: str, lifetime_seconds: float) -> str | None:
        """Give the text again; None unless it was signed for that purpose, with one of the secrets, and not too long ago."""
        signature = self._for(purpose)
        if not signature.validate(signed):
            return None
        content, moment = signature.unsign(signed).split(b".")
        if self._clock() - int(moment) >= lifetime_seconds:
            return None
        return urlsafe_b64decode(content + b"=" * (-len(content) % 4)).decode()

    def _for(self, purpose: str) -> "itsdangerous.Signer":
        return self._signature(self._secrets, f"aiosock {purpose}", key_derivation="hmac", digest_method=sha256)
