"""The report on one server, as a table for people or as JSON for programs."""

import json
from collections.abc import Sequence

from aiosock.check.case import Level
from aiosock.check.verdict import Verdict


class Report:
    """The verdicts on one server, in the order of the table. `left_out` counts the cases that do not apply to it."""

    __slots__ = ("left_out", "url", "verdicts")

    def __init__(self, url: str, verdicts: Sequence[Verdict], *, left_out: int = 0) -> None:
        self.url: str = url
        self.left_out: int = left_out
        self.verdicts: list[Verdict] = list(verdicts)

    @property
    def failures(self) -> list[Verdict]:
        """The verdicts on the cases that the server failed."""
        return [verdict for verdict in self.verdicts if verdict.failure is not None]

    def failed(self, level: Level) -> int:
        """Count the cases whose most important failure is of this level."""
        return sum(verdict.failure is not None and verdict.failure.level is level for verdict in self.verdicts)

    def by_category(self) -> "dict[str, Report]":
        """Return a report for each category, in order."""
        categories = dict.fromkeys(verdict.case.category for verdict in self.verdicts)
        return {name: Report(self.url, [v for v in self.verdicts if v.case.category == name]) for name in categories}

    def as_text(self) -> str:
        """Return a table with a line for each category, and then a line for each failure."""
        parts = self.by_category()
        width = max(map(len, [*parts, "category"]))
        lines = [f"{'category':{width}}  passed  MUST  SHOULD  STRICT"]
        lines += [_row(name, width, part) for name, part in parts.items()]
        lines += [_row("all", width, self), ""]
        if self.left_out:
            lines += [f"{self.left_out} cases left out: the server does not implement POST", ""]
        lines += [_line(verdict) for verdict in self.failures]
        return "\n".join(lines).rstrip("\n") + "\n"

    def as_json(self) -> str:
        """Return the report as a JSON object: counts for each category, and the failures."""
        failures = [
            {
                "category": verdict.case.category,
                "case": verdict.case.name,
                "level": verdict.failure.level.name,
                "section": verdict.failure.section,
                "expected": verdict.failure.expected,
                "got": verdict.failure.got,
            }
            for verdict in self.verdicts
            if verdict.failure is not None
        ]
        categories = {name: _counts(part) for name, part in self.by_category().items()}
        everything = {
            "url": self.url,
            "all": _counts(self),
            "left_out": self.left_out,
            "categories": categories,
            "failures": failures,
        }
        return json.dumps(everything, indent=2, ensure_ascii=False) + "\n"


def _counts(report: Report) -> dict[str, int]:
    failed = {level.name: report.failed(level) for level in Level}
    return {"passed": len(report.verdicts) - len(report.failures), **failed}


def _row(name: str, width: int, report: Report) -> str:
    counts = _counts(report)
    return f"{name:{width}}  {counts['passed']:6}  {counts['MUST']:4}  {counts['SHOULD']:6}  {counts['STRICT']:6}"


def _line(verdict: Verdict) -> str:
    failure = verdict.failure
    assert failure is not None
    where = f"{failure.level.name:6} {verdict.case.category}: {verdict.case.name} ({failure.section})"
    return f"{where}: expected {failure.expected}; got {failure.got}"
