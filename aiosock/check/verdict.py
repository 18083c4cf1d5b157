"""Compare the outcome of a case with its demands."""

from dataclasses import dataclass

from aiosock.check.answers import Outcome
from aiosock.check.case import (
    ACCEPTED,
    ANY_OR_NONE,
    CLIENT_ERRORS,
    FINAL,
    NOT_SERVED,
    SILENCE,
    Case,
    Demand,
    Following,
    Level,
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A demand that was not met. `expected` and `got` are texts for people."""

    level: Level
    section: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A case and its most important demand that was not met; None if all were met."""

    case: Case
    failure: Failure | None


def judge(case: Case, outcome: Outcome) -> Verdict:
    """Return the verdict on what a server did in one case."""
    got = _describe_outcome(case, outcome)
    malformed = Failure(Level.MUST, "RFC 9112 section 4", "a well-formed response to each request", got)
    # These two checks apply to every valid request. For an invalid one only the demands of its case count.
    if case.ours in ACCEPTED:
        if _is_malformed(case, outcome):
            return Verdict(case, malformed)
        if _is_misread(case, outcome):
            return Verdict(case, Failure(Level.MUST, "RFC 9112 section 6.3", "one request read as one request", got))
    for demand in sorted(case.demands, key=lambda demand: list(Level).index(demand.level)):
        if not is_met(demand, case, outcome):
            return Verdict(case, Failure(demand.level, demand.section, describe(demand), got))
    return Verdict(case, malformed if outcome.fault else None)


def is_met(demand: Demand, case: Case, outcome: Outcome) -> bool:
    """Return whether a server has done what one demand asks."""
    answered = follows(case, outcome)
    if status_of(case, outcome) not in demand.statuses:
        return False
    if demand.closes and (answered or not outcome.ended):
        return False
    if demand.following is not Following.EITHER and answered is not (demand.following is Following.ANSWERED):
        return False
    return demand.trait is None or demand.trait.holds(outcome)


def status_of(case: Case, outcome: Outcome) -> int:
    """Return the status of the response to the last request of a case, or SILENCE."""
    count = len(case.methods)
    return outcome.answers[count - 1].status if len(outcome.answers) >= count else SILENCE


def follows(case: Case, outcome: Outcome) -> bool:
    """Return whether the server has also answered a request after the case."""
    return len(outcome.answers) > len(case.methods)


def describe(demand: Demand) -> str:
    """Describe what a demand asks for."""
    parts = [] if demand.statuses is ANY_OR_NONE else [_describe_statuses(demand.statuses)]
    if demand.closes:
        parts.append("a close, and no answer to the next request")
    elif demand.following is Following.REFUSED:
        parts.append("no answer to the next request")
    elif demand.following is Following.ANSWERED:
        parts.append("an answer to the next request")
    if demand.trait is not None:
        parts.append(demand.trait.text)
    return ", ".join(parts)


def _is_malformed(case: Case, outcome: Outcome) -> bool:
    """Return whether the server sent bytes that are not responses, or refused a request before the last."""
    earlier = outcome.answers[: len(case.methods) - 1]
    return bool(outcome.fault) or any(answer.status not in ACCEPTED for answer in earlier)


def _is_misread(case: Case, outcome: Outcome) -> bool:
    """Return whether the server accepted the last request but read its end in the wrong place."""
    if status_of(case, outcome) not in ACCEPTED or not follows(case, outcome):
        return False
    count = len(case.methods)
    return len(outcome.answers) > count + (not case.ends) or outcome.answers[count].status not in ACCEPTED


def _describe_statuses(statuses: frozenset[int]) -> str:
    for known, text in _KNOWN.items():
        if statuses >= known:
            return " or ".join([text, *[_describe_status(status) for status in sorted(statuses - known)]])
    return " or ".join(_describe_status(status) for status in sorted(statuses))


def _describe_status(status: int) -> str:
    return str(status) if status != SILENCE else "no answer"


_KNOWN = {FINAL: "an answer", NOT_SERVED: "a refusal", ACCEPTED: "an accepted request", CLIENT_ERRORS: "4xx"}
"""Names of sets of statuses; each set comes before the sets that it contains."""


def _describe_outcome(case: Case, outcome: Outcome) -> str:
    statuses = [str(head.status) for head in outcome.interim] + [str(head.status) for head in outcome.answers]
    parts = [" ".join(statuses) or "no answer"]
    if outcome.fault:
        parts.append(outcome.fault)
    if follows(case, outcome):
        parts.append("an answer to the next request")
    parts.append("closed" if outcome.ended else "still open")
    return ", ".join(parts)
