"""The error pages of `--debug`: what failed, where, with which values, and for which request. Imported only then.

`response.debug_response` answers a request with them. `report.report_of` makes a report of any exception, also without
a request. `page.html`, `text.lines` and `problem.problem` render it for a browser, for curl and for a program;
`page.PAGE` has the policy that the page needs.
"""
