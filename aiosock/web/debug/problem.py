"""A report as the members of a problem in JSON (RFC 9457 section 3), for programs."""

from typing import Any

from aiosock.errors import reason_phrase
from aiosock.web.debug.exceptions import ExceptionRecord, FrameRecord
from aiosock.web.debug.report import Report
from aiosock.web.debug.routes import RouteRecord
from aiosock.web.error_page.negotiation import FAILED


def problem(report: Report) -> dict[str, Any]:
    """Return a problem with its exceptions: their frames, without source around them, and the values of own frames."""
    members: dict[str, Any] = {
        "title": reason_phrase(report.status),
        "status": report.status,
        "detail": report.detail or FAILED,
    }
    if report.problems:
        members["errors"] = [{**each.told, "arrived": each.arrived} for each in report.problems]
    if report.exception is not None:
        members["exception"] = _exception(report.exception)
    if report.text:
        members["trace"] = report.text
    if report.request is not None:
        members["request"] = {"line": report.request.line, "route": report.request.route, "curl": report.request.curl}
    if report.routes:
        members["routes"] = [_route(route) for route in report.routes]
    return members


def _exception(record: ExceptionRecord) -> dict[str, Any]:
    members: dict[str, Any] = {"type": record.kind, "message": record.message, "notes": record.notes}
    members["frames"] = [_frame(frame) for frame in record.frames if isinstance(frame, FrameRecord)]
    if record.members:
        members["exceptions"] = [_exception(member) for member in record.members]
    if record.before is not None:
        members[record.relation] = _exception(record.before)
    return members


def _frame(frame: FrameRecord) -> dict[str, Any]:
    members: dict[str, Any] = {"file": frame.place.file, "line": frame.place.line, "function": frame.function}
    members |= {"code": frame.code, "own": frame.place.is_own}
    return {**members, "values": dict(frame.values)} if frame.place.is_own else members


def _route(route: RouteRecord) -> dict[str, str]:
    place = route.function.place
    handler = {"handler": route.function.name, "place": place.shown if place else ""}
    return {"methods": route.methods, "pattern": route.pattern, **handler}
