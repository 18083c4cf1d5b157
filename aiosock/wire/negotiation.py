"""What a client prefers (RFC 9110 section 12): the weights of Accept and Accept-Encoding, and the choice among offers."""

import re
from collections.abc import Sequence
from typing import Final

from aiosock.headers import Headers

MEMBERS: Final = 100
"""Members of a list that are looked at; browsers send ten."""

# RFC 9110 section 12.4.2. Other parameters (charset, level) come before it, or after it where they are extensions.
_WEIGHT = re.compile(r"[ \t]*+q[ \t]*+=[ \t]*+(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*+", re.IGNORECASE)


def parse_weights(field: str) -> dict[str, float]:
    """Give the weight of each member of an Accept or Accept-Encoding field, names in lower case.

    A weight that is malformed refuses the member: better not sent than sent to somebody who did not want it.
    """
    weights: dict[str, float] = {}
    for member in field.split(",", MEMBERS)[:MEMBERS]:
        name, *parameters = member.split(";")
        weight = 1.0
        for parameter in parameters:
            if parameter.lstrip(" \t")[:1] in ("q", "Q"):
                match = _WEIGHT.fullmatch(parameter)
                weight = float(match[1]) if match else 0.0
        if name := name.strip(" \t").lower():
            weights.setdefault(name, weight)
    return weights


def coding_weight(weights: dict[str, float], coding: str) -> float:
    """Give the weight of a content coding in an Accept-Encoding (section 12.5.3): 0 for one that is refused.

    `identity` is acceptable unless something refuses it.
    """
    if coding in weights:
        return weights[coding]
    if coding == "identity":
        return 1e-4 if weights.get("*") != 0 else 0.0  # less than any other that is acceptable
    return weights.get(f"x-{coding}", weights.get("*", 0.0))


def choose_coding(accept_encoding: str, offers: Sequence[str]) -> str:
    """Give the offer with the greatest weight, the earlier of two; identity where none is wanted, or that rather.

    An empty field wants none, and so does one that is absent: it allows all of them, but comes from simple clients.
    """
    weights = parse_weights(accept_encoding)
    best, most = "identity", 0.0
    for offer in offers:
        weight = coding_weight(weights, offer)
        if weight > most:
            best, most = offer, weight
    return best if most >= coding_weight(weights, "identity") else "identity"


def choose_media_type(accept: str, offers: Sequence[str]) -> str:
    """Give the offer that an Accept field names with the greatest weight, the earlier of two; else the last.

    Only names count: `*/*` says that anything will do. A type with a suffix, such as application/problem+json, is
    taken for a wish for the type of the suffix.
    """
    weights = parse_weights(accept)
    best, most = offers[-1], 0.0
    for offer in offers:
        suffix = "+" + offer.partition("/")[2]
        weight = max(
            (weight for name, weight in weights.items() if name == offer or name.endswith(suffix)), default=0.0
        )
        if weight > most:
            best, most = offer, weight
    return best


def vary_by(fields: Headers, name: str) -> None:
    """Tell caches that the answer depends on the request's field `name` (RFC 9110 section 12.5.5)."""
    values = fields.get_all("vary")
    known = [member.strip().lower() for value in values for member in value.split(",")]
    if name.lower() not in known and "*" not in known:
        fields["vary"] = ", ".join([*values, name])
