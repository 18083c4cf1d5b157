"""Tracebacks for people: they begin with the program's own code, and library frames take one line each."""

import os
from functools import cache
from pathlib import Path
from traceback import FrameSummary, StackSummary, TracebackException
from typing import Any, Final

_PACKAGE: Final = str(Path(__file__).parent) + os.sep
_INSTALLED: Final = ("site-packages", "dist-packages")


def is_own(filename: str) -> bool:
    """Return whether code belongs to the program: not to aiosock, to an installed package or to Python itself."""
    if filename.startswith(("<frozen ", _PACKAGE, *_libraries())):
        return False
    return not any(name in Path(filename).parts for name in _INSTALLED)


def shown_path(filename: str) -> str:
    """Return a path that is short and still clear: as imports name it, or relative to the current directory."""
    for name in _INSTALLED:
        if name in Path(filename).parts:
            return filename.rpartition(f"{name}{os.sep}")[2]
    for folder in (str(Path(_PACKAGE).parent) + os.sep, *_libraries(), *_working_directory()):
        if filename.startswith(folder):
            return filename.removeprefix(folder)
    return filename


def trace_of(error: BaseException, *, fold: bool) -> TracebackException:
    """Return the traceback of an exception and of its causes, without the frames before the program's own.

    Where no frame is the program's own, all of them stay. With `fold`, the frame of a library takes one line.
    """
    trace = TracebackException.from_exception(error)
    left = [trace]
    while left:
        each = left.pop()
        each.stack = _begun(each, fold=fold)
        left += [other for other in (each.__cause__, each.__context__, *(each.exceptions or ())) if other is not None]
    return trace


class FoldedFrames(StackSummary):
    """Frames of which those of libraries take one line each."""

    def format_frame_summary(self, frame_summary: FrameSummary, **options: Any) -> str:
        """Return the lines of a frame; Python has `options` since 3.13."""
        if is_own(frame_summary.filename):
            return super().format_frame_summary(frame_summary, **options)
        return f"    {shown_path(frame_summary.filename)}:{frame_summary.lineno} in {frame_summary.name}\n"


def _begun(trace: TracebackException, *, fold: bool) -> StackSummary:
    frames = list(trace.stack)
    own = [number for number, frame in enumerate(frames) if is_own(frame.filename)]
    if own:
        return (FoldedFrames if fold else StackSummary)(frames[own[0] :])
    # Of a file that the compiler refuses, no frame has run: a SyntaxError names it. Others have no `filename`.
    return StackSummary() if is_own(getattr(trace, "filename", None) or _PACKAGE) else trace.stack


def _working_directory() -> list[str]:
    try:
        return [str(Path.cwd()) + os.sep]
    except OSError:  # it has been removed
        return []


@cache
def _libraries() -> tuple[str, ...]:
    """Return the folders of Python's own modules and of installed commands, each with its separator."""
    import sysconfig  # `import aiosock` does without

    paths = {os.path.dirname(os.__file__), *map(sysconfig.get_path, ("stdlib", "platstdlib", "scripts"))}
    return tuple(path + os.sep for path in sorted(paths))
