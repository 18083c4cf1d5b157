"""A table of raw requests with what HTTP/1.1 asks of a server for each, and the code that checks a server with it."""

from aiosock.check.case import Case
from aiosock.check.command import check
from aiosock.check.report import Report
from aiosock.check.table import CASES
from aiosock.check.verdict import Verdict, judge

__all__ = ["CASES", "Case", "Report", "Verdict", "check", "judge"]
