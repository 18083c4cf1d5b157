"""Colours for source: keywords, strings and comments of a line, found without the lines before it."""

import keyword
import re
from collections.abc import Iterator
from typing import Final

MAX_TOKENS: Final = 40
"""Tokens of a line that have a colour."""

COST: Final = 15
"""Bytes of HTML that a token takes besides its text, at most."""

# A line within a long string looks like code. That is rare among the lines that fail, and it only has other colours.
_STRING = r"(?:\b[rbfuRBFU]{1,2})?(?:\"(?:[^\"\\]|\\.)*+\"?|'(?:[^'\\]|\\.)*+'?)"
_TOKEN = re.compile(rf"(?P<small>#.*+)|(?P<em>{_STRING})|\b(?P<b>{'|'.join(keyword.kwlist)})\b")


def coloured(code: str) -> Iterator[tuple[str, str]]:
    """Yield the pieces of a line, each with the HTML element for it: small, em, b or none."""
    end = 0
    for count, token in enumerate(_TOKEN.finditer(code)):
        if count == MAX_TOKENS:
            break
        yield "", code[end : token.start()]
        yield token.lastgroup or "", token[0]
        end = token.end()
    yield "", code[end:]


def tokens_in(code: str) -> int:
    """Return how many tokens of a line have a colour."""
    return sum(1 for element, _ in coloured(code) if element)
