"""Vary (RFC 9110 section 12.5.5): which fields of a request an answer depends on, for caches."""

from aiosock.headers import Headers


def vary_by(fields: Headers, name: str) -> None:
    """Tell caches that a request that differs in the field `name` may get another answer."""
    values = fields.get_all("vary")
    known = [member.strip().lower() for value in values for member in value.split(",")]
    if name.lower() not in known and "*" not in known:
        fields["vary"] = ", ".join([*values, name])
