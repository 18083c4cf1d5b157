"""Tests of aiosock.web.debug.exceptions: chains, groups and frames as records, whatever the exceptions do."""

import asyncio
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aiosock.web.debug import exceptions
from aiosock.web.debug.exceptions import UNKNOWN, ExceptionRecord, FrameRecord, Omitted, record
from aiosock.web.debug.secrets import HIDDEN


def caught(function: Callable[[], object]) -> BaseException:
    """Return what a function raises."""
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def frames(outline: ExceptionRecord) -> list[FrameRecord]:
    return [frame for frame in outline.frames if isinstance(frame, FrameRecord)]


def chain(outline: ExceptionRecord) -> Iterator[tuple[str, str]]:
    """Yield the titles of a chain, each with how it led to the one before it."""
    relation, each = "", outline
    while True:
        yield relation, each.title
        if each.before is None:
            return
        relation, each = each.relation, each.before


# The chain.


def from_a_cause() -> None:
    try:
        raise KeyError("a")
    except KeyError as error:
        raise ValueError("b") from error


def in_a_context() -> None:
    try:
        raise KeyError("a")
    except KeyError:
        raise ValueError("b")  # noqa: B904 -- this is what is tested


def from_none() -> None:
    try:
        raise KeyError("a")
    except KeyError:
        raise ValueError("b") from None


def alone() -> None:
    raise ValueError("b") from None


@pytest.mark.parametrize(
    ("function", "shown"),
    [
        (from_a_cause, [("", "ValueError: b"), ("cause", "KeyError: 'a'")]),
        (in_a_context, [("", "ValueError: b"), ("context", "KeyError: 'a'")]),
        (from_none, [("", "ValueError: b"), ("suppressed", "KeyError: 'a'")]),
        (alone, [("", "ValueError: b")]),
    ],
)
def test_a_chain_says_how_one_led_to_the_other(function: Callable[[], None], shown: list[tuple[str, str]]) -> None:
    assert list(chain(record(caught(function)))) == shown


def test_a_chain_that_leads_back_to_itself_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__context__, second.__context__ = second, first

    assert list(chain(record(first))) == [("", "ValueError: first"), ("context", "ValueError: second")]


def test_a_long_chain_is_cut() -> None:
    error = ValueError("0")
    for number in range(10_000):
        another = ValueError(str(number))
        another.__context__ = error
        error = another

    assert len(list(chain(record(error)))) == exceptions.MAX_EXCEPTIONS


# Groups.


def test_a_group_is_a_tree() -> None:
    inner = ExceptionGroup("inner", [KeyError("a"), OSError("b")])
    outline = record(ExceptionGroup("outer", [inner, ValueError("c")]))

    assert outline.title == "ExceptionGroup: outer (2 sub-exceptions)"
    assert [member.title for member in outline.members] == [
        "ExceptionGroup: inner (2 sub-exceptions)",
        "ValueError: c",
    ]
    assert [member.title for member in outline.members[0].members] == ["KeyError: 'a'", "OSError: b"]


def test_a_large_group_is_cut_and_counted() -> None:
    outline = record(ExceptionGroup("many", [ValueError(number) for number in range(10_000)]))

    assert (len(outline.members), outline.more_members) == (exceptions.MAX_MEMBERS, 10_000 - exceptions.MAX_MEMBERS)


def test_groups_deep_within_each_other_are_cut() -> None:
    error: Exception = ValueError("inside")
    for number in range(500):
        error = ExceptionGroup(str(number), [error])

    outline, depth = record(error), 1
    while outline.members:
        (outline,), depth = outline.members, depth + 1
    assert depth == exceptions.MAX_EXCEPTIONS


async def test_a_task_group_shows_the_frames_of_its_tasks() -> None:
    async def fail() -> None:
        raise ValueError("in a task")

    async def both() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())

    with pytest.raises(ExceptionGroup) as raised:
        await both()
    (member,) = record(raised.value).members

    assert [frame.code for frame in member.own_frames] == ['raise ValueError("in a task")']


def test_a_member_that_is_its_own_cause_ends() -> None:
    member = ValueError("member")
    group = ExceptionGroup("group", [member])
    member.__cause__ = group

    assert [each.title for each in record(group).members] == ["ValueError: member"]


# Messages and notes.


class Silent(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


class Verbose(Exception):
    def __str__(self) -> str:
        return "x" * 10**6


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError(), ""),
        (ValueError("text"), "text"),
        (ValueError(7), "7"),
        (ValueError([1] * 10**6), "more]"),
        (ValueError("a", 1), "('a', 1)"),
        (KeyError("a"), "'a'"),
        (OSError(2, "No such file", "/a"), "[Errno 2] No such file: '/a'"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "'utf-8' codec can't decode byte 0xff in position 0: bad"),
        (Silent(), "(its text raises KeyboardInterrupt)"),
        (Verbose(), "x…"),
        (ValueError("x" * 10**8), "x…"),
        (ValueError("password=hunter2"), f"password={HIDDEN}"),
        (SystemExit(3), "3"),
    ],
)
def test_a_message_is_that_of_the_exception_bounded_and_without_secrets(error: BaseException, message: str) -> None:
    outline = record(error)

    assert outline.message.endswith(message)
    assert len(outline.message) <= exceptions.MAX_MESSAGE + 1


def test_notes_are_shown() -> None:
    error = ValueError("a")
    for number in range(20):
        error.add_note(f"note {number}, token=hunter2")

    notes = record(error).notes

    assert notes[0] == f"note 0, token={HIDDEN}"
    assert len(notes) == exceptions.MAX_NOTES


@pytest.mark.parametrize("notes", [7, "text", [7, None], [Silent()], (Verbose(),)])
def test_notes_may_be_anything(notes: object) -> None:
    error = ValueError("a")
    error.__notes__ = notes  # type: ignore[assignment]

    assert all(isinstance(note, str) for note in record(error).notes)


def test_notes_that_raise_are_survived() -> None:
    def lost(self: object) -> None:
        raise SystemExit

    noted = type("Noted", (Exception,), {"__notes__": property(lost)})

    assert record(noted("a")).notes == ["(its notes raise SystemExit)"]


# Frames.


def test_a_frame_has_its_place_its_line_and_its_values() -> None:
    def fail(number: int, password: str) -> float:
        unused = "unused"
        return number / 0 if unused else 1

    *_, last = frames(record(caught(lambda: fail(7, "hunter2"))))

    assert last.function.endswith("fail")
    assert last.code == "return number / 0 if unused else 1"
    assert last.place.file == __file__
    assert last.place.is_own
    assert last.values == [("number", "7"), ("unused", "'unused'"), ("password", HIDDEN)]
    assert last.missing == ""
    (failing,) = [line for line in last.lines if line.is_failing]
    assert failing.mark is not None
    assert failing.text[slice(*failing.mark)] == "number / 0"


def test_names_of_the_line_that_failed_come_first() -> None:
    def fail() -> float:
        first, second, third = 1, 0, 2
        return first / second if third else third

    *_, last = frames(record(caught(fail)))

    assert [name for name, _ in last.values] == ["first", "second", "third"]


def test_a_module_shows_what_it_holds_but_not_what_it_defines(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("import os\nnumber = 7\nclass A: pass\ndef f(): pass\n1 / 0\n")

    *_, last = frames(record(caught(lambda: exec(compile(file.read_text(), str(file), "exec"), {}))))

    assert last.values == [("number", "7")]


def test_many_names_are_cut_and_counted() -> None:
    source = "".join(f"a{number} = {number}\n" for number in range(200)) + "1 / 0\n"
    *_, last = frames(record(caught(lambda: exec(source, {}))))

    assert len(last.values) == exceptions.MAX_VALUES
    assert last.missing == f"{200 - exceptions.MAX_VALUES} more are not shown."


def test_code_without_a_file_has_values_all_the_same() -> None:
    *_, last = frames(record(caught(lambda: exec("def f(a):\n  return a / 0\nf(7)", {}))))

    assert (last.place.shown, last.code, last.values) == ("<string>:2", "", [("a", "7")])


def recursion() -> None:
    recursion()


def one() -> None:
    other()


def other() -> None:
    one()


def test_a_recursion_is_folded() -> None:
    outline = record(caught(recursion))

    assert len(outline.frames) == 5
    assert isinstance(omitted := outline.frames[-2], Omitted)
    assert omitted.count > 500


def test_a_recursion_through_several_functions_is_cut() -> None:
    outline = record(caught(one))

    assert len(outline.frames) == exceptions.FIRST_FRAMES + 1 + exceptions.LAST_FRAMES
    assert isinstance(outline.frames[exceptions.FIRST_FRAMES], Omitted)


def test_a_page_has_a_limit_of_frames() -> None:
    errors = [caught(one) for _ in range(exceptions.MAX_MEMBERS)]
    outline = record(ExceptionGroup("many", [error for error in errors if isinstance(error, Exception)]))

    assert sum(len(frames(member)) for member in outline.members) <= exceptions.MAX_FRAMES + exceptions.MAX_MEMBERS
    assert all(frames(member) for member in outline.members)


# Syntax errors.


@pytest.mark.parametrize(
    ("source", "line", "marked"),
    [("x = (\n1 2\n)\n", 2, "1 2"), ("def f(:\n", 1, ":"), ("'é' = 1\n", 1, "'é'")],
)
def test_a_syntax_error_shows_the_line_that_cannot_be_read(source: str, line: int, marked: str, tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(source, encoding="utf-8")

    last = frames(record(caught(lambda: compile(source, str(file), "exec"))))[-1]

    (failing,) = [each for each in last.lines if each.is_failing]
    assert (last.place.file, last.place.line, failing.number) == (str(file), line, line)
    assert failing.mark is None or failing.text[slice(*failing.mark)] == marked


def test_a_syntax_error_without_a_file_shows_the_text_that_it_has() -> None:
    last = frames(record(caught(lambda: compile("x = (", "<input>", "exec"))))[-1]

    assert (last.place.shown, last.code) == ("<input>:1", "x = (")


@pytest.mark.parametrize(
    "arguments",
    [
        ("message",),
        ("message", (None, None, None, None)),
        ("message", ("file", 0, 0, "text")),
        ("message", ("file\0", 10**9, -5, "text\0")),
        ("message", ("file", 1, 10**9, "text", 0, -7)),
    ],
)
def test_a_syntax_error_with_an_odd_place_is_survived(arguments: tuple[object, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert record(SyntaxError(*arguments)).title == "SyntaxError: message"


# Time.


def test_a_repr_that_never_returns_is_not_waited_for() -> None:
    released = threading.Event()

    class Slow:
        def __repr__(self) -> str:
            released.wait()
            return "Slow()"

    def inner(slow: Slow) -> None:
        raise ValueError("the message")

    try:
        outline = record(caught(lambda: inner(Slow())), seconds=0.01)
        *_, last = frames(outline)

        assert last.values == []
        assert last.missing == "They took too long."
    finally:
        released.set()


def test_few_threads_are_left_behind_by_those_that_never_return(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exceptions, "_stuck", [])
    released = threading.Event()

    class Slow(Exception):
        def __str__(self) -> str:
            released.wait()
            return "too late"

    def fail() -> None:
        raise Slow

    try:
        outlines = [record(caught(fail), seconds=0.01) for _ in range(exceptions.MAX_STUCK + 2)]
        assert len(exceptions._stuck) == exceptions.MAX_STUCK
        assert outlines[-1].message == UNKNOWN
        assert frames(outlines[-1])[-1].code == "raise Slow"
    finally:
        released.set()
    for thread in exceptions._stuck:
        thread.join()
    assert record(caught(fail)).message == "too late"


def test_a_message_that_never_comes_is_not_waited_for() -> None:
    released = threading.Event()

    class Slow(Exception):
        def __str__(self) -> str:
            released.wait()
            return "too late"

    def fail() -> None:
        raise Slow

    try:
        assert record(caught(fail), seconds=0.01).message == UNKNOWN
    finally:
        released.set()


def test_values_are_bounded_in_all() -> None:
    def fail(values: list[str]) -> None:
        for number, value in enumerate(values):
            locals()[f"name{number}"] = value
        if len(values) > 2:
            fail(values[1:])
        raise ValueError('"' * 10**6)

    outline = record(caught(lambda: fail(['"' * 1000] * 100)))

    assert sum(len(text) for frame in frames(outline) for _, text in frame.values) < exceptions.MAX_BYTES


def test_long_messages_leave_room_for_source() -> None:
    def fail() -> None:
        raise ExceptionGroup('"' * 10**6, [ValueError('"' * 10**6)] * 10)

    outline = record(caught(fail))

    assert outline.own_frames[-1].code.startswith("raise ExceptionGroup")
    assert all(len(member.message) >= 100 for member in outline.members)


def test_no_object_of_the_program_is_kept() -> None:
    import gc
    import weakref

    class Kept: ...

    def fail() -> None:
        kept = Kept()
        seen.append(weakref.ref(kept))
        raise ValueError

    seen: list[weakref.ref[Kept]] = []
    outline = record(caught(fail))
    gc.collect()

    assert outline.frames
    assert seen[0]() is None


def test_a_frame_of_a_template_has_the_name_that_jinja_gives_it() -> None:
    jinja2 = pytest.importorskip("jinja2")
    template = jinja2.Environment(autoescape=True).from_string("{% block main %}{{ 1 // 0 }}{% endblock %}")

    found = frames(record(caught(template.render)))

    assert [frame.function for frame in found[-2:]] == ["top-level template code", "block 'main'"]
