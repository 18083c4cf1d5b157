"""Content negotiation (RFC 9110 section 12): the weights in Accept and Accept-Encoding, and the choice among offers."""

import re
from collections.abc import Sequence
from typing import Final

from aiosock.headers import Headers

MEMBERS: Final = 100
"""Members of a list that are read; the rest is ignored. Browsers send ten."""

PROBLEM: Final = "application/problem+json"
"""The media type of errors in JSON (RFC 9457 section 3)."""

# RFC 9110 section 12.4.2. Other parameters such as charset come before the weight, and extensions come after it.
_WEIGHT = re.compile(r"[ \t]*+q[ \t]*+=[ \t]*+(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*+", re.IGNORECASE)


def parse_weights(field: str) -> dict[str, float]:
    """Return the weight of each member of an Accept or Accept-Encoding field, with names in lower case.

    A member with a malformed weight gets weight 0: it is better not to send it than to send it to a client that does
    not want it.
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
    """Return the weight of a content coding in an Accept-Encoding (section 12.5.3): 0 if it is not acceptable.

    `identity` is acceptable unless the field refuses it.
    """
    if coding in weights:
        return weights[coding]
    if coding == "identity":
        return 1e-4 if weights.get("*") != 0 else 0.0  # less than any other acceptable coding
    return weights.get(f"x-{coding}", weights.get("*", 0.0))


def choose_coding(accept_encoding: str, offers: Sequence[str]) -> str:
    """Return the offer with the greatest weight, the first one if two are equal; identity if the client prefers that.

    Without a field any coding is acceptable, but such a client is a simple one: identity is chosen, as for an empty
    field.
    """
    weights = parse_weights(accept_encoding)
    best, most = "identity", 0.0
    for offer in offers:
        weight = coding_weight(weights, offer)
        if weight > most:
            best, most = offer, weight
    return best if most >= coding_weight(weights, "identity") else "identity"


def choose_media_type(accept: str, offers: Sequence[str]) -> str:
    """Return the offer that an Accept field names with the greatest weight, the first one if two are equal.

    If the field names no offer, the last offer is returned: `*/*` names none. A type with a suffix does not name the
    type of its suffix: a client that asks for application/vnd.pypi.simple.v1+json cannot use just any JSON. But it can
    read a problem in JSON, so every JSON type names application/problem+json (RFC 9457 section 3), and that type names
    application/json.
    """
    weights = parse_weights(accept)
    best, most = offers[-1], 0.0
    for offer in offers:
        weight = max((weight for name, weight in weights.items() if _names(name, offer)), default=0.0)
        if weight > most:
            best, most = offer, weight
    return best


def _names(name: str, offer: str) -> bool:
    """Return whether a client that asks for the media type `name` can use `offer`."""
    if offer == PROBLEM:
        return name == "application/json" or name.endswith("+json")
    return name == offer or (offer == "application/json" and name == PROBLEM)


def vary_by(fields: Headers, name: str) -> None:
    """Add `name` to Vary: caches then know that the response depends on that request field (RFC 9110 section 12.5.5)."""
    values = fields.get_all("vary")
    known = [member.strip().lower() for value in values for member in value.split(",")]
    if name.lower() not in known and "*" not in known:
        fields["vary"] = ", ".join([*values, name])
