"""A report: all that an error page shows of one error, as records of text. It is rendered as HTML, text and JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiosock.errors import HTTPError, ValidationError, reason_phrase
from aiosock.web.debug.exceptions import ExceptionRecord, FrameRecord, record
from aiosock.web.debug.problems import ProblemRecord, problem_records
from aiosock.web.debug.requests import RequestRecord, request_record
from aiosock.web.debug.routes import RouteRecord, nearest_routes, other_methods
from aiosock.web.request import Request
from aiosock.web.routing.outline import Outlined


@dataclass(slots=True)
class Report:
    """An error and what led to it.

    `exception` is None where its frames say nothing: the program did not raise it, as a 404 for a path without a route.
    Then `refused_by` is the place in aiosock, or in a library. `text` is shown in place of the traceback as text.
    `routes` has those nearest to such a path, or those of the path of a 405, and `more_routes` counts the others.
    """

    status: int
    detail: str
    exception: ExceptionRecord | None
    request: RequestRecord | None = None
    problems: list[ProblemRecord] = field(default_factory=list)
    routes: list[RouteRecord] = field(default_factory=list)
    more_routes: int = 0
    refused_by: FrameRecord | None = None
    text: str = ""

    @property
    def status_line(self) -> str:
        """Return status and reason, such as 404 Not Found."""
        return f"{self.status} {reason_phrase(self.status)}".rstrip()

    @property
    def is_failure(self) -> bool:
        """Return whether the program failed; otherwise it, or aiosock, refused the request with an HTTPError."""
        return self.exception is not None and not self.detail


def report_of(
    error: BaseException,
    request: Request | None = None,
    app: Outlined | None = None,
    *,
    status: int = 500,
    seconds: float | None = None,
) -> Report:
    """Return the report of an error that a request has met; without a request, of one that nobody asked for.

    `app` is the one that answers; None outside of all apps. `status` is for an error that is no HTTPError. The caller
    waits at most `seconds`, by default half a second, for the texts of the program's own classes. Raises nothing that
    an exception, a value or a request may raise in turn.
    """
    apps = _passed(request, app)
    if not isinstance(error, HTTPError):
        return Report(status, "", record(error, seconds), request_record(request, apps) if request else None)
    report = Report(error.status, error.detail, record(error, seconds))
    assert report.exception is not None
    frames = report.exception.own_frames
    if report.exception.before is None and not any(frame.place.is_own for frame in frames):
        report.exception = None
        report.refused_by = frames[-1] if frames else None
    if request is not None:
        report.request = request_record(request, apps)
        if isinstance(error, ValidationError):
            report.problems = problem_records(error, request)
        if report.exception is None and apps:
            _add_routes(report, error, request, apps)
    return report


def _add_routes(report: Report, error: HTTPError, request: Request, apps: Sequence[Outlined]) -> None:
    if error.status == 404:
        report.routes, report.more_routes = nearest_routes(apps, request.path)
    elif error.status == 405:
        methods = [method.strip() for method in error.headers.get("allow", "").split(",")]
        report.routes = other_methods(apps[-1], methods, request.subpath)


def _passed(request: Request | None, app: Outlined | None) -> list[Outlined]:
    """Return the apps that a request has passed, and the one that answers, the outermost first."""
    above: list[Outlined] = list(request.above) if request is not None else []
    if app is None:
        return above
    return [*(above[: above.index(app)] if app in above else above), app]
