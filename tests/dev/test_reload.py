"""`--reload` as people use it: real processes, whose program is saved, broken, mended and ended."""

import json
import os
import shutil
import signal
import socket
import sys
import zipfile
from pathlib import Path

import pytest

from aiosock import App, Config, ConfigError, serve
from tests.dev.reloading import PROGRAM, Caller, Reloaded, children, is_alive
from tests.e2e.process import LOOPS, ROOT, run_to_its_end, threads, until
from tests.e2e.raw import Raw

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a child inherits sockets on POSIX systems only")

DRAINING = "aiosock: draining; a second signal ends it at once\n"
BROWSER = "Accept: text/html,*/*;q=0.8"

BLOCKED = "import time\nfrom pathlib import Path\nprint('importing', flush=True)\nwhile not Path('go').exists(): time.sleep(0.01)\n"
"""The beginning of a program whose import takes until a test lets it go on."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path.resolve()


# The new code answers.


@pytest.mark.parametrize("loop", LOOPS)
def test_a_request_during_the_restart_waits_and_is_answered_by_the_new_code(home: Path, loop: str) -> None:
    with Reloaded(home, ("program.py",), "--port", "0", "--loop", loop) as served, Raw(served.address) as kept:
        assert kept.get().body == b"100"
        served.write(BLOCKED + PROGRAM.replace("100", "200"))
        served.await_output("importing")
        served.await_output("closed 100")
        with Raw(served.address) as new:
            for raw in (kept, new):
                raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            (home / "go").touch()

            assert [raw.answer().body for raw in (kept, new)] == [b"200", b"200"]
        assert kept.get().body == b"200"  # still the connection from before
        served.interrupt()
        assert served.wait() == 0
        assert served.output.count("Ctrl-C stops") == 1
        assert served.output.count("inspector at") == 1


@pytest.mark.costly
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("saves", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_saving_under_load_refuses_and_loses_nothing(home: Path, loop: str, saves: int) -> None:
    with Reloaded(home, ("program.py",), "--port", "0", "--loop", loop, "--no-access-log") as served:
        callers = [Caller(served.address, keeps=keeps) for keeps in (True, True, False)]
        with threads(*callers):
            try:
                for version in range(101, 101 + saves):
                    served.save(version)
                    served.await_version(version)
            finally:
                for caller in callers:
                    caller.stop()

    for caller in callers:
        assert caller.failures == []
        assert caller.versions == sorted(caller.versions)
        assert caller.versions[-1] == 100 + saves


def test_saving_twice_in_a_moment_ends_with_the_last_code(home: Path) -> None:
    with Reloaded(home) as served:
        served.write(BLOCKED + PROGRAM)
        served.await_output("importing")  # it waits for ever
        served.save(300)
        served.await_version(300)


def test_an_environment_file_is_read_anew(home: Path) -> None:
    reading = "import os\nos.environ.setdefault('NAME', open('.env').read().strip())\n"
    program = reading + PROGRAM.replace("{VERSION}", "{os.environ['NAME']}")
    (home / ".env").write_text("one")
    with Reloaded(home, program=program) as served:
        assert served.ask().body == b"one"
        (home / ".env").write_text("two")
        served.await_answer(lambda answer: answer.body == b"two")


def test_a_module_from_elsewhere_is_watched_too(home: Path) -> None:
    (home / "app").mkdir()
    (home / "library").mkdir()
    (home / "library" / "shared.py").write_text("NAME = 'one'\n")
    program = "from shared import NAME\n" + PROGRAM.replace("{VERSION}", "{NAME}")
    path = os.pathsep.join([str(ROOT), str(home / "library")])
    with Reloaded(home / "app", program=program, PYTHONPATH=path) as served:
        assert served.ask().body == b"one"
        (home / "library" / "shared.py").write_text("NAME = 'two'\n")
        served.await_answer(lambda answer: answer.body == b"two")


def test_requests_under_way_are_finished_and_hold_nobody_up(home: Path) -> None:
    with Reloaded(home) as served, Raw(served.address) as slow, Raw(served.address) as stream:
        slow.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        stream.send(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        served.await_output("slow")
        served.save(200)
        served.await_version(200)
        assert stream.answer().body == b"data: one\n\n"  # it has been told to end
        assert stream.get().body == b"200"
        (home / "go").touch()

        assert slow.answer().body == b"100"


@pytest.mark.slow
def test_a_handler_that_blocks_the_loop_holds_nobody_up(home: Path) -> None:
    with Reloaded(home) as served, Raw(served.address) as blocking:
        pid = int(served.ask("/pid").body)
        blocking.send(b"GET /blocking HTTP/1.1\r\nHost: a\r\n\r\n")
        served.await_output("blocking")
        served.save(200)
        served.await_version(200)
        until(lambda: not is_alive(pid))


# How it was started.


def test_a_module_is_served_by_name(home: Path) -> None:
    with Reloaded(home, ("-m", "aiosock", "program:app")) as served:
        served.save(200)
        served.await_version(200)


def test_a_package_is_run_again_as_a_package(home: Path) -> None:
    package = home / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "from package.site import app\nfrom aiosock import run\nrun(app, reload=True, port=0)\n"
    )
    (package / "site.py").write_text("from program import app\n")
    with Reloaded(home, ("-X", "dev", "-m", "package"), "--ignored") as served:
        (package / "site.py").write_text(
            "from program import app\n@app.get('/more')\nasync def more(request): return 'more'\n"
        )
        served.await_answer(lambda answer: answer.body == b"more", "/more")


def test_an_inherited_socket_is_passed_on_and_stays_open(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        number = sock.fileno()
        with Reloaded(home, ("program.py",), "--bind", f"fd:{number}", pass_fds=[number]) as served:
            assert served.ask().body == b"100"
            served.save(200)
            served.await_version(200)
        with Raw(sock.getsockname()):  # waits in the backlog
            pass


def test_a_unix_socket_is_removed_at_the_end(home: Path) -> None:
    path = home / "socket"
    with Reloaded(home, ("program.py",), "--bind", f"unix:{path}") as served:
        with Raw(str(path)) as raw:
            assert raw.get().body == b"100"
        served.save(200)

        def version() -> bytes:
            with Raw(str(path)) as raw:
                return raw.get().body

        until(lambda: version() == b"200")
        served.interrupt()
        assert served.wait() == 0
    assert not path.exists()


# Broken code.


def test_broken_code_is_shown_and_mended_code_comes_back_by_itself(home: Path) -> None:
    with Reloaded(home) as served, Raw(served.address) as kept:
        assert kept.get().body == b"100"
        served.change("VERSION = 100", "VERSION = = 100")
        plain = served.await_answer(lambda answer: answer.status == 500)
        page = served.ask("/", BROWSER)
        problem = served.ask("/anything", "Accept: application/json")

        for told in (plain.body, page.body, problem.body):
            assert b"SyntaxError: invalid syntax" in told
            assert b"program.py, line 8" in told
            assert b"VERSION = = 100" in told
        assert plain.fields["content-type"] == "text/plain; charset=utf-8"
        assert b"/_aiosock/reload.js" in page.body
        assert json.loads(problem.body)["status"] == 500
        assert kept.get().status == 500  # on a connection that the program had

        served.save(200)
        served.await_version(200)
        assert kept.get().body == b"200"


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("raise RuntimeError('no database')", b"RuntimeError: no database"),
        ("raise SystemExit('give me a name')", b"give me a name"),
        ("os._exit(0)", b"the program ended with status 0 before it served requests"),
        ("os.kill(os.getpid(), 9)", b"the program ended by SIGKILL before it served requests"),
        ("app.get('/{id}')(home)", b"RouteError"),
    ],
)
def test_whatever_keeps_a_program_from_starting_is_told(home: Path, statement: str, told: bytes) -> None:
    with Reloaded(home) as served:
        served.change("VERSION = 100", f"VERSION = 200; {statement}" if "app.get" not in statement else "VERSION = 200")
        if "app.get" in statement:
            served.change("if __name__", f"{statement}\nif __name__")
        answer = served.await_answer(lambda answer: answer.status == 500)
        served.await_answer(lambda answer: told in answer.body)
        assert b"The program does not run" in answer.body
        served.save(300)
        served.await_version(300)


def test_a_lifespan_that_fails_is_told_with_its_place(home: Path) -> None:
    with Reloaded(home) as served:
        served.change("    yield\n", "    raise RuntimeError('no database')\n    yield\n")
        answer = served.await_answer(lambda answer: answer.status == 500)
        assert b"RuntimeError: no database" in answer.body
        assert b"program.py, line 12" in answer.body
        assert "in lifespan" in served.errors  # and the terminal has the traceback


def test_a_program_that_is_broken_at_its_first_start_is_waited_for(home: Path) -> None:
    class Broken(Reloaded):
        def _started(self) -> list[str]:
            self.await_errors("waiting for a file to be saved")
            return [f"http://127.0.0.1:{port}"]

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ("-m", "aiosock", "program:app")
    with Broken(home, command, "--port", str(port), program="import missing\n") as served:
        assert b"ModuleNotFoundError: No module named 'missing'" in served.ask().body
        served.save(200)
        served.await_version(200)
        served.await_output("Ctrl-C stops")


def test_a_program_that_crashes_waits_for_the_next_save(home: Path) -> None:
    with Reloaded(home) as served:
        with Raw(served.address) as raw:
            raw.send(b"GET /crash HTTP/1.1\r\nHost: a\r\n\r\n")
            raw.rest()
        answer = served.await_answer(lambda answer: answer.status == 500)
        assert b"the program ended with status 7 after it served requests" in answer.body
        served.save(200)
        served.await_version(200)


@pytest.mark.costly
def test_a_program_whose_predecessor_held_what_it_needs_starts_after_it(home: Path) -> None:
    holding = "import socket\nholding = socket.create_server(('127.0.0.1', int(os.environ['HELD'])))\nVERSION = 100"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = PROGRAM.replace("VERSION = 100", holding)
    parent = "import os\nif '_AIOSOCK_RELOAD' not in os.environ:\n    os.environ['HELD'] = '0'\n"
    with Reloaded(home, program=parent + program, HELD=str(port)) as served, Raw(served.address) as slow:
        slow.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        served.await_output("slow")
        served.change("VERSION = 100", "VERSION = 200")
        served.await_answer(lambda answer: answer.status == 500)
        (home / "go").touch()
        assert slow.answer().body == b"100"
        served.await_version(200)


# The end.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_parent_ends_both_and_is_told_once(home: Path, number: signal.Signals) -> None:
    with Reloaded(home) as served:
        pid = int(served.ask("/pid").body)
        assert served.stop(number) == 0
        assert served.errors.count(DRAINING) == 1
        assert not is_alive(pid)


def test_ctrl_c_ends_both_once(home: Path) -> None:
    with Reloaded(home) as served, Raw(served.address) as slow:
        pid = int(served.ask("/pid").body)
        slow.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        served.await_output("slow")
        served.interrupt()
        served.await_errors(DRAINING)
        (home / "go").touch()
        assert slow.answer().body == b"100"  # the request under way is answered
        assert served.wait() == 0
        assert served.errors.count(DRAINING) == 1
        assert "Traceback" not in served.errors
        assert not is_alive(pid)


def test_a_second_ctrl_c_ends_both_at_once(home: Path) -> None:
    with Reloaded(home) as served, Raw(served.address) as slow:
        pid = int(served.ask("/pid").body)
        slow.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        served.await_output("slow")
        served.interrupt()
        served.await_errors(DRAINING)
        served.interrupt()
        assert served.wait() == 128 + signal.SIGINT
        until(lambda: not is_alive(pid))


def test_ctrl_c_while_the_code_is_broken_ends_it(home: Path) -> None:
    with Reloaded(home) as served:
        served.change("VERSION = 100", "VERSION =")
        served.await_answer(lambda answer: answer.status == 500)
        served.interrupt()
        assert served.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP])
def test_log_rotation_ends_nobody(home: Path, number: signal.Signals) -> None:
    log = home / "access.log"
    with Reloaded(home, ("program.py",), "--port", "0", "--access-log-file", str(log)) as served:
        log.rename(home / "access.log.1")
        served.send(number)
        until(log.exists)
        assert served.ask().body == b"100"


def test_a_child_never_outlives_its_parent(home: Path) -> None:
    with Reloaded(home) as served:
        pid = int(served.ask("/pid").body)
        served.send(signal.SIGKILL)
        served.wait()
        until(lambda: not is_alive(pid))


def test_a_child_whose_parent_is_gone_does_not_even_begin(home: Path) -> None:
    with Reloaded(home) as served:
        served.write(f"import os; open('pid', 'w').write(str(os.getpid()))\n{BLOCKED}{PROGRAM}")
        served.await_output("importing")
        served.send(signal.SIGKILL)
        (home / "go").touch()
        served.wait()
        until(lambda: not is_alive(int((home / "pid").read_text())))


def test_a_child_that_is_blocked_while_it_is_imported_does_not_outlive_its_parent(home: Path) -> None:
    with Reloaded(home, ("-m", "aiosock", "program:app")) as served:
        served.write(f"import os; open('pid', 'w').write(str(os.getpid()))\n{BLOCKED}{PROGRAM}")
        served.await_output("importing")
        served.send(signal.SIGKILL)
        served.wait()
        until(lambda: not is_alive(int((home / "pid").read_text())))


def test_a_parent_has_one_child_and_no_zombies(home: Path) -> None:
    with Reloaded(home) as served:
        for version in (101, 102):
            served.save(version)
            served.await_version(version)
        until(lambda: len(children(served.popen.pid)) == 1)
        assert "Z" not in children(served.popen.pid)


def test_a_signal_while_the_program_is_imported_is_no_failure(home: Path) -> None:
    with Reloaded(home) as served:
        served.write(BLOCKED + PROGRAM)
        served.await_output("importing")
        served.send(signal.SIGINT)
        assert served.wait() == 0


def test_a_directory_that_goes_away_and_comes_back_is_served_again(home: Path) -> None:
    (home / "src").mkdir()
    with Reloaded(home / "src") as served:
        shutil.rmtree(home / "src")
        served.await_answer(lambda answer: answer.status == 500)
        (home / "src").mkdir()
        served.save(101)
        served.await_version(101)


# Where it makes no sense.


def refused(home: Path, program: str, *command: str, **env: str) -> str:
    """Return the one line with which a program is refused."""
    (home / "program.py").write_text(program)
    arguments = command or ("program.py", "--reload", "--port", "0")
    status, output, errors = run_to_its_end(
        [sys.executable, *arguments], cwd=home, env={"PYTHONPATH": str(ROOT), **env}
    )
    assert (status, output) == (2, "")
    assert errors.count("\n") == 1
    return errors.removeprefix("aiosock: error: ").strip()


def test_a_program_from_standard_input_is_refused(home: Path) -> None:
    line = refused(home, PROGRAM, "-c", "import sys; sys.argv[0] = '-'; exec(open('program.py').read())", "--reload")
    assert line.startswith("cannot reload: an interactive session, or a program from standard input,")


def test_an_archive_is_refused(home: Path) -> None:
    with zipfile.ZipFile(home / "app.pyz", "w") as archive:
        archive.writestr("__main__.py", PROGRAM)
    line = refused(home, PROGRAM, "app.pyz", "--reload")
    assert (
        line == "cannot reload: app.pyz is an archive, whose files nobody changes; run the program from its directory"
    )


def test_a_thread_is_refused(home: Path) -> None:
    program = PROGRAM.replace(
        "    main(app)",
        "    import threading; from aiosock import run\n"
        "    def start():\n        try: run(app, reload=True)\n        except SystemExit as e: os._exit(e.code)\n"
        "    threading.Thread(target=start).start()",
    )
    assert refused(home, program).startswith("cannot reload: run() is called in a thread")


def test_a_running_loop_is_refused(home: Path) -> None:
    program = PROGRAM.replace("    main(app)", "    async def start(): main(app)\n    asyncio.run(start())")
    assert refused(home, program).startswith("cannot reload: run() is called in a running event loop")


def test_a_program_that_is_gone_is_refused(home: Path) -> None:
    program = PROGRAM.replace("    main(app)", "    os.remove(__file__); main(app)")
    assert refused(home, program) == "cannot reload: there is no program.py to start again"


def test_without_watchfiles_it_is_refused(home: Path) -> None:
    program = "import sys; sys.modules['watchfiles'] = None\n" + PROGRAM
    assert "install aiosock-server with its extra 'reload'" in refused(home, program)


def test_an_address_in_use_is_refused(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = refused(home, PROGRAM, "program.py", "--reload", "--port", port)
    assert line == f"cannot listen on 127.0.0.1:{port}: Address already in use"


async def test_serve_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^reload restarts a whole program: it is for run\(\)"):
        async with serve(App(), reload=True):
            raise AssertionError


def test_it_implies_debug() -> None:
    assert Config(reload=True).debug
    assert not Config().debug
