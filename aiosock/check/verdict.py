"""Verdicts: an outcome against the demands of its case."""

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
    """A demand that was not met: `expected` and `got` are for people."""

    level: Level
    section: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A case and the most important of its demands that was not met; None where all were."""

    case: Case
    failure: Failure | None


def judge(case: Case, outcome: Outcome) -> Verdict:
    """Compare what a server did with what it owes."""
    got = _describe_outcome(case, outcome)
    malformed = Failure(Level.MUST, "RFC 9112 section 4", "a well-formed answer to each request", got)
    # What every server owes to every valid request. Of others a recipient may make what it likes, within the demands.
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
    """Say whether a server has done what one demand asks."""
    answered = follows(case, outcome)
    if status_of(case, outcome) not in demand.statuses:
        return False
    if demand.closes and (answered or not outcome.ended):
        return False
    if demand.following is not Following.EITHER and answered is not (demand.following is Following.ANSWERED):
        return False
    return demand.trait is None or demand.trait.holds(outcome)


def status_of(case: Case, outcome: Outcome) -> int:
    """Give the status of the answer to the last request of a case, or SILENCE."""
    count = len(case.methods)
    return outcome.answers[count - 1].status if len(outcome.answers) >= count else SILENCE


def follows(case: Case, outcome: Outcome) -> bool:
    """Say whether the server has answered more than the case itself."""
    return len(outcome.answers) > len(case.methods)


def describe(demand: Demand) -> str:
    """Say what a demand asks for."""
    parts = [] if demand.statuses is ANY_OR_NONE else [_describe_statuses(demand.statuses)]
    if demand.closes:
        parts.append("a close, and nothing behind it answered")
    elif demand.following is Following.REFUSED:
        parts.append("nothing behind it answered")
    elif demand.following is Following.ANSWERED:
        parts.append("the next request answered")
    if demand.trait is not None:
        parts.append(demand.trait.text)
    return ", ".join(parts)


def _is_malformed(case: Case, outcome: Outcome) -> bool:
    """Say whether something else than answers came back, or a request before the last was refused."""
    earlier = outcome.answers[: len(case.methods) - 1]
    return bool(outcome.fault) or any(answer.status not in ACCEPTED for answer in earlier)


def _is_misread(case: Case, outcome: Outcome) -> bool:
    """Say whether a server took the case for a request, and then did not know where that ends."""
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
    return str(status) if status != SILENCE else "silence"


_KNOWN = {FINAL: "an answer", NOT_SERVED: "a refusal", ACCEPTED: "an accepted request", CLIENT_ERRORS: "4xx"}
"""Sets with a name, each before those it contains."""


def _describe_outcome(case: Case, outcome: Outcome) -> str:
    statuses = [str(head.status) for head in outcome.interim] + [str(head.status) for head in outcome.answers]
    parts = [" ".join(statuses) or "no answer"]
    if outcome.fault:
        parts.append(outcome.fault)
    if follows(case, outcome):
        parts.append("what follows answered")
    parts.append("closed" if outcome.ended else "still open")
    return ", ".join(parts)
