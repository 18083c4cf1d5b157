"""The page of a report."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from aiosock.web.debug.exceptions import ExceptionRecord
from aiosock.web.debug.html import exception, function, place, table, text
from aiosock.web.debug.report import Report
from aiosock.web.debug.requests import RequestRecord
from aiosock.web.debug.text import traceback
from aiosock.web.error_page.plain import ERROR
from aiosock.web.page import Page

PAGE: Final = Page("aiosock.web.debug", "debug", base=ERROR)
"""The page itself; its policy allows its style and its one script, which copies a command."""

LONG: Final = 120
"""Characters of a message from which on the heading is set smaller."""


class Section(NamedTuple):
    """A part of the page, with its heading, and its name for links; without a heading, the part has its own."""

    name: str
    heading: str
    content: str


def html(report: Report) -> str:
    """Return the page of a report."""
    sections = list(_sections(report))
    title, heading = _heading(report)
    return PAGE.filled(
        title=text(title[:300]),
        kind="failure" if report.status >= 500 else "refusal",
        size="long" if len(title) > LONG else "short",
        exchange=_exchange(report),
        heading=heading,
        lead=_lead(report),
        links="".join(f'<li><a href="#{each.name}">{each.heading.lower()}</a></li>' for each in sections),
        sections="\n".join(
            f'<section id="{each.name}" aria-label="{each.heading}">{each.content}</section>' for each in sections
        ),
    )


def _exchange(report: Report) -> str:
    asked = f'<span class="req">&gt; {text(report.request.line)}</span>' if report.request else ""
    mood = "bad" if report.status >= 500 else "req"
    return f'<p class="exchange">{asked}<span class="{mood}">&lt; {text(report.status_line)}</span></p>'


def _heading(report: Report) -> tuple[str, str]:
    """Return the title of the page, and its heading as HTML."""
    if report.exception is None or not report.is_failure:
        return f"{report.status_line}: {report.detail}", f'<span class="message">{text(report.detail)}</span>'
    kind, message = report.exception.kind, report.exception.message
    shown = f'<span class="kind">{text(kind)}</span>'
    return report.exception.title, shown + (f'<span class="message">{text(message)}</span>' if message else "")


def _lead(report: Report) -> str:
    request, found = report.request, report.exception
    if found is not None and (own := found.own_frames):
        # Below: by code of a library, or of aiosock, that this line has called.
        how = "in" if own[-1] is found.frames[-1] else "below"
        where = f"{how} <code>{text(own[-1].function)}</code>, " if own[-1].function else "at "
        return f'<p class="lead">Raised {where}{place(own[-1].place)}.</p>'
    if request is not None and report.status == 404:
        return f'<p class="lead">No route of this app has the path <code>{text(request.target)}</code>.</p>'
    if request is not None and report.status == 405:
        return f'<p class="lead">The path has routes, but none for <code>{text(request.method)}</code>.</p>'
    if report.refused_by is not None and not report.problems:
        return f'<p class="lead">Refused by {place(report.refused_by.place)}.</p>'
    return ""


def _sections(report: Report) -> Iterator[Section]:
    if report.problems:
        yield Section("problems", "What is not valid", _problems(report))
    if report.routes:
        heading = "Methods of this path" if report.status == 405 else "Routes"
        yield Section("routes", heading, _routes(report, heading))
    if report.exception is not None:
        yield Section("traceback", "Traceback", _traceback(report.exception, is_titled=not report.is_failure))
    if report.request is not None:
        yield Section("request", "Request", _request(report.request))
    if report.exception is not None:
        yield Section(
            "text", "As text", _copied("As text", "traceback-text", report.text or traceback(report.exception), level=2)
        )


def _traceback(record: ExceptionRecord, *, is_titled: bool) -> str:
    return f"<h2>Traceback</h2>\n{exception(record, has_title=is_titled)}"


def _problems(report: Report) -> str:
    rows = [(text(each.place), text(each.detail), text(each.arrived)) for each in report.problems]
    handler = report.request.handler if report.request else None
    wanted = ""
    if handler:
        wanted = f'<p class="lead">The handler takes <code>{text(handler.name + handler.signature)}</code>.</p>'
    return f"<h2>What is not valid</h2>\n{_rows(('Where', 'What is wrong', 'What arrived'), rows)}\n{wanted}"


def _routes(report: Report, heading: str) -> str:
    rows = [(text(each.methods), text(each.pattern), function(each.function)) for each in report.routes]
    order = "" if report.status == 405 else '<p class="relation">The nearest first.</p>'
    more = f'<p class="omitted">{report.more_routes:,} more routes are not shown.</p>' if report.more_routes else ""
    return f"<h2>{heading}</h2>{order}\n{_rows(('Methods', 'Path', 'Handler'), rows)}{more}"


def _rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of HTML, whose rows are named by their first cell."""
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>\n'
        for first, *others in rows
    )
    table = f'<table class="routes"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="sheet">{table}</div>'


def _request(request: RequestRecord) -> str:
    facts = [("client", request.client), ("route", request.route or "none")]
    rows = "".join(f'<tr><th scope="row">{name}</th><td>{text(value)}</td></tr>\n' for name, value in facts if value)
    if request.handler:
        rows += f'<tr><th scope="row">handler</th><td>{function(request.handler)}</td></tr>\n'
    if request.middleware:
        passed = "\n".join(map(function, request.middleware))
        rows += f'<tr><th scope="row">middleware</th><td>{passed}</td></tr>\n'
    shown = f'<h2>Request</h2>\n<div class="sheet"><table aria-label="Request"><tbody>{rows}</tbody></table></div>\n'
    shown += _copied("As a curl command", "curl-command", request.curl, level=3)
    for heading, pairs in [
        ("Path parameters", request.params),
        ("Query", request.query),
        ("Fields", request.fields),
        ("Cookies", request.cookies),
        ("Form", request.form),
    ]:
        if pairs:
            shown += f'<h3>{heading}</h3>\n<div class="sheet scroll" tabindex="0">{table(pairs, heading)}</div>\n'
    if request.body or request.note:
        shown += f'<h3>Body</h3>\n<p class="relation">{text(request.note)}</p>\n' if request.note else "<h3>Body</h3>\n"
    if request.body:
        shown += f'<pre class="text sheet" tabindex="0" role="region" aria-label="Body">{text(request.body)}</pre>\n'
    return shown


def _copied(heading: str, name: str, content: str, *, level: int) -> str:
    """Return a text with a button that copies it; without scripts, it can be selected."""
    label = heading[0].lower() + heading[1:]
    return (
        f'<div class="copied"><h{level}>{heading}</h{level}>'
        f'<button type="button" data-copy="{name}" aria-label="Copy {label}" hidden>Copy</button></div>\n'
        f'<pre class="text sheet curl" tabindex="0" role="region" aria-label="{heading}">'
        f'<code id="{name}">{text(content)}</code></pre>\n'
    )
