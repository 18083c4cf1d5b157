"""The table of all cases."""

from aiosock.check.case import Case
from aiosock.check.cases import (
    answers,
    chunks,
    codings,
    connections,
    expectations,
    fields,
    hosts,
    lengths,
    limits,
    lines,
    methods,
    targets,
    trailers,
    versions,
)

CASES: tuple[Case, ...] = (
    *methods.CASES,
    *targets.CASES,
    *versions.CASES,
    *lines.CASES,
    *fields.CASES,
    *hosts.CASES,
    *lengths.CASES,
    *codings.CASES,
    *chunks.CASES,
    *trailers.CASES,
    *connections.CASES,
    *expectations.CASES,
    *limits.CASES,
    *answers.CASES,
)
"""All cases, in the order of a request: its line, its fields, its body, and then the connection and the responses."""
