"""`aiosock serve` as people type it, with curl."""

import json
import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.e2e.curl import curl, curl_answer
from tests.e2e.process import LOOPS, ROOT, Process, Served, run_to_its_end
from tests.e2e.raw import Raw
from tests.patience import PATIENCE

pytestmark = [
    pytest.mark.costly,
    pytest.mark.skipif(os.name != "posix", reason="needs POSIX files and signals"),
]

DRAINING = "aiosock: draining; a second signal ends it at once\n"
AIOSOCK = [sys.executable, "-m", "aiosock"]
PATHS = {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
UPLOAD = b"PUT /new HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n"


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "file.txt").write_text("text\n")
    (root / ".hidden").write_text("hidden\n")
    return root


def serve_directory(root: Path, loop: str, *options: str, env: dict[str, str] | None = None) -> Served:
    """Serve a directory that is the current one."""
    return Served([*AIOSOCK, "serve", "--port", "0", "--loop", loop, *options], cwd=root, env={**PATHS, **(env or {})})


def test_the_current_directory_is_served_and_every_request_has_a_line(loop: str, root: Path) -> None:
    with serve_directory(root, loop) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert re.fullmatch(r"(\S+ \S+ +(-|5)  (sub/|file\.txt)\n){2}", curl(server.url).text)
        assert curl(f"{server.url}/file.txt").text == "text\n"
        assert curl_answer(f"{server.url}/.hidden")[0] == 404
        assert '"GET /file.txt HTTP/1.1" 200' in server.await_output('"GET /.hidden HTTP/1.1" 404')
        assert server.stop() == 0

    assert server.errors == DRAINING


def test_another_directory_can_be_named(loop: str, root: Path) -> None:
    with serve_directory(root.parent, loop, "root") as server:
        assert curl(f"{server.url}/file.txt").text == "text\n"


def test_curl_uploads_and_replaces_what_it_names(loop: str, root: Path, tmp_path: Path) -> None:
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(3_000_000))
    with serve_directory(root, loop, "--upload") as server:
        url = f"{server.url}/sub/"
        assert curl("-T", str(big), url).json == {"name": "big.bin", "size": 3_000_000}
        assert (root / "sub" / "big.bin").read_bytes() == big.read_bytes()

        # curl waits for the 100, which does not come, and sends nothing of the body.
        refused = curl(
            "-T",
            str(big),
            "-w",
            "%{http_code} %{size_upload}",
            "-o",
            os.devnull,
            "--expect100-timeout",
            str(PATIENCE),
            url,
        )
        assert refused.text == "409 0"

        big.write_bytes(b"shorter")
        assert curl("-T", str(big), "-H", "If-Match: *", url).json == {"name": "big.bin", "size": 7}
        assert curl(f"{url}big.bin").text == "shorter"
        assert curl("-T", "-", f"{url}piped", body=b"piped").json == {"name": "piped", "size": 5}
        stored = curl("-F", f"file=@{big};filename=form.bin", url).json
        assert stored == {"files": [{"name": "form.bin", "size": 7}]}
        assert server.stop() == 0

    assert sorted(path.name for path in (root / "sub").iterdir()) == ["big.bin", "form.bin", "piped"]
    assert server.errors == DRAINING


def test_curl_does_not_resume_an_upload_by_cutting_the_file(loop: str, root: Path, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(bytes(100))
    with serve_directory(root, loop, "--upload") as server:
        status, _, text = curl_answer("-C", "50", "-T", str(tmp_path / "part"), f"{server.url}/part")

        assert (status, "not in parts" in text) == (400, True)
    assert not (root / "part").exists()


def test_a_file_under_way_is_stored_before_the_server_ends(loop: str, root: Path) -> None:
    with serve_directory(root, loop, "--upload") as server, Raw(server.address) as client:
        client.send(UPLOAD)
        assert client.answer().status == 100
        client.send(b"abc")
        server.send(signal.SIGTERM)
        server.await_errors(DRAINING)
        client.send(b"def")

        assert client.answer().status == 201
        client.close()
        assert server.wait() == 0
    assert (root / "new").read_bytes() == b"abcdef"
    assert server.errors == DRAINING


def test_a_file_that_does_not_come_in_time_leaves_nothing(loop: str, root: Path) -> None:
    before = set(os.listdir(root))
    options = ("--upload", "--timeouts.drain-seconds", "0.2")
    with serve_directory(root, loop, *options) as server, Raw(server.address) as client:
        client.send(UPLOAD)
        assert client.answer().status == 100
        client.send(b"abc")

        assert server.stop() == 0
    assert set(os.listdir(root)) == before


def test_a_slow_file_is_given_up(loop: str, root: Path) -> None:
    before = set(os.listdir(root))
    options = ("--upload", "--timeouts.body-idle-seconds", "0.2")
    with serve_directory(root, loop, *options) as server, Raw(server.address) as client:
        client.send(UPLOAD)
        assert client.answer().status == 100
        client.send(b"abc")

        assert client.answer().status == 408
        assert set(os.listdir(root)) == before


def test_a_password_from_the_environment_is_asked_for(loop: str, root: Path) -> None:
    with serve_directory(root, loop, env={"AIOSOCK_AUTH": "ada:se:cret", "AIOSOCK_UPLOAD": "true"}) as server:
        status, fields, _ = curl_answer(server.url)
        assert (status, fields["www-authenticate"]) == (401, 'Basic realm="aiosock", charset="UTF-8"')
        assert curl("-u", "ada:se:cret", f"{server.url}/file.txt").text == "text\n"
        assert curl("-u", "ada:se:cret", "-T", "-", f"{server.url}/new", body=b"x").json["size"] == 1
        assert curl_answer("-u", "ada:wrong", "-T", "-", f"{server.url}/newer", body=b"x")[0] == 401


def test_the_network_is_served_with_a_warning(loop: str, root: Path) -> None:
    with serve_directory(root, loop, "--host", "0.0.0.0", "--upload", env={"BROWSER": "true"}) as server:
        port = server.address[1]
        assert curl(f"http://127.0.0.1:{port}/file.txt").text == "text\n"
        told = re.search(r"^on the network: (http://\S+)$", server.output, re.MULTILINE)
        if told is not None:  # this machine has a network
            assert curl(f"{told[1]}/file.txt").text == "text\n"
            server.await_errors("aiosock: warning: anyone who can reach this server can add and replace files")
        assert server.stop() == 0


@pytest.mark.parametrize("browser", ["false", "no-such-browser", ""])
def test_a_browser_that_fails_does_not_stop_it(loop: str, root: Path, browser: str) -> None:
    env = {"BROWSER": browser, "DISPLAY": "", "WAYLAND_DISPLAY": "", "PATH": str(root)}
    with serve_directory(root, loop, "--open", env=env) as server:
        server.await_errors(f"aiosock: warning: no browser could open {server.url}\n")
        assert curl(f"{server.url}/file.txt").text == "text\n"
        assert server.stop() == 0


def test_a_closed_standard_output_does_not_stop_it(loop: str, root: Path) -> None:
    pytest.importorskip("segno")
    with socket.create_server(("0.0.0.0", 0)) as listening:
        number = listening.fileno()
        command = [*AIOSOCK, "serve", "--loop", loop, "--qr", "--bind", f"fd:{number}"]
        shell = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
        with Process(shell, cwd=root, env=PATHS, pass_fds=[number]) as server:
            with Raw(("127.0.0.1", listening.getsockname()[1])) as client:
                assert client.get("/file.txt").body == b"text\n"
            assert server.stop() == 0

    assert server.errors.endswith(DRAINING)
    assert "Traceback" not in server.errors


def test_a_code_is_drawn(loop: str, root: Path) -> None:
    pytest.importorskip("segno")
    with serve_directory(root, loop, "--qr", env={"PYTHONIOENCODING": "utf-8"}) as server:
        server.await_output("█")
        server.await_errors("--host 0.0.0.0 lets them connect\n")


def test_a_terminal_that_cannot_draw_does_not_stop_it(loop: str, root: Path) -> None:
    pytest.importorskip("segno")
    with serve_directory(root, loop, "--qr", env={"PYTHONIOENCODING": "ascii"}) as server:
        assert curl(f"{server.url}/file.txt").text == "text\n"


def test_a_module_called_serve_is_an_app_where_its_app_is_named(loop: str, tmp_path: Path) -> None:
    (tmp_path / "serve.py").write_text(
        "from aiosock import App\napp = App()\n\n@app.get('/')\nasync def home(request):\n    return 'an app'\n"
    )
    with Served([*AIOSOCK, "serve:app", "--port", "0", "--loop", loop], cwd=tmp_path, env=PATHS) as server:
        assert curl(server.url).text == "an app"


def test_one_line_says_what_cannot_be_served(root: Path) -> None:
    status, output, errors = run_to_its_end([*AIOSOCK, "serve", "nowhere"], cwd=root, env=PATHS)

    assert (status, output, errors) == (2, "", "aiosock: error: 'nowhere' is not a directory\n")


def test_programs_get_json(loop: str, root: Path) -> None:
    with serve_directory(root, loop) as server:
        listing = json.loads(curl("-H", "Accept: application/json", server.url).text)

    assert [entry["name"] for entry in listing["entries"]] == ["sub", "file.txt"]
