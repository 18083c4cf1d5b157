"""Cookies a client sends (RFC 6265 section 5.4)."""


def parse_cookies(value: str) -> dict[str, str]:
    """Give the pairs of a Cookie field, names and values as they arrived.

    Of two cookies with one name the first counts: clients send the more specific path first. One without a name is
    dropped, so that it cannot pass for another.
    """
    cookies: dict[str, str] = {}
    for pair in value.split(";"):
        name, equals, content = pair.strip(" \t").partition("=")
        if equals and name:
            cookies.setdefault(name.rstrip(" \t"), _unquoted(content.strip(" \t")))
    return cookies


def _unquoted(value: str) -> str:
    # RFC 6265 section 4.1.1: a value may stand in quotes, which are not part of what the program stored.
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value
